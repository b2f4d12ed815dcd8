"""Pages of single features: one folder per fit, drawn in the browser from data beside it; no server, no network.

``assets/`` holds the scripts, and the described tokens once; each folder has an ``index.html``, the same for all but
its title, and its features in two files of one content: ``features.json`` for other tools, and ``data.js``, because a
page from the file system may load a script and no JSON. Opened from the file system, a feature is ``index.html#17``.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from jinja2.utils import htmlsafe_json_dumps

from overica.lm.features.reading import RECORD
from overica.lm.features.record import Run, run_record
from overica.lm.store.activations import Activations
from overica.lm.store.token_text import joined, texts_of
from overica.persistence import write_atomically
from overica.report.write import environment

SCRIPTS = ("make.js", "one_feature.js", "features.js")
"""In the order in which a page runs them."""


def write_tokens(folder: Path, store: Activations, rows: np.ndarray) -> None:
    """Write what all pages share to ``assets``: the described tokens as text, and the scripts.

    Parameters
    ----------
    folder : Path
        Of the study.
    store : Activations
    rows : array of int
        Rows of the store that are described, of whole documents, in order.
    """
    assets = folder / "assets"
    assets.mkdir(parents=True, exist_ok=True)
    _write_both(assets / "tokens.json", assets / "tokens.js", "TOKENS", token_record(store, rows))
    here = files("overica.lm.features").joinpath("templates")
    for name in SCRIPTS:
        write_atomically(assets / name, here.joinpath(name).read_text(encoding="utf-8"))


def write_feature_pages(folder: Path, run: Run) -> None:
    """Write the folder of one fit, in that of the study."""
    here = folder / run.name
    here.mkdir(parents=True, exist_ok=True)
    record = run_record(run)
    _write_both(here / RECORD, here / "data.js", "RUN", record)
    html = page_of(
        "run.html.j2",
        title=run.title, lede=run.lede, run=run.name, others=list(run.labels.items()), scripts=SCRIPTS,
    )  # fmt: skip
    write_atomically(here / "index.html", html)


def _write_both(json_path: Path, script_path: Path, name: str, value: Any) -> None:
    """A JSON value as it is, and as a script that sets a name."""
    style: dict[str, Any] = {"separators": (",", ":"), "allow_nan": False}
    write_atomically(json_path, json.dumps(value, ensure_ascii=False, **style) + "\n")
    # Nothing in the text may end the script, or a line of it.
    safe = htmlsafe_json_dumps(value, **style)
    write_atomically(script_path, f"window.OVERICA_{name}={safe};\n")


def page_of(template: str, **values: Any) -> str:
    """A page from one of this room's templates, with those of reports and their style sheet behind them."""
    templates = environment(jinja2.PackageLoader("overica.lm.features"))
    return templates.get_template(template).render(**values)


def token_record(store: Activations, rows: np.ndarray) -> dict[str, Any]:
    """The content of ``assets/tokens.json``, see `overica.lm.features.record`.

    Tokens that have no row stand in angle brackets before the next that has one, so that texts read whole.

    Parameters
    ----------
    store : Activations
    rows : array of int
        Rows of the store that are described, of whole documents, in order.
    """
    documents, text = store.document_ids[rows], store.text
    words: dict[str, int] = {}
    ids: list[int] = []
    for part in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(documents)) + 1):
        places = store.token_of_row[rows[part]]
        whole = slice(_beginning(store, int(rows[part][0])), int(places[-1]) + 1)
        described = np.isin(np.arange(whole.start, whole.stop), places)
        pieces = joined(texts_of(text.ids[whole], store.vocabulary), store.word_pieces)
        skipped = ""
        for piece, wanted, kept in zip(pieces, described, text.kept[whole], strict=True):
            if wanted:
                ids.append(words.setdefault(skipped + piece, len(words)))
                skipped = ""
            elif not kept:
                skipped += f"⟨{piece.strip()}⟩ "
    sources, where = np.unique(documents, return_inverse=True)
    named = store.sources
    return {
        "words": list(words),
        "ids": ids,
        "documents": where.tolist(),
        "sources": [str(named[int(i)]) for i in sources],
    }


def _beginning(store: Activations, row: int) -> int:
    """The first of all tokens that stands right before a row, or is its own: what lies between was skipped."""
    before = int(store.token_of_row[row - 1]) + 1 if row else 0
    return max(before, int(np.searchsorted(store.text.document_ids, store.document_ids[row])))
