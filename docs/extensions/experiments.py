"""The gallery of experiments, written from their docstrings and records before the pages are read."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DOCS = Path(__file__).resolve().parents[1]
EXAMPLES = DOCS.parent / "examples"
PAGES = DOCS / "made/experiments"
FROM_PAGES = "../../../examples"
"""Where the scripts lie, seen from there."""


def gallery() -> ModuleType:
    """``examples/gallery.py``, which knows all experiments."""
    spec = importlib.util.spec_from_file_location("gallery", EXAMPLES / "gallery.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pages() -> dict[str, str]:
    """File name -> Markdown: a page for every post, and one of cards before them."""
    known = gallery()
    found = {}
    cards = []
    for prefix, post in known.POSTS.items():
        sources = [*(f"- {source}" for source in post.sources), ""]
        parts = [f"# {post.heading}\n", f"{post.about}\n", *sources]
        cards += [f"## [{post.heading}]({prefix}.md)\n", f"{post.about}\n", *sources]
        cards += ["::::{grid} 1 2 3 3", ":gutter: 2\n"]
        for path in known.scripts(prefix):
            picture = f"{FROM_PAGES}/gallery/{path.stem}.png"
            title, _, rest = known.entry(path).split("\n\n", 2)
            title = title.removeprefix("### ")
            rest = rest.replace(f"](gallery/{path.stem}.png)", f"]({picture})")
            parts += [f"({path.stem})=", f"## {title}\n", f"`examples/{path.name}`\n", rest]
            cards += [
                f":::{{grid-item-card}} {title}",
                ":class-title: experiment",
                f":img-top: {picture}",
                f":link: {path.stem}",
                ":link-type: ref",
                f":img-alt: {title}",
                ":::\n",
            ]
        cards.append("::::\n")
        found[f"{prefix}.md"] = "\n".join(parts)
    toctree = ["```{toctree}", ":hidden:\n", *(name.removesuffix(".md") for name in found), "```\n"]
    found["index.md"] = "\n".join(["# Experiments\n", known.ABOUT, *toctree, *cards])
    return found


def write(app: Sphinx) -> None:
    """Write the pages that have changed."""
    PAGES.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        path = PAGES / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Write before reading."""
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
