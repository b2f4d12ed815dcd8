"""The code that the pages of the site show does run, with warnings as errors."""

from pathlib import Path

import matplotlib as mpl
import pytest

from tests.code_blocks import blocks, run_blocks

PAGES = sorted((Path(__file__).resolve().parents[1] / "docs/howto").glob("*.md"))
SHOW_CODE = [page for page in PAGES if blocks(page, "python")]


@pytest.mark.slow
@pytest.mark.parametrize("page", SHOW_CODE, ids=lambda page: page.stem)
def test_code_of_a_how_to_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mpl.use("agg")
    run_blocks(page)


def test_how_to_pages_are_short():
    lines = {page.stem: len(page.read_text(encoding="utf-8").splitlines()) for page in PAGES}
    assert max(lines.values()) <= 120, lines
