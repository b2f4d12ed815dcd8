"""Pictures of a folder come out as grey levels, whatever they are stored as."""

import numpy as np
import pytest
from PIL import Image

from overica.datasets import load_images

LUMINANCE = 0.2126 * 200 + 0.7152 * 100 + 0.0722 * 50


@pytest.fixture
def colour():
    return Image.fromarray(np.full((4, 6, 3), (200, 100, 50), np.uint8))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
@pytest.mark.parametrize("ending", ["png", "tif"])
def test_colour_becomes_luminance(tmp_path, colour, mode, ending):
    stored = colour.quantize(4) if mode == "P" else colour.convert(mode)
    stored.save(tmp_path / f"a.{ending}")
    [picture] = load_images(tmp_path)
    assert picture.dtype == np.float64
    np.testing.assert_allclose(picture, np.full((4, 6), LUMINANCE), atol=1e-9)


def test_jpeg_and_cmyk(tmp_path, colour):
    colour.save(tmp_path / "a.JPG", quality=100)
    colour.convert("CMYK").save(tmp_path / "b.jpeg", quality=100)
    for picture in load_images(tmp_path):
        np.testing.assert_allclose(picture, LUMINANCE, atol=3)


def test_grey_and_sixteen_bits(tmp_path):
    grey = np.arange(24, dtype=np.uint8).reshape(4, 6)
    Image.fromarray(grey).save(tmp_path / "a.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "b.png")
    for picture in load_images(tmp_path):
        np.testing.assert_allclose(picture, grey, atol=1e-9)


def test_lying_pictures_stand_up(tmp_path, colour):
    exif = colour.getexif()
    exif[0x0112] = 6
    colour.save(tmp_path / "a.jpg", exif=exif)
    assert load_images(tmp_path)[0].shape == (6, 4)


def test_order_of_names_and_strangers(tmp_path, colour):
    for name, level in (("b.png", 9), ("a.png", 3)):
        Image.fromarray(np.full((2, 2), level, np.uint8)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture", encoding="utf-8")
    (tmp_path / "folder.png").mkdir()
    assert [picture[0, 0] for picture in load_images(tmp_path)] == [3, 9]


def test_errors_name_what_is_wrong(tmp_path):
    with pytest.raises(ValueError, match=r"`folder` must be a folder with pictures, got .*missing"):
        load_images(tmp_path / "missing")
    (tmp_path / "notes.txt").write_text("no picture", encoding="utf-8")
    with pytest.raises(ValueError, match=r"must hold at least one picture .* 1 entries"):
        load_images(tmp_path)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    with pytest.raises(ValueError, match=r"'broken.png', which cannot be read"):
        load_images(tmp_path)
