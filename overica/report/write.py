"""A study's folder in, one HTML file out."""

from pathlib import Path

import jinja2
from markupsafe import Markup

from overica.compare.report.figures import swatch
from overica.compare.report.page import build_page
from overica.compare.report.records import read_records
from overica.compare.report.wording import SPLIT
from overica.persistence import write_atomically

REPORT = "report.html"


def write_report(folder: Path | str) -> Path:
    """Write ``report.html`` from the ``study.json`` and ``results.jsonl`` of a folder.

    The page is one file that needs no network and no script: style sheet and figures are part of
    it.  A study that was interrupted, or in which cells failed, gives a report of what there is.
    The file is replaced in one step, so that a reader never sees half of it.

    Parameters
    ----------
    folder : path
        Where a `Study` left its results.

    Returns
    -------
    pathlib.Path
        Of the report.

    Raises
    ------
    FileNotFoundError
        If `folder` has no ``study.json``.

    Examples
    --------
    >>> import json, tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> header = {"study": {}, "datasets": {"toy": {}}, "methods": {"ica": {}}, "versions": {}}
    >>> _ = (folder / "study.json").write_text(json.dumps(header))
    >>> write_report(folder).name
    'report.html'
    """
    folder = Path(folder)
    page = build_page(read_records(folder))
    html = (
        _environment().get_template("report.html.j2").render(page=page, split=SPLIT, swatch=swatch)
    )
    path = folder / REPORT
    write_atomically(path, html)
    return path


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("overica.compare.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = _breakable
    environment.globals["style"] = _style(environment)
    return environment


def _breakable(text: str) -> Markup:
    """Let a long name with underscores wrap after them."""
    return Markup("_<wbr>").join(str(text).split("_"))


def _style(environment: jinja2.Environment) -> Markup:
    source, _, _ = environment.loader.get_source(environment, "report.css")  # type: ignore[union-attr]
    return Markup(source)
