"""Small figures, one a method."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from overica.report.figures import Mark, draw_directions
from overica.report.page import Panel
from overica.studies import Results
from overica.studies.levels import at_matched
from overica.studies.spread import Cell


def direction_panels(
    results: Results,
    marks: Mapping[str, Mark],
    what: str,
    choose: Callable[[Sequence[Cell]], Cell],
    say: Callable[[Cell], str],
) -> Iterator[Panel]:
    """Yield learned directions among the true ones, where they can be drawn.

    Parameters
    ----------
    results : Results
    marks : mapping of str to Mark
    what : str
        What is learned from.
    choose : callable
        Of a method's cells, the one that is drawn.
    say : callable
        What is said of it besides its seed.
    """
    for method in results.methods:
        cells = [c for c in at_matched(results.of(what, method)) if c.get("directions")]
        if cells:
            cell, name = choose(cells), results.label(method)
            arrays = cell["directions"]
            label = f"{what}, {name}: learned directions among the true ones"
            picture = draw_directions(arrays["learned"], arrays["true"], marks[method], label)
            if picture:
                yield Panel(name, picture, method, f"seed {cell['seed']}, {say(cell)}")
