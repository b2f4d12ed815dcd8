"""The site's pages: each is found from the first, and every table says where it is from."""

import re
from pathlib import Path

import pytest

from overica.cli import main

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
MADE = re.compile(r"^made/\w+/index$")
"""Pages that a build makes of other files."""


def written() -> set[str]:
    """Pages as toctrees name them."""
    folders = ("_build", "made", "extensions", "tutorials")
    paths = [path for suffix in ("md", "rst") for path in DOCS.rglob(f"*.{suffix}")]
    found = [path.relative_to(DOCS) for path in paths]
    return {
        str(path.with_suffix(""))
        for path in found
        if path.parts[0] not in folders and path.parts[0][0] != "_"
    }


def listed(page: str) -> set[str]:
    """What the toctrees of a page name."""
    path = next(path for path in (DOCS / f"{page}.md", DOCS / f"{page}.rst") if path.exists())
    text = path.read_text(encoding="utf-8")
    found = set()
    for block in re.findall(r"^[`:]{3,}\{toctree\}\n(.*?)^[`:]{3,}$", text, re.M | re.S):
        for line in filter(None, (line.strip() for line in block.splitlines())):
            if line.startswith(":"):
                continue
            entry = re.sub(r"^.*<(.*)>$", r"\1", line)
            folder = Path(page).parent
            if "*" in entry:
                found |= {
                    other for other in written() - {page} if Path(other).match(str(folder / entry))
                }
            else:
                found.add(str(folder / entry))
    return found


def test_every_page_is_found_from_the_first():
    reached, new = set(), {"index"}
    while new:
        reached |= new
        new = {other for page in new for other in listed(page) if not MADE.match(other)} - reached
    assert reached == written()
    assert {"which_tool", "mathematics/evidence", "measured/recovery", "changelog"} <= reached


MEASURED = [
    "which_tool",
    *sorted(page for page in written() if re.match("measured/(?!index)", page)),
]


@pytest.mark.parametrize("page", MEASURED)
def test_what_is_measured_says_by_which_command_when_where_and_how_often(page):
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    origins = re.findall(
        r"^:Command: (.*?)\n:Date: (.*?)\n:Machine: (.*?)\n:Seeds: (.*?)\n\n", text, re.M | re.S
    )
    assert origins
    assert len(origins) == text.count("\n:Command:")
    for command, date, _machine, _seeds in origins:
        assert re.search(r"\d{4}-\d\d-\d\d", date)
        words = re.match(r"`([^`]+)`", command)[1].split()
        if words[0] == "python":
            assert (ROOT / words[1]).exists(), f"{words[1]} is no file"
        else:
            assert words[0] == "make" or words[1] in main.commands, command
    if page != "which_tool":
        assert "|---" not in text[: text.index("\n:Command:")]


def test_code_in_python_that_pages_show_compiles():
    for page in written():
        path = next(path for path in (DOCS / f"{page}.md", DOCS / f"{page}.rst") if path.exists())
        for block in re.findall(
            r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.M | re.S
        ):
            compile(block, str(path), "exec")
