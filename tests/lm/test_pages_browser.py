"""Pages of features in a browser: from the file system, at phone width, in the dark, by keyboard, with hostile text."""

import html
import json
import os
import re
import shutil

import numpy as np
import pytest
import torch
from scipy import sparse

from overica.lm import FeatureStudy
from overica.lm.features.describe import describe_features
from overica.lm.features.logit_lens import LogitLens
from overica.lm.features.pages import write_feature_pages
from overica.lm.features.record import Run, Source
from overica.lm.study.page import write_study_pages
from tests.lm.fake_store import EVIL, WORDS, write_store
from tests.lm.test_pages import SETTINGS
from tests.report.chromium import DARK, LIGHT, find_browser, run_browser

REQUIRED = os.environ.get("OVERICA_REQUIRE_BROWSER") == "1"
pytestmark = pytest.mark.skipif(
    find_browser() is None and not REQUIRED, reason="no Chromium found; $CHROMIUM may name one"
)
PHONE, DESKTOP = 360, 1280
RUN = "batchtopk-1.5x"

_PROBE = """
const violations = [], errors = [];
document.addEventListener("securitypolicyviolation", e => violations.push(e.blockedURI));
addEventListener("error", e => errors.push(e.message));
window.alert = text => errors.push("alert " + text);
const key = name => document.body.dispatchEvent(new KeyboardEvent("keydown", {key: name, bubbles: true}));
const settled = () => new Promise(done => setTimeout(done, 100));
addEventListener("load", async () => {
  const value = await (async () => (%s))();
  const requests = performance.getEntriesByType("resource").map(e => e.name).filter(n => !n.startsWith("file:"));
  parent.postMessage(JSON.stringify({value, violations, errors, requests}), "*");
});
"""
_FRAME = """<!DOCTYPE html><title></title>
<body style="margin: 0"><iframe src="%s" style="width: %dpx; height: 900px; border: 0"></iframe>
<script>addEventListener("message", e => document.title = e.data)</script>"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    store, _ = write_store(tmp_path_factory.mktemp("acts"))
    folder = tmp_path_factory.mktemp("study")
    FeatureStudy(store, **SETTINGS).run(folder, progress=False)
    write_study_pages(folder, store)
    return folder


@pytest.fixture
def ask(folder, tmp_path):
    """What JavaScript finds in a page of a copy, into which a probe is put that the page's own policy allows."""

    def ask(address, script, *, width=DESKTOP, scheme=LIGHT):
        copy = tmp_path / "copy"
        shutil.copytree(folder, copy, dirs_exist_ok=True)
        page = copy / address.partition("#")[0]
        source = page.read_text(encoding="utf-8")
        if "script-src" not in source:
            source = source.replace("default-src 'none';", "default-src 'none'; script-src file:;")
        (page.parent / "probe.js").write_text(_PROBE % script, encoding="utf-8")
        page.write_text(
            source.replace("<title>", '<script src="probe.js"></script><title>', 1),
            encoding="utf-8",
        )
        frame = copy / "frame.html"
        frame.write_text(_FRAME % (address, width), encoding="utf-8")
        dom, console = run_browser(
            frame, "--dump-dom", "--virtual-time-budget=10000", width=max(width, 800), scheme=scheme
        )
        title = re.search(r"<title>(.+?)</title>", dom, re.DOTALL)
        assert title, f"no answer from the page; its console: {console}"
        answer = json.loads(html.unescape(title[1]))
        assert {k: answer[k] for k in ("violations", "errors", "requests")} == {
            "violations": [],
            "errors": [],
            "requests": [],
        }
        assert console == []
        return answer["value"]

    return ask


OVERFLOW = """[innerWidth, document.documentElement.scrollWidth, [...document.querySelectorAll("body *")]
  .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, pre, .spoken"))
  .map(e => e.tagName + "." + (e.getAttribute("class") ?? "")).slice(0, 5)]"""


