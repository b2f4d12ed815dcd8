"""Lines of methods in a frame: small markers are seeds, large ones their means."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from overica.report.figures.axes import Frame
from overica.report.figures.marks import Mark
from overica.report.figures.svg import element, join, points
from overica.studies import Results
from overica.studies.spread import mean_of

WIDTH, HEIGHT = 360, 276
Point = tuple[float, float]


def curves(
    results: Results,
    marks_of: Mapping[str, Mark],
    frame: Frame,
    found: Mapping[tuple[str, Any], Sequence[Point]],
    say: Callable[[Any, Point], str],
) -> Iterator[Markup]:
    """Yield the line of each method, through the means of its groups.

    Parameters
    ----------
    results : Results
    marks_of : mapping of str to Mark
    frame : Frame
    found : mapping
        By method and group, a pair of values for each seed. What is in group None is no part of the line.
    say : callable
        Of a group and its mean, what is said of it after the method's name.
    """
    for method in dict.fromkeys(method for method, _ in found):
        own = {group: pairs for (other, group), pairs in found.items() if other == method}
        means = {
            group: (mean_of(x for x, _ in pairs), mean_of(y for _, y in pairs))
            for group, pairs in own.items()
        }
        mark, label = marks_of[method], results.label(method)
        line = sorted(mean for group, mean in means.items() if group is not None)
        vertices = points(frame.at(*point) for point in line)
        parts = [element("polyline", points=vertices, class_="line")] if len(line) > 1 else []
        parts += [mark.at(*frame.at(*pair), 2.6) for pairs in own.values() for pair in pairs]
        parts += [
            mark.at(*frame.at(*mean), 5.5, f"{label}{say(group, mean)}")
            for group, mean in means.items()
        ]
        yield element("g", join(parts), class_=mark.class_)
