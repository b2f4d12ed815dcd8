"""What the site needs beyond Sphinx: formulas as they are written, pages without network, the experiments' pages."""

import re

import pytest

from docs.extensions.entries import entry_of
from docs.extensions.experiments import EXAMPLES, gallery, pages
from docs.extensions.formulas import as_written
from docs.extensions.offline import loads


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ('<script src="https://a.b/c.js"></script>', ["https://a.b/c.js"]),
        ('<link rel="stylesheet" href="//a.b/c.css">', ["//a.b/c.css"]),
        ('<p><img alt="" src="http://a.b/c.png"></p>', ["http://a.b/c.png"]),
        ('<a href="https://a.b">b</a><link rel="canonical" href="https://a.b">', []),
        ('<script src="_static/c.js"></script><img src="c.png">', []),
    ],
)
def test_what_a_page_loads_from_the_network(page, found):
    assert loads(f"<html><body>{page}</body></html>") == found


def test_formulas_are_shown_as_written():
    text = ["The model is", "", "    x = |A| s_,", "", "    s >= 0,", "", "and no more."]
    shown = ["The model is", "", ".. code-block:: none", "", *text[2:]]
    assert as_written(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        ["As in::", "", "    code", "", "End."],
        [
            "Parameters",
            "----------",
            "x : int",
            "    One.",
            "",
            "    Two.",
            "y : int",
            "    Three.",
        ],
        ["- a point,", "", "  on two lines", "", "- another"],
        [".. note::", "", "   indented"],
        [">>> f(", "...     1)", "", "    2"],
    ],
)
def test_what_is_indented_for_another_reason_stays(text):
    assert as_written(text) == text


def test_every_experiment_has_a_card_and_a_place_with_its_picture():
    written = pages()
    scripts = gallery().scripts()
    assert len(scripts) > 20
    posts = "\n".join(text for name, text in written.items() if name != "index.md")
    for script in scripts:
        assert f"({script.stem})=" in posts
        assert f":link: {script.stem}\n" in written["index.md"]
    pictures = re.findall(r"examples/(gallery/\w+\.png)", posts)
    assert len(pictures) == len(scripts)
    assert all((EXAMPLES / picture).exists() for picture in pictures)


def test_every_post_has_a_source_with_an_address():
    for post in gallery().POSTS.values():
        assert post.sources
        assert all(re.search(r"\[[^]]+\]\(https://[^)]+\)", source) for source in post.sources)


KINDS = {
    "overica.sae": "module",
    "overica.sae.steer": "function",
    "overica.sae.TopKSAE": "class",
    "overica.sae.TopKSAE.fit": "method",
    "overica.sae.METHODS": "data",
    "overica.separation.METHODS": "data",
}


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("TopKSAE", "overica.sae.TopKSAE"),
        ("steer()", "overica.sae.steer"),
        ("overica.sae", "overica.sae"),
        ("TopKSAE.fit", "overica.sae.TopKSAE.fit"),
        ("fit", None),
        ("sae", None),
        ("METHODS", None),
        ("sae.METHODS", "overica.sae.METHODS"),
        ("overica fit", None),
        ("steer(sae)", None),
        ("unknown", None),
    ],
)
def test_code_that_names_one_entry_is_linked(text, entry):
    assert entry_of(text, KINDS) == entry
