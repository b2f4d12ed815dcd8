"""What ``overica features show`` does: the features of a text, as lines for the terminal and as a page."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from overica.lm.features.pages import page_of
from overica.lm.features.reading import SPACE
from overica.lm.features.text import TextFeatures, text_features
from overica.persistence import write_atomically

_AROUND = 40
"""Tokens on either side of its strongest one at which a page shows a feature."""
_SHADES = 9
MINUS = "\N{MINUS SIGN}"


def run_show(
    study: Path, text: str, *, page: Path | None = None, top: int = 5, **options: Any
) -> Iterator[str]:
    """The features of a text, told.

    Parameters
    ----------
    study : Path
        Folder of a study.
    text : str
    page : Path, optional
        File for a page of them.
    top : int
        Features told at each token; of the whole text, four times as many.
    **options
        Of `text_features`.

    Yields
    ------
    str

    Raises
    ------
    FileNotFoundError, ValueError, ImportError
        As `text_features`.
    """
    found = text_features(study, text, **options)
    if page is not None:
        # Before anything is told: nobody may be reading to the end.
        write_show_page(page, study, found, top)
    yield heading(found)
    width = min(20, max(len(_printable(token)) for token in found.tokens))
    for i, piece in enumerate(found.tokens):
        codes = "  ".join(f"{j} ({_number(code)})" for j, code in found.at(i, top))
        yield f"{_printable(piece):<{width}}  {codes or '-'}"
    yield ""
    yield "strongest in the text"
    for j, at, code in found.strongest(4 * top):
        gist = " ".join(map(_printable, found.gist(j, code))) or "none"
        yield f"{j:>6}  {_number(code):>8}  at {_printable(found.tokens[at])}; in the study at: {gist}"
    if page is not None:
        yield f"page    {page}"


def heading(found: TextFeatures) -> str:
    """What was done, in a line."""
    source, n = found.source, len(found.tokens)
    return (
        f"{found.title} of {source.place}: {found.encoder}; {n} token{'s' if n > 1 else ''}, "
        f"{found.l0:.1f} features each"
    )


def write_show_page(path: Path, study: Path, found: TextFeatures, top: int = 5) -> None:
    """Write the page of a text: each of its strongest features on it, and each token's strongest features.

    Parameters
    ----------
    path : Path
        A file, whose links lead to the study's pages from where it is.
    study : Path
    found : TextFeatures
    top : int
        As `run_show`.
    """
    html = page_of(
        "show.html.j2",
        title=f"Features of a text: {found.title}",
        lede=heading(found),
        link=quote(os.path.relpath(study / found.run / "index.html", path.parent)),
        features=[
            {"index": j, "code": _number(code, MINUS), "gist": found.gist(j, code), "pieces": _pieces(found, j, at)}
            for j, at, code in found.strongest(4 * top)
        ],
        tokens=[
            (token, [(j, _number(code, MINUS)) for j, code in found.at(i, top)])
            for i, token in enumerate(found.tokens)
        ],
    )  # fmt: skip
    write_atomically(path, html)


def _pieces(found: TextFeatures, feature: int, strongest: int) -> list[tuple[str, int, str, str]]:
    """Tokens around the strongest with shade, sign and code of one feature; shades go up to its largest here."""
    first, last = max(0, strongest - _AROUND), strongest + _AROUND + 1
    codes = found.codes[first:last, [feature]].toarray()[:, 0]
    largest = abs(codes).max()
    return [
        (token, -int(-_SHADES * abs(code) // largest), "-" if code < 0 else "+", _number(code, MINUS))
        for token, code in zip(found.tokens[first:last], codes.tolist(), strict=True)
    ]  # fmt: skip


def _number(value: float, minus: str = "-") -> str:
    return f"{value:.3g}".replace("-", minus)


def _printable(text: str) -> str:
    """A token as one piece of a line."""
    bare = text.strip() or SPACE
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in bare)
