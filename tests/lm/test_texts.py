"""Texts from strings, files, folders, patterns and docstrings."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overica.lm import Document, documents, scientific_docstrings
from overica.lm.collecting import windows as windows_module
from overica.lm.collecting.windows import groups, windows
from overica.lm.store.token_text import joined


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "b.txt").write_text("Second.", encoding="utf-8")
    (tmp_path / "a.md").write_text("First: é.", encoding="utf-8")
    (tmp_path / "c.py").write_text("no = text", encoding="utf-8")
    (tmp_path / "sub").mkdir()
    lines = [json.dumps("one"), "", json.dumps({"text": "two", "id": 7})]
    (tmp_path / "sub" / "d.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def test_a_folder_holds_its_texts_in_order(folder):
    found = list(documents(folder))
    assert [document.text for document in found] == ["First: é.", "Second.", "one", "two"]
    assert found[0].source == str(folder / "a.md")
    assert found[-1].source == f"{folder / 'sub' / 'd.jsonl'}:3"


def test_names_patterns_strings_and_documents(folder):
    given_texts = [
        str(folder / "c.py"),
        folder / "*.txt",
        f"{folder}/**/*.jsonl",
        "Just words.",
        "word",
        Document("mine", "here"),
    ]
    found = [(document.text, document.source) for document in documents(given_texts)]
    assert [text for text, _ in found] == [
        "no = text", "Second.", "one", "two", "Just words.", "word", "mine",
    ]  # fmt: skip
    assert [source for _, source in found][-3:] == ["text 3", "text 4", "here"]


@pytest.mark.parametrize("name", ["missing.txt", "missing/*.txt", "x.jsonl"])
def test_paths_that_lead_nowhere(tmp_path, name):
    with pytest.raises(FileNotFoundError, match="no file, folder or pattern"):
        list(documents(tmp_path / name))
    with pytest.raises(FileNotFoundError, match="no file, folder or pattern"):
        list(documents(name))


def test_what_is_no_text(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"no \.txt, .* in the folder"):
        list(documents(tmp_path / "empty"))
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9 au lait")
    with pytest.raises(ValueError, match=r"latin\.txt must be UTF-8 text: .* at byte 3"):
        list(documents(tmp_path / "latin.txt"))
    for line, message in [("{", "must be JSON"), ("3", "must be a string"), ('{"a": 1}', "`text`")]:
        (tmp_path / "lines.jsonl").write_text(f'"fine"\n{line}\n')
        with pytest.raises(ValueError, match=rf"lines\.jsonl:2 .*{message}"):
            list(documents(tmp_path / "lines.jsonl"))
    with pytest.raises(TypeError, match="got int"):
        list(documents([3]))


@pytest.fixture
def package(tmp_path, monkeypatch):
    root = tmp_path / "paperpackage"
    (root / "tests").mkdir(parents=True)
    (root / "inner").mkdir()
    (root / "__init__.py").write_text('"""The package, which raises."""\nraise RuntimeError\n')
    (root / "inner" / "code.py").write_text(
        'class A:\n    """Class A of the package."""\n    def f(self):\n        """Method f of\n\n'
        '        the class A."""\n\nif True:\n    def g():\n        """Function g, hidden in a branch."""\n'
        'def h():\n    """Short."""\ndef twin():\n    """Class A of the package."""\n'
    )
    (root / "broken.py").write_text("def")
    (root / "tests" / "test_a.py").write_text('"""A test that nobody reads."""')
    monkeypatch.syspath_prepend(tmp_path)
    return "paperpackage"


def test_docstrings_without_importing(package):
    found = scientific_docstrings([package], shortest=10, random_state=None)
    assert {document.source: document.text for document in found} == {
        "paperpackage": "The package, which raises.",
        "paperpackage.inner.code.A": "Class A of the package.",
        "paperpackage.inner.code.A.f": "Method f of\n\nthe class A.",
        "paperpackage.inner.code.g": "Function g, hidden in a branch.",
    }
    shuffled = scientific_docstrings([package], shortest=10, random_state=1)
    assert shuffled == scientific_docstrings([package], shortest=10, random_state=1)
    assert shuffled != found
    assert set(shuffled) == set(found)


def test_docstrings_of_a_package_that_is_not_there():
    for name in ("no_such_package", "../etc"):
        with pytest.raises(ModuleNotFoundError, match="`packages` must be installed"):
            scientific_docstrings([name])


@given(
    lengths=st.lists(st.integers(0, 9), max_size=6),
    context=st.integers(3, 7),
    most=st.integers(1, 12),
    max_tokens=st.none() | st.integers(1, 30),
)
def test_windows_hold_every_token_once(tiny_bert, lengths, context, most, max_tokens):
    texts = [Document("basis " * length, f"{i}") for i, length in enumerate(lengths)]
    found = list(windows(tiny_bert, texts, context, max_tokens))
    per_text = [len(tiny_bert.encode(document.text)) for document in texts]
    whole = np.concatenate([np.empty(0, int), *(tiny_bert.encode(d.text) for d in texts)])
    limit = whole.size if max_tokens is None else min(max_tokens, whole.size)
    read = np.concatenate([np.empty(0, int), *(window.ids for window in found)])
    np.testing.assert_array_equal(read, whole[:limit])
    assert all(0 < len(window) <= context - 2 for window in found)
    filled = [str(i) for i, n in enumerate(per_text) if n]
    assert all(window.source == filled[window.document] for window in found)
    parts = list(groups(found, most))
    assert [id(w) for part in parts for w in part] == [id(w) for w in found]
    assert all(len(part) == 1 or sum(map(len, part)) <= most for part in parts)


def test_long_texts_are_tokenised_in_pieces(tiny_bert, monkeypatch):
    text = "components of natural\nimages are sparse\n" * 20
    whole = [window.ids.tolist() for window in windows(tiny_bert, [Document(text, "a")], 9)]
    monkeypatch.setattr(windows_module, "_PIECE_CHARACTERS", 50)
    pieces = [window.ids.tolist() for window in windows(tiny_bert, [Document(text, "a")], 9)]
    assert pieces == whole


def test_words_are_joined():
    assert joined(["##a", "b", "##c", "##"], True) == ["a ", "b", "c", "##"]
