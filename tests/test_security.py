"""What SECURITY.md says of reading and writing is so: read off the source, and tried."""

import ast
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch

import overica
from overica.lm import open_store
from overica.report.write import environment

PACKAGE = Path(overica.__file__).parent
TREES = {
    path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
    for path in PACKAGE.rglob("*.py")
}


def calls():
    """(file, dotted name, keywords) of every call."""
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield (
                    name,
                    ast.unparse(node.func),
                    {word.arg: ast.unparse(word.value) for word in node.keywords},
                )


def test_arrays_are_never_unpickled():
    found = [
        (name, words) for name, called, words in calls() if called in ("np.load", "numpy.load")
    ]
    assert len(found) >= 3
    assert all(words.get("allow_pickle") == "False" for _, words in found)


def test_tensors_are_read_by_the_reader_that_runs_nothing():
    found = [words for _, called, words in calls() if called == "torch.load"]
    assert found
    assert all(words.get("weights_only") == "True" for words in found)


@pytest.mark.parametrize(
    "called",
    [
        "eval", "exec", "compile", "pickle.load", "pickle.loads", "joblib.load", "os.system", "os.popen",
        "subprocess.run", "subprocess.Popen", "torch.hub.load", "urllib.request.urlopen", "yaml.load",
    ],
)  # fmt: skip
def test_nothing_is_run_and_nothing_is_fetched(called):
    assert [name for name, other, _ in calls() if other == called] == []


def test_pickle_is_imported_for_the_name_of_its_error_alone():
    found = {
        name
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Import) and any(alias.name == "pickle" for alias in node.names))
        or (isinstance(node, ast.ImportFrom) and node.module == "pickle")
    }
    assert found == {"formats/foreign_files.py"}
    uses = {
        ast.unparse(node)
        for node in ast.walk(TREES["formats/foreign_files.py"])
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "pickle"
    }
    assert uses == {"pickle.UnpicklingError"}


def test_remote_code_is_never_trusted(tmp_path, monkeypatch):
    """Not even by a user who is asked at a terminal."""
    pytest.importorskip("transformers")
    from overica.lm import load_model

    monkeypatch.setattr("builtins.input", lambda *_: "y")
    (tmp_path / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    config = {"model_type": "own", "auto_map": {"AutoConfig": "code.Config"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(FileNotFoundError, match="contains custom code"):
        load_model(str(tmp_path))
    assert not (tmp_path / "ran").exists()


def test_every_template_escapes():
    made = [words for _, called, words in calls() if called.endswith("Environment")]
    assert [words["autoescape"] for words in made] == ["True"]
    told = environment().from_string("{{ name }}").render(name="<script>alert(1)</script>")
    assert "<script>" not in told


class Told:
    """Something that a pickle could run."""

    def __reduce__(self):
        return (print, ("run",))


def test_activations_that_are_pickles_are_refused(tmp_path, capsys):
    buffer = io.BytesIO()
    torch.save({"activations": Told()}, buffer)
    (tmp_path / "a.pt").write_bytes(buffer.getvalue())
    with pytest.raises(ValueError, match=r"a\.pt must hold tensors by name"):
        open_store(tmp_path / "a.pt")
    np.save(tmp_path / "b.npy", np.array([Told()], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="pickled objects"):
        open_store(tmp_path / "b.npy")
    assert capsys.readouterr().out == ""


def test_a_model_that_was_changed_is_refused(tmp_path):
    from overica.sae import TopKSAE

    X = np.random.default_rng(0).standard_normal((200, 3))
    TopKSAE(4, n_active=1, n_steps=5, random_state=0).fit(X).save(tmp_path / "sae")
    for path in sorted((tmp_path / "sae").iterdir()):
        content = path.read_bytes()
        changed = content.replace(b"4", b"5", 1) if path.suffix == ".json" else content[:-1] + b"\0"
        assert changed != content
        path.write_bytes(changed)
        with pytest.raises(ValueError, match="is damaged"):
            overica.load(tmp_path / "sae")
        path.write_bytes(content)
    assert overica.load(tmp_path / "sae").n_components == 4
