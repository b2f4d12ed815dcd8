"""The report in a browser: it fits a phone, needs nothing, suits the dark, and prints."""

import os

import pytest
from PIL import Image

from overica.compare.page import write_report
from tests.report.chromium import DARK, LIGHT, ask_page, find_browser, run_browser
from tests.report.made_up_study import METHODS, SIZES, failed, write_study

REQUIRED = os.environ.get("OVERICA_REQUIRE_BROWSER") == "1"
pytestmark = pytest.mark.skipif(
    find_browser() is None and not REQUIRED, reason="no Chromium found; $CHROMIUM may name one"
)

PHONE, DESKTOP = 360, 1280
CHOSEN = ("ica", "relu", "batchtopk", "pca", "oracle")


def one_fails(cell):
    long = "a very_long_message_without_any_space_to_break_the_line_at/" * 4
    return failed(cell, message=long) if cell["seed"] == 1 and cell["method"] == "relu" else cell


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    methods = {name: METHODS[name] for name in CHOSEN}
    write_study(folder, methods=methods, sizes=SIZES, change=one_fails, cells=999)
    # Long names are what breaks a page first.
    results = folder / "results.jsonl"
    header = folder / "study.json"
    for path in (results, header):
        text = path.read_text(encoding="utf-8")
        text = text.replace('"three_features"', '"a_data_set_with_a_rather_long_name_of_its_own"')
        path.write_text(text.replace('"ReLU/L1"', f'"ReLU{"x" * 40}"'), encoding="utf-8")
    return write_report(folder)


# Everything that sticks out to the right, unless it scrolls in a box of its own.
OVERFLOW = """[...document.querySelectorAll("body *")]
  .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, pre, .spoken"))
  .map(e => e.tagName + "." + (e.getAttribute("class") ?? "")).slice(0, 5)"""


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_page_is_as_wide_as_the_window(report, width):
    script = f"""[innerWidth, document.documentElement.scrollWidth, {OVERFLOW}]"""
    answer, _ = ask_page(report, script, width=width)
    assert answer["value"] == [width, width, []]


def test_open_details_fit_a_phone_too(report):
    script = f"""(document.querySelectorAll("details").forEach(d => d.open = true),
      [document.documentElement.scrollWidth, {OVERFLOW}])"""
    answer, _ = ask_page(report, script, width=PHONE)
    assert answer["value"] == [PHONE, []]


@pytest.mark.parametrize("scheme", [LIGHT, DARK])
def test_no_errors_and_no_requests(report, scheme):
    answer, console = ask_page(report, "document.styleSheets.length", width=PHONE, scheme=scheme)
    assert answer == {"value": 1, "violations": [], "errors": [], "requests": []}
    assert console == []


def test_the_questions_above_notice_what_they_look_for(report, tmp_path):
    """A page with a wide box, an outside picture and an error of its own is found out."""
    bad = tmp_path / "bad.html"
    source = report.read_text(encoding="utf-8")
    more = '<div style="width: 3000px">wide</div><img src="http://localhost:9/a.png">'
    bad.write_text(source.replace("</header>", more + "</header>"), encoding="utf-8")
    answer, console = ask_page(bad, f"[document.documentElement.scrollWidth, {OVERFLOW}]")
    width, sticking_out = answer["value"]
    assert width >= 3000
    assert sticking_out == ["DIV."]
    assert answer["violations"] == ["http://localhost:9/a.png"]
    assert console


# Contrast of all text with what lies behind it, as WCAG defines it, worst first.
CONTRAST = """(() => {
  // What color-mix gives is written as color(srgb r g b), with shares instead of 255ths.
  const parse = c => c.match(/[\\d.]+/g).map(Number).map((v, i) => i < 3 && c.startsWith("color(") ? 255 * v : v);
  const channel = v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  const worst = {};
  for (const e of document.querySelectorAll("body *")) {
    const text = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!text || e.tagName === "title") continue;
    const style = getComputedStyle(e);
    const inSvg = e instanceof SVGElement;
    const [a, b] = [light(parse(inSvg ? style.fill : style.color)), light(behind(e))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    const key = e.tagName + "." + (e.getAttribute("class") ?? "");
    worst[key] = Math.min(worst[key] ?? 99, ratio);
  }
  return worst;
})()"""


@pytest.mark.parametrize("scheme", [LIGHT, DARK])
def test_text_stands_out_from_its_ground(report, scheme):
    answer, _ = ask_page(report, CONTRAST, scheme=scheme)
    assert len(answer["value"]) > 15
    assert {key: ratio for key, ratio in answer["value"].items() if ratio < 4.5} == {}


def test_marks_stand_out_from_their_ground(report):
    script = """[...document.querySelectorAll(".key")].map(e => getComputedStyle(e).color)
      .concat([getComputedStyle(document.body).backgroundColor])"""
    for scheme in (LIGHT, DARK):
        answer, _ = ask_page(report, script, scheme=scheme)
        *marks, ground = [luminance(colour) for colour in answer["value"]]
        for mark in marks:
            assert (max(mark, ground) + 0.05) / (min(mark, ground) + 0.05) >= 3


