"""Figures put things where their numbers say."""

import base64
import io
import math
import re
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from overica.compare import Results
from overica.compare.sections import SPLIT
from overica.report.figures import (
    assign_marks,
    definitions,
    draw_along,
    draw_directions,
    draw_heatmap,
    draw_histogram,
    draw_pareto,
    draw_split,
)
from overica.report.figures.axes import Linear, Logarithmic, logarithmic_around
from overica.report.figures.svg import element
from overica.studies.levels import at_matched, by_level
from overica.studies.spread import mean_of, metric_value
from tests.report.made_up_study import METHODS, write_study

MARK = assign_marks({"ica": {}})["ica"]
finite = st.floats(-1e6, 1e6, allow_nan=False)


class Shapes(HTMLParser):
    """All elements of a picture as (name, attributes)."""

    def __init__(self, markup):
        super().__init__()
        self.found = []
        self.feed(str(markup))

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def named(self, name, class_=None):
        return [a for tag, a in self.found if tag == name and class_ in (None, a.get("class"))]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return Results.load(write_study(tmp_path_factory.mktemp("study")))


def split_of(results, dataset):
    """Mean parts of the error by method, and their picture."""
    splits = {
        method: {
            part: mean_of(c["split"][part] for c in at_matched(results.of(dataset, method)))
            for part in SPLIT
        }
        for method in METHODS
    }
    labels = {method: results.label(method) for method in METHODS}
    return splits, draw_split(splits, labels, assign_marks(results.methods), "name")


@given(finite, st.floats(1e-3, 1e6))
def test_linear_ticks_lie_inside_and_are_even(low, width):
    scale = Linear(low, low + width)
    ticks = scale.ticks()
    slack = 1e-6 * (width + abs(low))
    assert 2 <= len(ticks) <= 6
    assert all(scale.low - slack <= tick <= scale.high + slack for tick in ticks)
    steps = [b - a for a, b in pairwise(ticks)]
    assert max(steps) - min(steps) <= slack


@given(st.floats(1e-3, 1e4), st.floats(1.0, 1e4))
def test_logarithmic_ticks_lie_inside_and_ascend(low, ratio):
    scale = logarithmic_around([low, low * ratio, math.nan, -1.0])
    ticks = scale.ticks()
    assert 2 <= len(ticks) <= 10
    assert ticks == sorted(set(ticks))
    assert all(scale.low <= tick <= scale.high for tick in ticks)
    assert scale.low < low <= low * ratio < scale.high


@given(st.floats(0.01, 100), st.floats(1.1, 100), st.floats(0, 1))
def test_logarithmic_share_inverts(low, ratio, share):
    scale = Logarithmic(low, low * ratio)
    assert scale.share(low * ratio**share) == pytest.approx(share, abs=1e-9)
    assert (scale.share(low / 2), scale.share(0.0), scale.share(low * ratio * 2)) == (0, 0, 1)


def test_forty_methods_can_be_told_apart_without_colour_or_with():
    family = {True: "baseline", False: "sae"}
    marks = assign_marks({str(i): {"family": family[i % 3 == 0]} for i in range(40)})
    assert len(set(marks.values())) == 40
    twenty = assign_marks({str(i): {"family": family[i % 2 == 0]} for i in range(20)})
    assert len({(mark.shape, mark.hollow) for mark in twenty.values()}) == 20
    ids = {a["id"] for a in Shapes(definitions()).named("symbol")}
    assert {f"shape-{mark.shape}" for mark in marks.values()} == ids


def test_element_escapes_and_numbers_are_short():
    assert (
        str(element("a", "<b>", title='"<', x=1.26)) == '<a title="&#34;&lt;" x="1.3">&lt;b&gt;</a>'
    )


