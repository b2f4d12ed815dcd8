"""What users import: listed once, in the place it is imported from, and documented exactly."""

import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

import overica
from architecture.floors import ROOMS

REFERENCE = Path(__file__).parents[1] / "docs/reference"
PLACES = ("overica", *(f"overica.{place}" for place in overica.PLACES))
PUBLIC = {place: import_module(place).__all__ for place in PLACES}


def objects():
    """(place, name, object) of what is documented with its own page: all but data, each once."""
    for place, names in PUBLIC.items():
        for name in names:
            found = getattr(import_module(place), name)
            if inspect.isclass(found) or inspect.isroutine(found):
                yield place, name, found


def home(place, name):
    """Whether a name is documented in this place: the front door goes before the rooms."""
    return place == "overica" or name not in overica.__all__


def listed(place):
    """What the page of a place lists."""
    text = (REFERENCE / f"{place.rpartition('.')[2]}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^\.\. autosummary::\n(?:   :.*\n)*\n((?:   \S+\n)+)", text, re.M)
    assert f".. currentmodule:: {place}\n" in text
    return "".join(blocks).split()


def test_every_place_has_a_page_and_every_page_a_place():
    pages = {path.stem for path in REFERENCE.glob("*.md")} - {"index", "contributors"}
    assert pages == {place.rpartition(".")[2] for place in PLACES}
    toctree = (REFERENCE / "index.md").read_text(encoding="utf-8")
    assert all(re.search(rf"^{page}$", toctree, re.M) for page in pages)


@pytest.mark.parametrize("place", PLACES)
def test_the_reference_documents_what_is_public(place):
    expected = [name for name in PUBLIC[place] if home(place, name) and name != "__version__"]
    assert sorted(listed(place)) == sorted(expected)
    assert len(set(PUBLIC[place])) == len(PUBLIC[place])


def test_nothing_is_in_two_places():
    places = {}
    for place, name, found in objects():
        places.setdefault(id(found), []).append((place, name))
    twice = [
        names
        for names in places.values()
        if sum(home(*entry) for entry in names) != 1
    ]  # fmt: skip
    assert not twice


def test_every_room_is_public_private_or_for_contributors():
    told = (REFERENCE / "contributors.md").read_text(encoding="utf-8")
    rooms = set(re.findall(r"`overica\.(\w+)`", told))
    others = {room for room in ROOMS if not room.startswith("_")} - set(overica.PLACES)
    assert rooms == others


OF_A_STUDY = {
    "overica.lm.FeatureResults",
    "overica.lm.TextFeatures",
    "overica.lm.text_features",
    "overica.photographs.PhotographResults",
    "overica.photographs.verdict",
    "overica.separation.SeparationResults",
}
"""What takes a study of minutes to show; examples stand beside the study itself."""


@pytest.mark.parametrize(
    ("place", "name", "found"),
    [entry for entry in objects() if home(*entry[:2])],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_public_name_says_what_it_takes_and_gives_with_an_example(place, name, found):
    told = inspect.getdoc(found) or ""
    sections = set(re.findall(r"^(\w+)\n-+$", told, re.M))
    assert told.split("\n")[0].endswith((".", ":", ",")), "the first line is a sentence"
    if inspect.isclass(found):
        needed = set() if issubclass(found, BaseException) else {"Examples"}
    else:
        signature = inspect.signature(found)
        needed = {"Examples"}
        needed |= {"Parameters"} if signature.parameters else set()
        if signature.return_annotation not in (None, "None"):
            needed.add("Yields" if "Yields" in sections else "Returns")
    if f"{place}.{name}" in OF_A_STUDY:
        needed.discard("Examples")
    assert needed <= sections
