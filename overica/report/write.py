"""A page in, one HTML file out."""

from __future__ import annotations

from pathlib import Path

import jinja2
from markupsafe import Markup

from overica.persistence import write_atomically
from overica.report.page import Page

REPORT = "report.html"


def write_page(page: Page, path: Path) -> Path:
    """Write a report as one file that needs no network, no script and no other file.

    The file is replaced in one step, so that a reader never sees half of it.

    Parameters
    ----------
    page : Page
    path : Path
        Of the file, in a folder that exists.

    Returns
    -------
    Path
        The same.
    """
    write_atomically(path, environment().get_template("page.html.j2").render(page=page))
    return path


def environment(*loaders: jinja2.BaseLoader) -> jinja2.Environment:
    """Templates of the report, and those of further loaders before them."""
    own = jinja2.PackageLoader("overica.report")
    found = jinja2.Environment(
        loader=jinja2.ChoiceLoader([*loaders, own]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["breakable"] = _breakable
    found.globals["style"] = Markup(own.get_source(found, "report.css")[0])
    return found


def _breakable(text: str) -> Markup:
    """Let a long name with underscores wrap after them."""
    return Markup("_<wbr>").join(str(text).split("_"))