def luminance(colour):
    channels = [int(part) / 255 for part in colour.removeprefix("rgb(").rstrip(")").split(",")]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


# Height of the smallest text of each kind of picture, in CSS pixels on the screen.
TEXT_SIZES = """Object.fromEntries([...document.querySelectorAll("svg text")].map(t => {
  const svg = t.ownerSVGElement;
  const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
  return [svg.getAttribute("class"), scale * parseFloat(getComputedStyle(t).fontSize)];
}))"""


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_text_in_pictures_is_large_enough(report, width):
    answer, _ = ask_page(report, TEXT_SIZES, width=width)
    assert {"chart", "chart split", "small"} <= set(answer["value"])
    assert {key: size for key, size in answer["value"].items() if not 9 <= size <= 20} == {}


@pytest.mark.parametrize("scheme", [LIGHT, DARK])
def test_screenshot_has_the_ground_of_its_scheme(report, tmp_path, scheme):
    path = tmp_path / "page.png"
    run_browser(report, f"--screenshot={path}", width=PHONE, height=800, scheme=scheme)
    with Image.open(path) as image:
        assert image.size == (PHONE, 800)
        corner = image.convert("L").getpixel((2, 2))
        darkest, brightest = image.convert("L").getextrema()
    assert (corner > 200) == (scheme == LIGHT)
    assert brightest - darkest > 150


def test_prints(report, tmp_path):
    path = tmp_path / "report.pdf"
    run_browser(report, f"--print-to-pdf={path}", "--no-pdf-header-footer", scheme=DARK)
    data = path.read_bytes()
    assert data.startswith(b"%PDF-")
    # Each data set begins a page.
    assert data.count(b"/Type /Page\n") > len(SIZES)


@pytest.fixture(scope="module")
def default_size(tmp_path_factory):
    """Six data sets, nine methods."""
    folder = tmp_path_factory.mktemp("default")
    methods = {name: entry for name, entry in METHODS.items() if name != "random"}
    names = (*SIZES, "deep_hierarchy", "compositional_held_out")
    sizes = dict(zip(names, [*SIZES.values(), (32, 96, 4.0), (47, 100, 10.0)], strict=True))
    return write_report(write_study(folder, methods=methods, sizes=sizes))


def test_answer_and_table_fit_the_first_screen(default_size):
    script = """["h1", "table", ".remark", ".verdict"].map(
      name => document.querySelector("header " + name).getBoundingClientRect().bottom)"""
    answer, _ = ask_page(default_size, script, width=1200)
    title, table, remark, verdict = answer["value"]
    assert title < table < remark < verdict
    assert remark <= 800


# How the overview stands at both ends of its way, and what lies under the fading edge.
SCROLLED = """(() => {
  const box = document.querySelector("header .scroll"), head = box.querySelector("tbody th");
  const last = box.querySelector("tbody td:last-child");
  const fade = parseFloat(getComputedStyle(box).paddingRight);
  const at = () => ({head: head.getBoundingClientRect().left, clear: box.getBoundingClientRect().right - fade,
                     last: last.getBoundingClientRect().right});
  const start = at();
  box.scrollLeft = box.scrollWidth;
  return {start, end: at(), mask: getComputedStyle(box).maskImage, fade};
})()"""


def test_phone_shows_most_of_six_columns_at_once_and_what_they_are(default_size):
    script = """(() => {
      const right = e => e.getBoundingClientRect().right;
      const cells = [...document.querySelectorAll("header tbody tr:first-child td")];
      const shown = e => [...document.querySelectorAll(e)].filter(e => e.offsetHeight).length;
      return [cells.length, cells.filter(e => right(e) <= innerWidth).length,
              shown("header thead .about"), shown("header dl.about div")];
    })()"""
    answers = [ask_page(default_size, script, width=width)[0]["value"] for width in (390, 1200)]
    (n, seen, above, below), wide = answers
    assert (n, above, below) == (6, 0, 6)
    assert seen >= 5
    assert wide == [6, 6, 6, 0]


def test_table_on_a_phone_fades_where_it_goes_on_and_keeps_its_heads(default_size):
    answer, _ = ask_page(default_size, SCROLLED, width=320)
    found = answer["value"]
    assert found["mask"].startswith("linear-gradient(to left, rgba(0, 0, 0, 0)")
    assert found["fade"] >= 12
    assert found["start"]["last"] > 320
    assert found["end"]["head"] == found["start"]["head"] > 0
    # At the end of the way nothing of the table is under the fade.
    assert found["end"]["last"] <= found["end"]["clear"] + 1
    wide, _ = ask_page(default_size, SCROLLED, width=1200)
    assert wide["value"]["start"] == wide["value"]["end"]
    assert wide["value"]["end"]["last"] <= wide["value"]["end"]["clear"] + 1