@pytest.mark.parametrize("metric", ["explained_variance", "share_recovered", "mean_cosine"])
def test_curve_has_a_marker_for_every_seed_and_mean(results, metric):
    marks = assign_marks(results.methods)
    shapes = Shapes(draw_pareto(results, marks, "hierarchy", metric, 4.0))
    cells = results.of("hierarchy")
    groups = {(cell["method"], cell["target_l0"]) for cell in cells}
    assert len(shapes.named("use")) == len(cells) + len(groups)
    lines = shapes.named("polyline", "line")
    assert len(lines) == len(METHODS)
    # Three levels each; the own level of two methods is no part of their curve.
    assert {len(line["points"].split()) for line in lines} == {3}


def test_curve_goes_through_the_means(results):
    marks = assign_marks(results.methods)
    shapes = Shapes(draw_pareto(results, marks, "hierarchy", "share_recovered", 4.0))
    line = shapes.named("polyline", "line")[list(METHODS).index("topk")]
    drawn = np.array([[float(v) for v in p.split(",")] for p in line["points"].split()])
    means = np.array(
        [
            [np.mean([metric_value(c, m) for c in cells]) for m in ("l0", "share_recovered")]
            for cells in by_level(results.of("hierarchy", "topk")).values()
        ]
    )
    # Position is linear in log L0 to the right, and in the share upwards.
    for column, place in ((np.log(means[:, 0]), drawn[:, 0]), (-means[:, 1], drawn[:, 1])):
        slope, shift = np.polyfit(column, place, 1)
        assert slope > 0
        np.testing.assert_allclose(slope * column + shift, place, atol=0.15)


def test_no_curve_without_points(results):
    assert draw_pareto(results, {}, "hierarchy", "monosemanticity", 4.0) is None
    assert draw_split({"ica": {"floor": math.nan}}, {}, {}, "name") is None


def test_bars_are_as_long_as_the_parts(results):
    splits, picture = split_of(results, "hierarchy")
    bars = Shapes(picture).named("rect")
    lengths = [abs(length) for parts in splits.values() for length in parts.values()]
    lengths = np.array([length for length in lengths if length > 0])
    widths = np.array([float(bar["width"]) for bar in bars])
    assert len(widths) == len(lengths)
    scale = widths.sum() / lengths.sum()
    np.testing.assert_allclose(widths, scale * lengths, atol=0.1)


def test_hatching_stays_in_its_bar(results):
    markup = str(split_of(results, "hierarchy")[1])
    box = r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="14">'
    bars = re.findall(box + r'<title>[^<]*</title></rect><path d="(.*?)"', markup)
    assert len(bars) > 10
    for x, y, width, path in bars:
        ends = np.array(re.findall(r"[ML]([-\d.]+) ([-\d.]+)", path), float).reshape(-1, 2)
        low, high = np.array([float(x), float(y)]), np.array([float(width), 14.0])
        assert (ends >= low - 0.11).all()
        assert (ends <= low + high + 0.11).all()


def test_histogram_bars_hold_all_directions():
    edges = np.linspace(-1, 1, 21).tolist()
    learned = [0.0] * 12 + [1, 0, 0, 2, 0, 0, 0, 5.0]
    cell = {
        "histogram": {"edges": edges, "learned": learned, "random": [0.0] * 15 + [8.0] + [0.0] * 4}
    }
    shapes = Shapes(draw_histogram([cell, cell], MARK, "name"))
    heights = np.array([float(bar["height"]) for bar in shapes.named("rect")])
    np.testing.assert_allclose(heights / heights.max(), [0.2, 0.4, 1.0], atol=0.01)
    assert draw_histogram([{"histogram": None}, {}], MARK, "name") is None


def test_heat_map_pixels_are_the_cosines():
    cosines = [[1.0, 0.2, -0.5], [0.0, 0.6, math.nan]]
    (image,) = Shapes(draw_heatmap(cosines, "name")).named("image")
    data = base64.b64decode(image["href"].removeprefix("data:image/png;base64,"))
    pixels = np.asarray(Image.open(io.BytesIO(data)))
    np.testing.assert_allclose(pixels[..., 3] / 255, np.abs(np.nan_to_num(cosines)), atol=0.003)
    reddish = pixels[..., 0] > pixels[..., 2]
    np.testing.assert_array_equal(reddish, [[False, False, True], [False, False, False]])
    assert float(image["height"]) == pytest.approx(float(image["width"]) * 2 / 3, abs=0.1)


