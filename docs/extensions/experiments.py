"""The gallery of experiments, written from their docstrings and records before the pages are read."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

from sphinx.application import Sphinx

DOCS = Path(__file__).resolve().parents[1]
EXAMPLES = DOCS.parent / "examples"
PAGES = DOCS / "made/experiments"


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
    for post, (heading, about, *sources) in known.POSTS.items():
        parts = [f"# {heading}\n", f"{about}\n", *(f"{source}\n" for source in sources)]
        for path in known.scripts(post):
            text = known.entry(path).replace("](gallery/", "](../../../examples/gallery/")
            title, _, rest = text.split("\n\n", 2)
            parts += [
                f"({path.stem})=",
                title.replace("### ", "## "),
                "",
                f"`examples/{path.name}`",
                "",
                rest,
            ]
        found[f"{post}.md"] = "\n".join(parts)
        cards += [
            f"## [{heading}]({post}.md)\n",
            f"{about}\n",
            "::::{grid} 2 3 4 4",
            ":gutter: 2\n",
        ]
        for path in known.scripts(post):
            title = known.entry(path).splitlines()[0].removeprefix("### ")
            cards += [
                f":::{{grid-item-card}} {title}",
                f":img-top: ../../../examples/gallery/{path.stem}.png",
                f":link: {path.stem}",
                ":link-type: ref",
                f":img-alt: {title}",
                ":::\n",
            ]
        cards.append("::::\n")
    toctree = ["```{toctree}", ":hidden:\n", *(name.removesuffix(".md") for name in found), "```\n"]
    found["index.md"] = "\n".join(["# The experiments\n", known.ABOUT, *cards, *toctree])
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
