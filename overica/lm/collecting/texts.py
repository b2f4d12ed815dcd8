"""Texts to run a model on: given as strings, as files, as folders of files."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

SUFFIXES = (".txt", ".md", ".rst", ".jsonl")
"""Files that are taken from a folder; a file given by its name may have any."""
_LONGEST_NAME = 1000


@dataclass(frozen=True)
class Document:
    """A text and where it comes from.

    Examples
    --------
    >>> from overica.lm import Document
    >>> Document("A cat sat.", source="cats.txt")
    Document(text='A cat sat.', source='cats.txt')
    """

    text: str
    source: str


Text = str | os.PathLike[str] | Document


def documents(texts: Text | Iterable[Text]) -> Iterator[Document]:
    """Documents one after the other; files are read when their turn comes.

    Parameters
    ----------
    texts : str, path or Document, or an iterable of them
        A `Document` is itself. A path is a file, a folder (all ``.txt``, ``.md``, ``.rst`` and ``.jsonl`` below it,
        sorted) or a pattern such as ``"books/*.txt"``. A string is a path if something of that name exists, if it
        is a pattern that matches, or if it is one word that ends like a file of text; else it is a text. A
        ``.jsonl`` file holds one document a line, a string or an object with a `text`; any other file is one
        document, UTF-8.

    Yields
    ------
    Document
        Its source is the file's name (with the line in ``.jsonl``), or ``text 0`` for the first string.

    Raises
    ------
    FileNotFoundError
        If a path leads nowhere, or a folder holds no text.
    ValueError
        If a file is not UTF-8 text, or a line not as described.
    TypeError
        If something else than a text is given.

    Examples
    --------
    >>> from overica.lm import documents
    >>> [document.source for document in documents(["A cat sat.", "So did I."])]
    ['text 0', 'text 1']
    >>> list(documents("nothing.txt"))
    Traceback (most recent call last):
    ...
    FileNotFoundError: no file, folder or pattern of files 'nothing.txt'
    """
    listed = [texts] if isinstance(texts, (str, os.PathLike, Document)) else texts
    for number, text in enumerate(listed):
        if isinstance(text, Document):
            yield text
        elif isinstance(text, str) and not _is_path(text):
            yield Document(text, f"text {number}")
        elif isinstance(text, (str, os.PathLike)):
            for file in files_of(text):
                yield from _read(file)
        else:
            raise TypeError(
                f"`texts` must be strings, paths or Documents, got {type(text).__name__}"
            )


def files_of(path: str | os.PathLike[str]) -> list[Path]:
    """The files that a path means: itself, those in a folder, those that match a pattern.

    Raises
    ------
    FileNotFoundError
        If there are none.
    """
    found = Path(path)
    if found.is_file():
        return [found]
    if found.is_dir():
        inside = sorted(f for f in found.rglob("*") if f.suffix in SUFFIXES and f.is_file())
        if not inside:
            raise FileNotFoundError(f"no {', '.join(SUFFIXES)} in the folder {str(found)!r}")
        return inside
    matching = [Path(name) for name in sorted(glob.glob(os.fspath(path), recursive=True))]
    files = [file for file in matching if file.is_file()]
    if not files:
        raise FileNotFoundError(f"no file, folder or pattern of files {os.fspath(path)!r}")
    return files


def _is_path(text: str) -> bool:
    if not text.strip() or len(text) > _LONGEST_NAME or "\n" in text or "\0" in text:
        return False
    one_word = not any(character.isspace() for character in text)
    return (one_word and text.endswith(SUFFIXES)) or os.path.exists(text) or bool(glob.glob(text))


def _read(file: Path) -> Iterator[Document]:
    try:
        with file.open(encoding="utf-8") as lines:
            if file.suffix != ".jsonl":
                yield Document(lines.read(), str(file))
                return
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield Document(_text_of(line, file, number), f"{file}:{number}")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{file} must be UTF-8 text: {error.reason} at byte {error.start}"
        ) from None


def _text_of(line: str, file: Path, number: int) -> str:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{file}:{number} must be JSON: {error}") from None
    text = value.get("text") if isinstance(value, dict) else value
    if not isinstance(text, str):
        raise ValueError(f"{file}:{number} must be a string, or an object with a string `text`")
    return text
