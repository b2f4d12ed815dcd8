"""A text of one's own: codes are those that the study gave to the same text, errors are told, pages are safe."""

import json
import os
import re
import shutil
from operator import itemgetter

import numpy as np
import pytest
from click.testing import CliRunner

from overica.cli import main
from overica.lm import FeatureResults, FeatureStudy, collect_activations
from overica.lm.features.reading import described_runs, read_run, strongest_tokens
from overica.lm.features.show import write_show_page
from overica.lm.features.text import text_features
from overica.lm.study.data import codes_of
from overica.lm.study.feature_results import run_name
from overica.lm.study.page import write_study_pages
from tests.lm.conftest import TEXTS, tiny
from tests.report.chromium import ask_page, find_browser

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
RUNS = ["ica-2x", "batchtopk-2x"]
DOCUMENTS = [f"{i} {text} <b>{i}</b>" for i in range(4) for text in TEXTS]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    root = tmp_path_factory.mktemp("show")
    model = tiny("gpt2")
    model.model.save_pretrained(root / "model")
    model.tokenizer.save_pretrained(root / "model")
    store = collect_activations(
        root / "model", 2, DOCUMENTS, root / "acts", context=32, device="cpu"
    )
    folder = root / "study"
    FeatureStudy(
        store, methods=["ica", "batchtopk"], widths=[2], full_width=2, active=[3], n_seeds=1, n_jobs=1,
        sae={"n_steps": 30}, ica={"max_iter": 20}, n_evaluated=50, n_scored=20, n_described=200, n_substituted=0,
    ).run(folder, progress=False)  # fmt: skip
    write_study_pages(folder, store)
    return folder, store


@pytest.mark.parametrize(
    ("run", "words"), list(zip(RUNS, ["exact codes", "its own codes"], strict=True))
)
def test_codes_are_those_of_the_study_on_its_own_documents(study, run, words):
    folder, store = study
    results = FeatureResults.load(folder)
    (cell,) = (cell["cell"] for cell in results.runs() if run_name(cell) == run)
    described, codes = (
        read(results.kept(cell, "codes")) for read in (itemgetter("rows"), codes_of)
    )
    document = store.document_ids[described[0]]
    own = np.flatnonzero(store.document_ids[described] == document)
    texts = [text for text in DOCUMENTS if text]
    found = text_features(folder, texts[document], run=run, device="cpu")
    assert found.encoder == words
    assert "".join(found.tokens) == texts[document]
    # The first tokens of contexts have no row in the store, and codes all the same.
    kept = store.text.kept[store.text.document_ids == document]
    assert found.codes.shape == (len(kept), 32)
    assert 0 < len(own) == kept.sum() < len(kept)
    own_codes = found.codes[np.flatnonzero(kept)]
    np.testing.assert_allclose(own_codes.toarray(), codes[own].toarray(), atol=2e-3, rtol=1e-3)
    assert own_codes.nnz == pytest.approx(codes[own].nnz, rel=0.02)
    assert found.l0 == found.codes.nnz / len(kept)
    token = int(np.argmax(np.abs(found.codes).max(axis=1).toarray()))
    feature, at, code = found.strongest(1)[0]
    assert (at, (feature, code)) == (token, found.at(token, 1)[0])
    assert abs(code) == np.abs(found.codes.data).max()


def test_without_the_encoder_codes_are_exact_at_the_level_of_the_fit(study, tmp_path):
    shutil.copytree(study[0], tmp_path / "study")
    for run in RUNS:
        encoder = read_run(tmp_path / "study", run)["source"]["encoder"]
        kept = tmp_path / "study" / encoder
        shutil.rmtree(kept) if kept.is_dir() else kept.unlink()
        found = text_features(tmp_path / "study", DOCUMENTS[1], run=run, device="cpu")
        assert "its own encoder was not kept" in found.encoder
        assert found.l0 == pytest.approx(3, rel=0.15)
        assert (found.codes.data < 0).any() == (run == "ica-2x")