@pytest.mark.parametrize("address", ["index.html", f"{RUN}/index.html", f"{RUN}/index.html#3"])
@pytest.mark.parametrize(("width", "scheme"), [(PHONE, DARK), (DESKTOP, LIGHT)])
def test_pages_are_as_wide_as_the_window(ask, address, width, scheme):
    assert ask(address, OVERFLOW, width=width, scheme=scheme) == [width, width, []]


def test_list_has_every_feature_and_sorts_and_searches(ask):
    script = """(() => {
      const firsts = [], sort = document.getElementById("sort"), search = document.getElementById("search");
      const order = () => [...document.querySelectorAll("#rows th")].map(e => Number(e.textContent));
      for (const option of [...sort.options].map(o => o.value)) {
        sort.value = option;
        sort.dispatchEvent(new Event("change"));
        firsts.push([option, order()]);
      }
      search.value = "7";
      search.dispatchEvent(new Event("input"));
      const one = order();
      search.value = "no such token";
      search.dispatchEvent(new Event("input"));
      const told = document.getElementById("found").textContent;
      return {orders: Object.fromEntries(firsts), one, none: order(), told};
    })()"""
    found = ask(f"{RUN}/index.html", script)
    for order in found["orders"].values():
        assert sorted(order) == list(range(12))
    assert found["orders"]["index"] == list(range(12))
    assert len({tuple(order) for order in found["orders"].values()}) > 3
    assert 7 in found["one"]
    assert found["none"] == []
    assert found["told"] == "0 of 12 features"


def test_keyboard_steps_in_the_order_of_the_list(ask):
    script = """(async () => {
      const order = [...document.querySelectorAll("#rows th")].map(e => e.textContent), seen = [];
      location.hash = order[0];
      await settled();
      for (const name of ["ArrowRight", "ArrowRight", "ArrowLeft", "Escape"]) {
        key(name);
        await settled();
        seen.push(location.hash.slice(1));
      }
      return {order, seen, list: !document.getElementById("list").hidden};
    })()"""
    found = ask(f"{RUN}/index.html", script)
    assert found["seen"] == [found["order"][1], found["order"][2], found["order"][1], ""]
    assert found["list"]


def test_hostile_tokens_are_shown_and_do_nothing(ask):
    """Every feature is looked at: markup in tokens and sources is text, and nothing runs."""
    script = """(async () => {
      let text = "", marks = 0, strange = 0;
      for (let i = 0; i < window.OVERICA_RUN.features.length; i++) {
        location.hash = i;
        await settled();
        const article = document.getElementById("feature");
        text += article.textContent;
        marks += article.querySelectorAll("mark").length;
        strange += article.querySelectorAll("script, img, b").length;
      }
      return {evil: text.includes("<script>alert(1)</script>"), source: text.includes("doc <b>"), marks, strange};
    })()"""
    found = ask(f"{RUN}/index.html", script)
    assert found["evil"], EVIL
    assert found["source"]
    assert found["strange"] == 0
    assert found["marks"] > 20


def test_a_feature_has_its_histogram_density_and_links(ask):
    script = """(shades => ({
      title: document.title,
      bars: document.querySelectorAll("#feature rect.size").length,
      line: document.querySelector(".density").getAttribute("points").split(" ").length,
      shaded: shades.length,
      colours: new Set(shades.map(e => getComputedStyle(e).backgroundColor)).size,
      near: [...document.querySelectorAll(".plain a")].map(e => e.getAttribute("href")),
      titles: [...document.querySelectorAll("#feature h3")].map(e => e.textContent),
      nearest: [...document.querySelectorAll("#feature h3")].find(e => e.textContent === "Nearest directions")
        .nextElementSibling.children.length,
    }))([...document.querySelectorAll("[data-shade]")])"""
    found = ask(f"{RUN}/index.html#3", script)
    assert found["title"].startswith("Feature 3")
    assert found["bars"] == 24
    assert found["line"] == 121
    assert found["shaded"] > 3
    assert found["colours"] > 1
    assert found["nearest"] == 6
    for title in ("Where it is strongest", "Sizes of its codes", "From strong to weak"):
        assert title in found["titles"]
    assert "Next tokens" not in found["titles"]
    assert any(href.startswith("../ica_nonnegative-1.5x/index.html#") for href in found["near"])


