"""The house as a drawing, from the plan and the imports: ``python -m architecture.picture``.

Rooms stand on their floors, and within a floor above those they need. A line goes down to every room that is needed
and that no other needed room needs already (the transitive reduction), but none to the foundations, which all may use.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from xml.sax.saxutils import escape

from architecture.floors import FLOORS, ROOMS, Room
from architecture.imports import PACKAGE, Graph, room_graph, sources

PICTURE = Path(__file__).with_name("house.svg")
_WIDTH, _MARGIN, _LABEL = 1200, 16, 130
_BOX, _ROW, _GAP = (128, 40), 74, 8
_WIDEST = (_WIDTH - _LABEL - _MARGIN) // (_BOX[0] + _GAP)
_SHADES = ("#f6f3ec", "#edf1f4")
_SWEEPS = 8

Place = tuple[float, float]


def draw(needs: Graph, rooms: Mapping[str, Room] = ROOMS) -> str:
    """The drawing as SVG.

    Parameters
    ----------
    needs : mapping of str to set of str
        Rooms that are there and what each needs, without circles.
    rooms : mapping of str to Room
        The plan: at least those.
    """
    rows = _rows(needs, rooms)
    ground = {room for room in needs if rooms[room].floor == min(FLOORS)}
    lines = {
        room: others if room in ground else others - ground
        for room, others in direct(needs).items()
    }
    places = _places(rows, lines)
    height = _MARGIN + _ROW * len(rows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        'font-family="system-ui, sans-serif" text-anchor="middle">',
        "<title>The rooms of overica on their floors, and what each of them needs</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
        *_bands(rows, rooms, height),
        *(
            _line(places[room], places[other])
            for room, others in sorted(lines.items())
            for other in sorted(others)
        ),
        *(_box(room, rooms[room], places[room]) for room in sorted(needs)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def direct(needs: Graph) -> Graph:
    """What a room needs and nothing else that it needs does.

    Examples
    --------
    >>> direct({"a": {"b", "c"}, "b": {"c"}, "c": set()})
    {'a': {'b'}, 'b': {'c'}, 'c': set()}
    """
    reached: Graph = {}

    def below(room: str) -> set[str]:
        if room not in reached:
            reached[room] = needs[room].union(*(below(other) for other in needs[room]))
        return reached[room]

    return {
        room: {other for other in others if not any(other in below(third) for third in others)}
        for room, others in needs.items()
    }


def _rows(needs: Graph, rooms: Mapping[str, Room]) -> list[list[str]]:
    """Rooms side by side, from the ground up: none of a row needs another, and none is too wide."""
    depth: dict[str, int] = {}

    def height(room: str) -> int:
        if room not in depth:
            same = [other for other in needs[room] if rooms[other].floor == rooms[room].floor]
            depth[room] = 1 + max(map(height, same), default=-1)
        return depth[room]

    by_row: dict[tuple[int, int], list[str]] = {}
    for room in sorted(needs):
        by_row.setdefault((rooms[room].floor, height(room)), []).append(room)
    rows = []
    for key in sorted(by_row):
        row = by_row[key]
        n_parts = -(-len(row) // _WIDEST)
        rows += [row[part::n_parts] for part in range(n_parts)]
    return rows


def _places(rows: list[list[str]], lines: Graph) -> dict[str, Place]:
    """Centres of the boxes; within a row in the order of the means of what they are joined to."""
    joined: dict[str, set[str]] = {room: set(others) for room, others in lines.items()}
    for room, others in lines.items():
        for other in others:
            joined[other].add(room)
    across = {room: x for row in rows for room, x in zip(row, _spread(len(row)), strict=True)}
    for sweep in range(_SWEEPS):
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            wish = {
                room: _mean((across[other] for other in joined[room]), across[room]) for room in row
            }
            for room, x in zip(sorted(row, key=wish.__getitem__), _spread(len(row)), strict=True):
                across[room] = x
    return {
        room: (across[room], _MARGIN + _ROW * (len(rows) - 1 - level) + _ROW / 2)
        for level, row in enumerate(rows)
        for room in row
    }  # fmt: skip


def _spread(n: int) -> list[float]:
    left, width = _LABEL, _WIDTH - _LABEL - _MARGIN
    return [left + width * (k + 0.5) / n for k in range(n)]


def _mean(values: Iterable[float], default: float) -> float:
    # Exact, so that sets, which come in any order, draw the same picture.
    found = list(values)
    return math.fsum(found) / len(found) if found else default


def _bands(rows: list[list[str]], rooms: Mapping[str, Room], height: int) -> list[str]:
    parts = []
    floors = [rooms[row[0]].floor for row in rows]
    for count, floor in enumerate(dict.fromkeys(floors)):
        n = floors.count(floor)
        top = height - _ROW * (floors.index(floor) + n)
        parts += [
            f'<rect y="{top}" width="{_WIDTH}" height="{_ROW * n}" fill="{_SHADES[count % 2]}"/>',
            f'<text x="{_MARGIN}" y="{top + 22}" font-size="12" fill="#555" text-anchor="start">'
            f"{escape(FLOORS[floor])}</text>",
        ]
    return parts


def _line(start: Place, end: Place) -> str:
    (x, y), (u, v) = start, end
    y, v = y + _BOX[1] / 2, v - _BOX[1] / 2
    bend = max((v - y) / 2, 12)
    return (
        f'<path d="M{x:.0f} {y:.0f}C{x:.0f} {y + bend:.0f} {u:.0f} {v - bend:.0f} {u:.0f} {v:.0f}" '
        'fill="none" stroke="#5b7a99" stroke-opacity="0.55"/>'
    )


def _box(name: str, room: Room, place: Place) -> str:
    x, y = place
    w, h = _BOX
    folder = (PACKAGE / name).is_dir()
    return (
        f'<g><rect x="{x - w / 2:.0f}" y="{y - h / 2:.0f}" width="{w}" height="{h}" rx="4" fill="white" '
        f'stroke="{"#24405c" if folder else "#9aa9b8"}"/>'
        f'<text x="{x:.0f}" y="{y - 3:.0f}" font-size="13" font-weight="{600 if folder else 400}" fill="#1c2b3a">'
        f"{escape(name)}</text>"
        f'<text x="{x:.0f}" y="{y + 12:.0f}" font-size="9.5" fill="#555">{escape(room.purpose)}</text></g>'
    )


if __name__ == "__main__":
    PICTURE.write_text(draw(room_graph(sources())), encoding="utf-8")
