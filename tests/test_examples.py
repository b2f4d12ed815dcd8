"""The gallery says what its scripts say and found; the scripts themselves run by `make examples`."""

import ast
import importlib.util
import json
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def load_gallery():
    spec = importlib.util.spec_from_file_location("gallery", EXAMPLES / "gallery.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


gallery = load_gallery()
SCRIPTS = gallery.scripts()


def test_there_are_experiments_of_every_post():
    for post in gallery.POSTS:
        assert gallery.scripts(post), f"no script examples/{post}_*.py"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_has_a_verdict_and_a_full_record(path):
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    for part in ("**The post", "**We see", "**What now works"):
        assert part in docstring
    record = json.loads((gallery.GALLERY / f"{path.stem}.json").read_text(encoding="utf-8"))
    assert record["full"], "run it with --full"
    assert record["measured"]
    assert record["claims"]
    assert all(record["claims"].values())
    picture = gallery.GALLERY / f"{path.stem}.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size < 300_000


def test_the_page_is_the_one_that_its_sources_make():
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert page == gallery.page(), "write it anew: python examples/gallery.py"


def test_records_belong_to_scripts():
    names = {path.stem for path in SCRIPTS}
    assert {path.stem for path in gallery.GALLERY.iterdir()} <= names