def test_runs_and_gists_are_read_back(study):
    folder, _ = study
    assert described_runs(folder) == RUNS
    assert read_run(folder)["run"] == "ica-2x"
    record = read_run(folder, "batchtopk-2x")
    assert record["logit_lens"] is None
    assert len(record["features"][0]["logits"]["promoted"]) == 10
    tokens = json.loads((folder / "assets" / "tokens.json").read_text("utf-8"))
    for feature in record["features"]:
        if feature["firings"]:
            gist = strongest_tokens(folder, record, [feature["index"]])[feature["index"], 1]
            row = feature["examples"][0]["places"][0][0]
            assert gist[0] in (tokens["words"][tokens["ids"][row]].strip(), "\N{OPEN BOX}")


def test_lines_and_page(study, tmp_path):
    folder, _ = study
    page = tmp_path / "text.html"
    text = "A </script><img src=x onerror=alert(1)>\u2028 basis of many units"
    result = CliRunner().invoke(
        main, ["features", "show", str(folder), "--text", text, "-o", str(page), "--top", "2"]
    )
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    n = len(text_features(folder, text).tokens)
    assert re.fullmatch(
        rf"Overcomplete ICA, 2x of .* at layer 2: exact codes; {n} tokens, .* each", lines[0]
    )
    assert len(lines[1 : lines.index("")]) == n
    assert all(line.count("(") <= 3 for line in lines[1 : lines.index("")])
    assert lines[-1] == f"page    {page}"
    source = page.read_text("utf-8")
    assert "<img" not in source
    assert "<script" not in source
    assert "alert" in source
    links = set(re.findall(r'href="([^"#]+)', source))
    assert [os.path.realpath(tmp_path / link) for link in links] == [
        os.path.realpath(folder / "ica-2x" / "index.html")
    ]
    piped = CliRunner().invoke(main, ["features", "show", str(folder), "--text", "-"], input=text)
    assert piped.stdout.splitlines()[0] == lines[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--text", " \n"], "`text` must hold a token"),
        (["--text", "a", "--run", "b"], r"`run` must be one of \['ica-2x', 'batchtopk-2x'\], got 'b'"),
        (["--text", "a", "--model", "/nowhere/x"], "no model '/nowhere/x'"),
        (["--text", "a", "-o", "/nowhere/x.html"], "results cannot go to /nowhere/x.html"),
    ],
)  # fmt: skip
def test_errors_are_told_in_one_line(study, arguments, message):
    result = CliRunner().invoke(main, ["features", "show", str(study[0]), *arguments])
    assert result.exit_code == 1
    assert re.search(message, result.stderr.splitlines()[1])
    assert result.output.count("\n") == 2


def test_other_folders_and_other_weights_are_refused(study, tmp_path):
    with pytest.raises(
        FileNotFoundError, match="must hold features described by `overica features"
    ):
        text_features(tmp_path, "a")
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "features.json").write_text("{}")
    with pytest.raises(ValueError, match="must be of format 'overica features 1', got None"):
        text_features(tmp_path, "a")
    with pytest.raises(ValueError, match="must have the weights that"):
        text_features(study[0], "a", model=tiny("llama"))


def test_show_is_a_command_and_anything_else_a_folder(study, tmp_path):
    run = CliRunner().invoke(main, ["features", str(tmp_path / "none")])
    assert run.exit_code == 2
    assert "does not exist" in run.output
    same = CliRunner().invoke(main, ["features", "run", str(tmp_path / "none")])
    assert same.output == run.output
    text = CliRunner().invoke(main, ["features", "--help"]).output
    assert "--methods" in text
    assert re.search(r"^  show ", text, re.MULTILINE)


@pytest.mark.skipif(find_browser() is None, reason="no Chromium found; $CHROMIUM may name one")
@pytest.mark.parametrize("width", [390, 1200])
def test_page_is_as_wide_as_the_window(study, tmp_path, width):
    page = tmp_path / "text.html"
    text = "Components " * 30 + "x" * 200
    write_show_page(page, study[0], text_features(study[0], text, device="cpu"))
    script = (
        "[document.documentElement.scrollWidth, document.querySelectorAll('[data-shade]').length]"
    )
    answer, console = ask_page(page, script, width=width)
    assert (answer["violations"], answer["errors"], console) == ([], [], [])
    found, shaded = answer["value"]
    assert found == width
    assert shaded >= 20