def test_arrows_point_where_the_directions_do():
    learned = np.array([[1.0, 0.0], [0.0, -0.5]])
    shapes = Shapes(draw_directions(learned, np.array([[3.0, 4.0]]), MARK, "name"))
    tips = [tip["points"].split()[0].split(",") for tip in shapes.named("polygon", "tip")]
    offsets = np.array(tips, float) - 90
    np.testing.assert_allclose(offsets, [[78, 0], [0, 39]], atol=0.1)
    (line,) = shapes.named("line", "true")
    ends = np.array([float(line[name]) - 90 for name in ("x1", "y1", "x2", "y2")])
    np.testing.assert_allclose(ends, 78 * np.array([-0.6, 0.8, 0.6, -0.8]), atol=0.1)


def test_half_sphere_shows_a_recovery_whatever_its_signs():
    true = np.random.default_rng(0).standard_normal((5, 3))
    signs = np.array([[1.0], [-1.0], [1.0], [-2.0], [0.5]])
    shapes = Shapes(draw_directions(signs * true, true, MARK, "name"))
    rings = [(float(r["cx"]), float(r["cy"])) for r in shapes.named("circle", "ring")]
    dots = [(float(d["x"]) + 3.5, float(d["y"]) + 3.5) for d in shapes.named("use")]
    np.testing.assert_allclose(dots, rings, atol=0.11)
    assert (np.linalg.norm(np.array(rings) - 90, axis=1) <= 78.1).all()


def test_directions_of_other_dimensions_are_left_to_the_heat_map():
    assert draw_directions(np.eye(4), np.eye(4), MARK, "name") is None
    assert draw_directions(np.ones((2, 1)), np.ones((2, 1)), MARK, "name") is None
    assert "nan" not in str(draw_directions(np.zeros((2, 2)), np.eye(2), MARK, "name"))
    assert "nan" not in str(draw_directions(np.zeros((2, 3)), np.eye(3), MARK, "name"))


def test_curve_along_sizes_has_every_seed_and_mean_and_what_chance_is_called():
    records = [
        {
            "cell": f"{what}/{seed}", "dataset": what, "method": "ica", "status": "ok", "seed": seed,
            "metrics": {"f1": {"value": value + shift, "chance": 0.1}},
        }
        for what, value in (("2x", 0.6), ("1x", 0.5), ("4x", 0.9))
        for seed, shift in ((0, -0.1), (1, 0.1))
    ]  # fmt: skip
    results = Results(records, {})
    marks, sizes = assign_marks(results.methods), {"1x": 8.0, "2x": 16.0, "4x": 32.0}
    markup = draw_along(results, marks, "f1", sizes, "features", chance="by luck")
    shapes = Shapes(markup)
    assert len(shapes.named("use")) == 6 + 3
    (line,) = shapes.named("polyline", "line")
    x, y = np.array([[float(v) for v in p.split(",")] for p in line["points"].split()]).T
    # Ascending sizes, evenly spaced since they double; heights as the means.
    assert x[0] < x[1] < x[2]
    assert x[1] - x[0] == pytest.approx(x[2] - x[1], abs=0.2)
    assert (y[0] - y[2]) / (y[0] - y[1]) == pytest.approx(4.0, abs=0.1)
    assert "by luck" in markup
    assert "by luck" not in draw_along(results, marks, "f1", sizes, "features")
    # Without what seeds have in common, the seeds of a size are one.
    paired = Shapes(draw_along(results, marks, "f1", sizes, "features", paired=True))
    heights = {(u["x"], u["y"]) for u in paired.named("use") if u["width"] == "5.2"}
    assert len(heights) == 3
    assert draw_along(results, marks, "recall", sizes, "features") is None