def test_search_finds_tokens_of_weak_examples_too(folder, ask):
    """Any token at which a feature is shown to fire leads to it."""
    record = json.loads((folder / RUN / "features.json").read_text("utf-8"))
    tokens = json.loads((folder / "assets" / "tokens.json").read_text("utf-8"))
    feature = max(record["features"], key=lambda f: len(f["examples"]))
    words = [
        {tokens["words"][tokens["ids"][row]].strip() for row, *_ in part["places"]}
        for part in feature["examples"]
    ]
    weak = sorted(w for w in set.union(*words[1:]) - words[0] if w.startswith("word"))
    assert weak
    script = """(() => {
      const search = document.getElementById("search");
      search.value = %s;
      search.dispatchEvent(new Event("input"));
      return [...document.querySelectorAll("#rows th")].map(e => Number(e.textContent));
    })()"""
    assert feature["index"] in ask(f"{RUN}/index.html", script % json.dumps(weak[0].upper()))


def test_signed_codes_parents_and_next_tokens(folder, ask):
    """A run made by hand: hostile tokens in the logit lens, codes of both signs, a feature that needs another."""
    rng = np.random.default_rng(0)
    n = SETTINGS["n_described"]
    codes = rng.standard_normal((n, 3)) * (rng.random((n, 3)) < 0.4)
    codes[:, 1] *= codes[:, 0] != 0
    codes[:, 2] = 0
    documents, rows = np.repeat(np.arange(n), 3)[:n], np.eye(3)
    source = Source("nowhere.npz", None, 1, "none", 1, 128)
    lens = LogitLens(torch.tensor(rng.standard_normal((len(WORDS), 3)), dtype=torch.float32), WORDS)
    run = Run(
        "signed", "By hand", "", False, source, describe_features(codes, documents, nonnegative=False),
        sparse.csc_matrix(codes), rows, labels={"signed": "By hand"}, partners={}, lens=lens,
    )  # fmt: skip
    write_feature_pages(folder, run)
    texts = """(() => ({
      titles: [...document.querySelectorAll("#feature h3")].map(e => e.textContent),
      ranges: [...document.querySelectorAll(".interval h4")].map(e => e.textContent),
      tokens: [...document.querySelectorAll(".tokens code")].map(e => e.textContent),
      signs: new Set([...document.querySelectorAll("[data-sign]")].map(e => getComputedStyle(e).backgroundColor)).size,
      links: [...document.querySelectorAll("#feature aside .plain a")].map(e => e.getAttribute("href")),
    }))()"""
    found = ask("signed/index.html#1", texts)
    for side in ("above", "below"):
        assert any(f"codes {side} zero" in title for title in found["titles"])
    assert {"Next tokens", "Hardly fires without", "Fire with it"} <= set(found["titles"])
    assert len(found["tokens"]) == 20
    promoted = [token for token, _ in lens.extremes(rows)[0][1]]
    assert found["tokens"][:10] == promoted
    assert found["signs"] > 2
    assert found["links"].count("#0") == 3
    assert sum("of" in text for text in found["ranges"]) == len(found["ranges"]) == 8
    assert "Hardly fire without it" in ask("signed/index.html#0", texts)["titles"]
    assert ask("signed/index.html#1", OVERFLOW, width=390) == [390, 390, []]
    assert (
        ask("signed/index.html#2", "document.querySelector('.top').textContent")
        == "It never fires here."
    )
    dead = ask("signed/index.html", "document.getElementById('dead').textContent")
    assert dead.startswith("1 of 3 features (33 %) fire at none")


def test_screenshots_have_something_on_them(folder, tmp_path):
    from PIL import Image

    for name, page in (("study", "index.html"), ("list", f"{RUN}/index.html")):
        path = tmp_path / f"{name}.png"
        run_browser(folder / page, f"--screenshot={path}", width=PHONE, height=800, scheme=DARK)
        with Image.open(path) as image:
            darkest, brightest = image.convert("L").getextrema()
        assert brightest - darkest > 150
