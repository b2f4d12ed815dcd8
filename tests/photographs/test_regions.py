"""Patches of the three sets share no pixel, and white coordinates are an exact map."""

import numpy as np
import pytest

from overica.photographs import split_photographs


def numbered(rows, columns, first=0):
    """A picture in which every pixel has a grey level of its own."""
    return first + np.arange(rows * columns, dtype=float).reshape(rows, columns)


@pytest.mark.parametrize("n_pictures", [1, 2, 12])
def test_sets_share_no_pixel(n_pictures):
    pictures = [numbered(40, 48, 10_000 * i) for i in range(n_pictures)]
    data = split_photographs(
        pictures, side=4, precision=0.5, n_patches=(900, 200, 200), random_state=0
    )
    seen = [set(part.grey.ravel()) for part in (data.fit, data.choose, data.judge)]
    assert all(len(pixels) > 100 for pixels in seen)
    assert not seen[0] & (seen[1] | seen[2])
    assert not seen[1] & seen[2]
    assert sum(data.n_regions.values()) >= (12 if n_pictures == 12 else 20)
    if n_pictures == 12:
        homes = [{int(p // 10_000) for p in pixels} for pixels in seen]
        assert sum(len(home) for home in homes) == 12


def test_patches_are_windows():
    data = split_photographs(
        [numbered(40, 40)], side=3, precision=1.0, n_patches=(50, 20, 20), random_state=0
    )
    patches = data.judge.grey.reshape(-1, 3, 3)
    assert (np.diff(patches, axis=2) == 1).all()
    assert (np.diff(patches, axis=1) == 40).all()


@pytest.mark.parametrize("precision", [1.0, 8.0])
def test_cells(precision):
    data = split_photographs(side=4, precision=precision, n_patches=(2000, 50, 50), random_state=0)
    offset = data.fit.cells - precision * np.round(data.fit.grey / precision)
    assert np.abs(offset).max() <= precision / 2
    assert offset.var() == pytest.approx(precision**2 / 12, rel=0.03)


def test_white_coordinates():
    data = split_photographs(side=4, n_patches=(3000, 100, 100), random_state=0)
    np.testing.assert_allclose(np.cov(data.fit.white.T), np.eye(16), atol=1e-8)
    np.testing.assert_allclose(
        data.judge.white @ data.dewhitener + data.mean, data.judge.cells, atol=1e-8
    )
    assert data.log_det == pytest.approx(np.linalg.slogdet(data.whitener)[1])
    expected = np.trace(data.whitener @ data.whitener) * data.precision**2 / 12 / 16
    assert data.noise_share == pytest.approx(expected)


def test_seed():
    one, same, other = (
        split_photographs(side=3, n_patches=(100, 10, 10), random_state=s) for s in (0, 0, 1)
    )
    np.testing.assert_array_equal(one.judge.white, same.judge.white)
    assert not np.array_equal(one.judge.grey, other.judge.grey)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": []}, "`images` must hold at least one picture"),
        ({"images": [np.ones((3, 30))]}, r"`images\[0\]` must have shape .*4 x 4 pixels"),
        ({"images": [np.ones((9, 9))]}, "`images` must have room for 20 regions"),
        ({"images": [np.full((99, 99), np.nan)]}, r"`images\[0\]` must be finite"),
        ({"side": 1}, "`side` must be an integer >= 2, got 1"),
        ({"precision": 0}, "`precision` must be a finite number > 0, got 0"),
        ({"n_patches": (10, 5, 5)}, "`n_patches` must be large enough for a covariance of 16"),
    ],
)
def test_bad_input(change, message):
    arguments = {"side": 4, "n_patches": (100, 10, 10), "random_state": 0} | change
    with pytest.raises(ValueError, match=message):
        split_photographs(**arguments)
