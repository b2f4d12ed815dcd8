"""Pages of single features: one folder per fit, drawn in the browser from data beside it; no server, no network.

``assets/tokens.js`` holds the described tokens once; each folder has an ``index.html``, the same for all but its title,
and a ``data.js`` with half a kilobyte a feature. Opened from the file system, a feature is ``index.html#17``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from overica.lm.features.agreement import nearest
from overica.lm.features.densities import FAMILIES
from overica.lm.features.describe import Feature
from overica.lm.store.activation_store import ActivationStore
from overica.lm.store.token_text import joined
from overica.persistence import finite, write_atomically
from overica.report.write import environment

BEFORE, AFTER = 14, 9
"""Tokens of a context on either side of the marked one."""
_NEAREST = 6
_SHADES = 9


def write_tokens(folder: Path, store: ActivationStore, rows: np.ndarray) -> None:
    """Write what all pages share: the described tokens as text, their documents, script and style.

    Parameters
    ----------
    folder : Path
        Of the study; files go to its ``assets``.
    store : ActivationStore
    rows : array of int
        Rows of the store that the contexts refer to, of whole documents, in order.
    """
    assets = folder / "assets"
    assets.mkdir(parents=True, exist_ok=True)
    documents = store.document_ids[rows]
    words: dict[str, int] = {}
    ids: list[int] = []
    for part in _documents(documents):
        texts = [store.token_texts[int(row)] for row in rows[part]]
        for text in joined(texts, bool(store.metadata.get("word_pieces"))):
            ids.append(words.setdefault(text, len(words)))
    sources, where = np.unique(documents, return_inverse=True)
    named = store.metadata["sources"]
    tokens = {
        "words": list(words),
        "ids": ids,
        "documents": where.tolist(),
        "sources": [str(named[int(i)]) for i in sources],
    }
    _write_script(assets / "tokens.js", "OVERICA_TOKENS", tokens)
    script = (
        files("overica.lm.features")
        .joinpath("templates", "features.js")
        .read_text(encoding="utf-8")
    )
    write_atomically(assets / "features.js", script)


def write_feature_pages(
    folder: Path,
    run: str,
    features: Sequence[Feature],
    codes: Any,
    components: np.ndarray,
    documents: np.ndarray,
    *,
    title: str,
    lede: str,
    nonnegative: bool,
    labels: Mapping[str, str],
    partners: Mapping[str, Mapping[str, list[Any]]],
) -> Path:
    """Write the folder of one fit.

    Parameters
    ----------
    folder : Path
        Of the study.
    run : str
        Name of the fit's folder.
    features : sequence of Feature
        As of `describe_features`.
    codes : sparse matrix (n_tokens, n_components)
        Codes of the described tokens.
    components : array (n_components, n_features)
        Features as rows.
    documents : array (n_tokens,)
        Documents of the described tokens.
    title, lede : str
    nonnegative : bool
        Whether codes cannot be negative.
    labels : mapping of str to str
        What each fit with pages is called, by its folder.
    partners : mapping
        As of `overica.lm.features.agreement.partners`, by the other's folder.

    Returns
    -------
    Path
        Of the page.
    """
    here = folder / run
    here.mkdir(parents=True, exist_ok=True)
    order, cosines = nearest(np.asarray(components, np.float64), _NEAREST)
    S = codes.tocsc()
    table = [_row(feature, S, documents, order, cosines) for feature in features]
    data = {
        "title": title,
        "nonnegative": nonnegative,
        "before": BEFORE,
        "n_tokens": int(S.shape[0]),
        "families": [family.label for family in FAMILIES.values()],
        "features": table,
        "labels": dict(labels),
        "partners": {name: partners[name] for name in partners},
    }
    _write_script(here / "data.js", "OVERICA_RUN", data)
    environment = pages_environment()
    html = environment.get_template("run.html.j2").render(
        title=title, lede=lede, run=run, others=list(labels.items()), style=page_style(environment)
    )
    path = here / "index.html"
    write_atomically(path, html)
    return path


def _row(
    feature: Feature, S: Any, documents: np.ndarray, order: np.ndarray, cosines: np.ndarray
) -> list[Any]:
    fits = feature.densities
    density = None
    if fits:
        names = list(FAMILIES)
        best = max(fits, key=lambda name: fits[name].log_likelihood)
        gain = fits[best].log_likelihood - fits["exponential"].log_likelihood
        density = [names.index(best), _short(fits["exponential"].distance), _short(gain)]
    j = feature.index
    part = slice(S.indptr[j], S.indptr[j + 1])
    sizes = dict(zip(S.indices[part].tolist(), np.abs(S.data[part]).tolist(), strict=True))
    near = [[int(i), _short(c)] for i, c in zip(order[j], cosines[j], strict=True)]
    contexts = [
        [row, _short(value), _shades(sizes, documents, row, feature.largest)]
        for row, value in zip(feature.contexts, feature.values, strict=True)
    ]
    return [
        feature.firings, _short(feature.mean_size), _short(feature.largest),
        _short(feature.contribution), _short(feature.positive_share), feature.counts.tolist(),
        density, near, contexts,
    ]  # fmt: skip


def _shades(sizes: Mapping[int, float], documents: np.ndarray, row: int, largest: float) -> str:
    """A character per token around a row: ``.`` outside the document, else 0 to 9 by the size of the code."""
    found = []
    for at in range(row - BEFORE, row + AFTER + 1):
        if not 0 <= at < len(documents) or documents[at] != documents[row]:
            found.append(".")
            continue
        size = sizes.get(at, 0.0)
        found.append(str(min(int(np.ceil(_SHADES * size / largest)), _SHADES)) if size else "0")
    return "".join(found)


def _documents(documents: np.ndarray) -> list[slice]:
    """Runs of rows of one document."""
    starts = np.flatnonzero(np.diff(documents, prepend=-1))
    return [slice(a, b) for a, b in zip(starts, [*starts[1:], len(documents)], strict=True)]


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def _write_script(path: Path, name: str, value: Any) -> None:
    """A JSON value as a script that sets a name: what a page from the file system may load."""
    text = json.dumps(finite(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # Nothing in the text may end the script, or a line of it.
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    write_atomically(path, f"window.{name}={text};\n")


def page_style(environment: jinja2.Environment) -> Markup:
    """The report's style sheet and that of the pages."""
    loader = environment.loader
    assert loader is not None
    names = ("report.css", "pages.css")
    return Markup("\n").join(Markup(loader.get_source(environment, name)[0]) for name in names)


def pages_environment() -> jinja2.Environment:
    """Templates of the pages, with those of reports behind them."""
    return environment(jinja2.PackageLoader("overica.lm.features"))
