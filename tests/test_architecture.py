"""The house is built as planned: floors, strangers, no circles; read from the imports alone."""

from xml.etree import ElementTree

import pytest

from architecture.floors import FLOORS, KINDS, ROOMS, STRANGERS, Room
from architecture.imports import (
    Import,
    circle,
    imports,
    module_graph,
    room_graph,
    room_of,
    sources,
)
from architecture.picture import PICTURE, direct, draw

MODULES = sources()
NEEDS = room_graph(MODULES)


def test_every_room_has_a_floor():
    assert len(NEEDS) > 20, "hardly a room was found"
    assert not NEEDS.keys() - ROOMS, "give these a floor in architecture/floors.py"
    assert {room.floor for room in ROOMS.values()} == set(FLOORS)


def test_lower_floors_never_import_higher_ones():
    upward = [
        (room, other)
        for room, others in NEEDS.items()
        for other in others
        if ROOMS[room].floor < ROOMS[other].floor
    ]
    assert not upward, f"imports that go up: {sorted(upward)}"


def test_strangers_never_meet():
    met = [(a, b) for a, b in STRANGERS if b in NEEDS.get(a, set()) or a in NEEDS.get(b, set())]
    assert not met, f"these may not know each other: {met}"


def test_rooms_do_not_import_in_circles():
    assert circle(NEEDS) == []


def test_modules_do_not_import_in_circles():
    assert circle(module_graph(MODULES)) == []


HOUSE = {
    "house": "",
    "house.a": "from house.a.one import x",
    "house.a.one": "import numpy",
    "house.a.two": "",
    "house.b": "",
}


@pytest.mark.parametrize(
    ("name", "source", "targets"),
    [
        ("house.b", "import house.a.one", {Import("house.a.one", False)}),
        ("house.b", "from house import a", {Import("house.a", False)}),
        ("house.b", "from house import Name", {Import("house", False)}),
        ("house.b", "from house.a.one import x", {Import("house.a.one", False)}),
        ("house.b", "def f():\n    from house.a import x", {Import("house.a", True)}),
        ("house.b", "class C:\n    from house.a import x", {Import("house.a", False)}),
        ("house.b", "if TYPE_CHECKING:\n    import house.a", {Import("house.a", False)}),
        ("house.b", "from .a import one", {Import("house.a.one", False)}),
        ("house.a", "from .one import x", {Import("house.a.one", False)}),
        ("house.a", "from . import one", {Import("house.a.one", False)}),
        ("house.a.two", "from ..b import x", {Import("house.b", False)}),
        ("house.b", "import numpy, houselike", set()),
    ],
)
def test_reader_of_imports(name, source, targets):
    assert set(imports(name, HOUSE | {name: source})) == targets


@pytest.mark.parametrize(
    "source",
    [
        "from house.a.two import y",
        "if TYPE_CHECKING:\n    from house.a.two import y",
        "def f():\n    from house.a.two import y",
        "from house.a import x",
        "from . import two",
    ],
)
def test_a_circle_is_found_wherever_it_hides(source):
    back = HOUSE | {"house.a.one": source, "house.a.two": "from house.a.one import x"}
    assert len(circle(module_graph(back))) == 3
    assert circle(module_graph(HOUSE)) == []


def test_the_drawing_has_every_room_on_its_floor_and_every_line():
    rooms = {"a": Room(0, "x & y"), "b": Room(1, ""), "c": Room(1, ""), "d": Room(2, "")}
    needs = {"a": set(), "b": {"a"}, "c": {"a", "b"}, "d": {"a", "b", "c"}}
    found = ElementTree.fromstring(draw(needs, rooms))
    space = "{http://www.w3.org/2000/svg}"
    boxes = found.findall(f"{space}g")
    tops = {
        box.find(f"{space}text").text: float(box.find(f"{space}rect").get("y")) for box in boxes
    }
    assert sorted(tops, key=tops.__getitem__) == ["d", "c", "b", "a"]
    # From d to c and from c to b: what they need besides, c and b need already, and a is for all.
    assert len(found.findall(f"{space}path")) == 2


def test_what_is_direct_reaches_all_that_is_needed():
    lines = direct(NEEDS)
    for room, needs in NEEDS.items():
        reached, new = set(), lines[room]
        while new:
            reached |= new
            new = {third for other in new for third in lines[other]} - reached
        assert needs <= reached, room


def test_files_are_named_for_what_they_are():
    """One name in two rooms says neither what; but commands bear those of what they do, and studies are built alike."""
    rooms = {}
    for name in MODULES:
        if room_of(name) != "cli":
            rooms.setdefault(name.rpartition(".")[2], set()).add(room_of(name))
    alike = {"studies", "report", *KINDS}
    shared = {
        name: found
        for name, found in rooms.items()
        if len(found) > 1 and not found <= alike and name not in ("base", "registry")
    }
    assert not shared


def test_the_drawing_is_of_the_house_as_it_is():
    assert PICTURE.read_text(encoding="utf-8") == draw(NEEDS), "run python -m architecture.picture"
