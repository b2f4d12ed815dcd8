"""Look at the pages that were built: none may need the network to be seen."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

LOADED = {("script", "src"), ("link", "href"), ("img", "src"), ("source", "src"), ("iframe", "src")}
"""Attributes whose address a browser opens by itself."""
LOADED_LINKS = {"stylesheet", "preload", "icon", "preconnect", "modulepreload"}


class Loads(HTMLParser):
    """The addresses elsewhere that a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep addresses on the network of what is loaded, not of what is linked to."""
        values = {name: value or "" for name, value in attrs}
        if tag == "link" and not LOADED_LINKS & set(values.get("rel", "").split()):
            return
        self.found += [
            value
            for name, value in values.items()
            if (tag, name) in LOADED and value.startswith(("http:", "https:", "//"))
        ]


def loads(page: str) -> list[str]:
    """What a page (HTML) loads from the network."""
    parser = Loads()
    parser.feed(page)
    return parser.found


def check(app: Sphinx, exception: Exception | None) -> None:
    """Warn of every page that loads anything, and of style sheets that do."""
    if exception or app.builder.format != "html":
        return
    from sphinx.util import logging

    logger = logging.getLogger(__name__)
    for path in sorted(Path(app.outdir).rglob("*.html")):
        for address in loads(path.read_text(encoding="utf-8")):
            logger.warning("%s loads %s", path.relative_to(app.outdir), address)
    for path in sorted(Path(app.outdir).rglob("*.css")):
        if "url(http" in path.read_text(encoding="utf-8").replace('"', "").replace("'", ""):
            logger.warning("%s loads from the network", path.relative_to(app.outdir))


def setup(app: Sphinx) -> dict[str, Any]:
    """Look once everything is written."""
    app.connect("build-finished", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
