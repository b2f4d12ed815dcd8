"""The study on a small folder with known features: figures, resuming, failures, bad settings, the command line."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from overica import OvercompleteICA
from overica.cli import main
from overica.coding import Dictionary
from overica.lm import FEATURE_METHODS, FeatureStudy, FeatureStudyConfig
from overica.lm.study import cells as study_cells
from overica.lm.study.feature_methods import ICALearner, exact_coder
from overica.lm.study.feature_study import RESULTS, read_codes, read_dictionary, read_records
from overica.lm.study.isotropic_units import Whitening
from overica.lm.study.page import write_study_pages
from overica.lm.study.results import Spread, StudyResults
from overica.lm.study.verdict import study_verdict
from overica.metrics import share_recovered
from overica.persistence import FolderLock
from tests.lm.fake_store import write_store

SMALL = {
    "methods": ("ica", "ica_nonnegative", "batchtopk"), "widths": (1.5,), "active": (1, 2, 3), "seeds": 2,
    "n_steps": 150, "ica_steps": 60, "n_evaluated": 100, "n_scored": 50, "n_described": 200,
}  # fmt: skip
LEARNING = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("acts"))


@pytest.fixture(scope="module")
def study(store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    records = FeatureStudy(store[0], **SMALL).run(folder, progress=False)
    return folder, records


def test_every_cell_has_its_figures(study):
    folder, records = study
    cells = {r["cell"] for r in records}
    assert len(cells) == len(records) == 3 * 3 + 3
    assert [r["error"] for r in records if r["status"] != "ok"] == []
    for record in records:
        metrics = record["metrics"]
        assert metrics["l0"] == pytest.approx(record["target_l0"], rel=0.35)
        assert 0 < metrics["explained_variance"] <= 1
        assert ("exact_explained_variance" in metrics) == record["middle"]
        if record["middle"] and record["family"] == "ica":
            assert metrics["exact_explained_variance"] == metrics["explained_variance"]
        assert np.isnan(record["evidence"]) == (record["family"] == "sae")
    more = {r["cell"]: r["metrics"]["explained_variance"] for r in records if r["seed"] == 0}
    for method in SMALL["methods"]:
        assert more[f"{method}-1.5x/3/0"] > more[f"{method}-1.5x/1/0"]
    assert read_codes(folder, "ica-1.5x-s0").shape == (200, 12)
    assert read_codes(folder, "ica-1.5x-s1") is None


def test_non_negative_ica_finds_the_known_features(study, store):
    rows = read_dictionary(study[0], "ica_nonnegative-1.5x-s0")
    assert share_recovered(rows.T, store[1].mixing, threshold=0.9) > 0.7


def test_held_out_documents_are_not_learned_from(store):
    from overica.lm.study.data import StudyData

    data = StudyData(store[0], FeatureStudyConfig(n_described=100))
    held = set(data.held_out_documents)
    known = {row.tobytes() for row in data.fit}
    documents = store[0].document_ids
    apart = [row.tobytes() for row in store[0].activations[np.isin(documents, list(held))]]
    assert held
    assert not known & set(apart)
    assert all(row.tobytes() in set(apart) for row in data.test)
    assert set(documents[data.described]) <= held


def test_gaussian_reference_is_the_density_of_the_data(store):
    from scipy import stats

    from overica.lm.study.data import StudyData

    data = StudyData(store[0], FeatureStudyConfig(n_scored=40))
    C = np.cov(data.fit.T)
    C += 0.01 * np.trace(C) / len(C) * np.eye(len(C))
    expected = stats.multivariate_normal(data.fit.mean(axis=0), C).logpdf(data.test[:40]).mean()
    assert data.gaussian_evidence() == pytest.approx(expected, rel=1e-5)


def test_a_second_call_fits_nothing_and_a_changed_setting_does(study, store, monkeypatch):
    folder, records = study
    calls = []
    run_job = study_cells.run_job

    def watched(job, *rest):
        calls.append(job.name)
        return run_job(job, *rest)

    monkeypatch.setattr("overica.lm.study.feature_study.run_job", watched)
    again = FeatureStudy(store[0], **SMALL).run(folder, progress=False)
    assert calls == []
    assert json.dumps(again) == json.dumps(
        [json.loads(json.dumps(r).replace("NaN", "null")) for r in records]
    )
    lines = (folder / "results.jsonl").read_text().splitlines()
    (folder / "results.jsonl").write_text("\n".join(lines[:-1]) + '\n{"cell": "torn')
    FeatureStudy(store[0], **SMALL).run(folder, progress=False)
    assert calls == ["batchtopk-1.5x-s1-k2"]
    assert len(read_records(folder)) == len(records)


def test_a_fit_whose_files_are_damaged_is_done_again(study, store, monkeypatch):
    folder, records = study
    calls = []
    run_job = study_cells.run_job

    def watched(job, *rest):
        calls.append(job.name)
        return run_job(job, *rest)

    monkeypatch.setattr("overica.lm.study.feature_study.run_job", watched)
    job = records[0]["job"]
    path = folder / "fits" / f"{job}.npz"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=rf"{job}\.npz is damaged"):
        read_dictionary(folder, job)
    with FolderLock(folder), pytest.raises(BlockingIOError, match="in use"):
        FeatureStudy(store[0], **SMALL).run(folder, progress=False)
    FeatureStudy(store[0], **SMALL).run(folder, progress=False)
    assert calls == [job]
    assert len(read_dictionary(folder, job))


def test_a_fit_that_fails_is_told_and_loses_no_other(store, tmp_path, monkeypatch):
    def broken(assignment, X):
        raise FloatingPointError("no luck")

    from dataclasses import replace

    monkeypatch.setitem(FEATURE_METHODS, "relu", replace(FEATURE_METHODS["relu"], fit=broken))
    settings = SMALL | {"methods": ("relu", "batchtopk"), "seeds": 1, "active": (2,), "n_steps": 20}
    records = FeatureStudy(store[0], **settings).run(tmp_path, progress=False)
    assert [r["status"] for r in records] == ["failed", "ok"]
    assert records[0]["error"] == {"type": "FloatingPointError", "message": "no luck"}
    page = write_study_pages(tmp_path).read_text()
    assert "relu-1.5x/2/0 failed: FloatingPointError: no luck" in page


def test_missing_model_is_a_notice(study):
    header = json.loads((study[0] / "study.json").read_text())
    assert header["notices"][0].startswith("No substitution loss: the model could not be run again")


@LEARNING
@pytest.mark.parametrize("ridge", [None, 0.01])
def test_codes_of_ica_reach_the_wanted_level_and_come_back(store, ridge):
    X = np.asarray(store[0].activations[:800])
    whitening = Whitening.none(8) if ridge is None else Whitening.of(X, ridge)
    ica = OvercompleteICA(12, max_iter=40, random_state=0, overprovision=1.0)
    learner = ICALearner(ica.fit(whitening.there(X)), whitening)
    codes = learner.at(2.0, X)
    S = codes.transform(X)
    assert np.count_nonzero(S) / len(S) == pytest.approx(2, rel=0.1)
    # Least squares on the support: the residual is orthogonal to every active feature.
    along = (X - codes.inverse_transform(S)) @ codes.components_.T
    assert np.abs(along[S != 0]).max() < 1e-5 * np.abs(X).max()
    # The dictionary of the learner decodes the same.
    encoded = learner.dictionary.encode(codes, X)
    np.testing.assert_allclose(
        learner.dictionary.decode(encoded), codes.inverse_transform(S), atol=1e-4
    )


@LEARNING
def test_evidence_is_in_the_units_of_the_activations(store):
    """Whitening by a multiple of the identity changes nothing."""
    X = np.asarray(store[0].activations[:600], np.float64)
    double = Whitening(2 * np.eye(8), 0.5 * np.eye(8), 8 * np.log(2.0))
    scores = []
    for whitening in (Whitening.none(8), double):
        ica = OvercompleteICA(10, max_iter=30, random_state=0, overprovision=1.0)
        scores.append(ICALearner(ica.fit(whitening.there(X)), whitening).evidence(X[:50]))
    assert scores[0] == pytest.approx(scores[1], rel=1e-6)


@pytest.mark.parametrize("nonnegative", [False, True])
def test_exact_codes_are_the_best_with_their_signs(store, nonnegative):
    data, X = store[1], np.asarray(store[0].activations[:300], np.float64)
    offset = X.mean(axis=0)
    dictionary = Dictionary.of_rows(data.mixing.T, offset)
    codes = exact_coder(dictionary, X, 2.0, nonnegative=nonnegative)
    S = codes.transform(X)
    assert np.count_nonzero(S) / len(S) == pytest.approx(2.0, rel=0.05)
    assert (S >= 0).all() or not nonnegative
    for i in range(20):
        support = np.flatnonzero(S[i])
        A = dictionary.components[support].T
        np.testing.assert_allclose(
            S[i, support], np.linalg.lstsq(A, X[i] - offset, rcond=None)[0], atol=1e-6
        )
    np.testing.assert_allclose(codes.transform(X[:1]), S[:1], atol=1e-9)


def test_whitening_makes_the_covariance_round():
    X = np.random.default_rng(0).standard_normal((4000, 3)) @ np.diag([9.0, 1.0, 0.3])
    whitening = Whitening.of(X, 0.0)
    C = np.cov(whitening.there(X).T)
    np.testing.assert_allclose(C / C[0, 0], np.eye(3), atol=1e-6)
    assert whitening.log_volume == pytest.approx(np.linalg.slogdet(whitening.W)[1])


def test_results_compare_fits(study):
    results = StudyResults.read(study[0])
    stable = results.stability("batchtopk", 1.5)
    assert 0 <= stable["above_0.9"] <= stable["above_0.7"] <= 1
    assert stable["mean"] > stable["chance_mean"]
    first, second = results.runs()[:2]
    assert results.between(first, second) == results.between(second, first)
    kept = json.loads((study[0] / "comparisons.json").read_text())
    assert len(kept) == 3 + 3
    assert Spread.of([1.0, None, float("nan"), 3.0]) == Spread(2.0, pytest.approx(2**0.5), 2)


def test_verdict_follows_the_figures(study):
    results = StudyResults.read(study[0])
    headline, findings = study_verdict(results)
    for record in results.records:
        # Made up: one method is far better.
        value = 0.9 if record["method"] == "batchtopk" else 0.2
        record["metrics"]["explained_variance"] = value
    assert "BatchTopK" in study_verdict(results)[0]
    assert "explained variance" in headline.lower()
    assert [theme for theme, _ in findings] == [
        "Quality", "Encoder", "Evidence", "Seeds", "Methods", "Splitting", "Prior",
    ]  # fmt: skip
    results.records.clear()
    assert study_verdict(results) == ("No fit has ended well.", [])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"methods": ("icaa",)}, "`methods` must be one of"),
        ({"widths": ()}, "`widths` must not be empty"),
        ({"active": (0,)}, "`active` must be a finite number > 0"),
        ({"seeds": 0}, "`seeds` must be an integer >= 1"),
        ({"n_steps": 1.5}, "`n_steps` must be an integer"),
        ({"active": (100,), "widths": (0.1,)}, "`active` must be below the number of features"),
    ],
)
def test_impossible_settings_are_refused_before_anything_runs(store, settings, message):
    with pytest.raises(ValueError, match=message):
        FeatureStudy(store[0], **settings)


def test_command_line(store, tmp_path):
    arguments = ["features", str(store[0].folder), "-o", str(tmp_path), "--methods", "batchtopk"]
    arguments += ["--widths", "1.5", "--active", "2", "--quick", "--steps", "20"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert "pages    " in result.output
    assert (tmp_path / "index.html").is_file()
    assert (tmp_path / "batchtopk-1.5x" / "index.html").is_file()
    wrong = CliRunner().invoke(main, [*arguments[:2], "--methods", "nothing"])
    assert wrong.exit_code == 1
    assert "`methods` must be one of" in wrong.output
    assert "Traceback" not in wrong.output
    numbers = CliRunner().invoke(main, [*arguments[:2], "--widths", "two"])
    assert "is not a list of numbers such as 1,2,4" in numbers.output


def test_help_names_every_method_and_default():
    text = " ".join(CliRunner().invoke(main, ["features", "--help"]).output.split())
    for name in FEATURE_METHODS:
        assert f" {name}" in text
    config = FeatureStudyConfig()
    for name in ("n_steps", "ica_steps", "seeds", "full_width"):
        assert f"[default: {getattr(config, name)}]" in text


def test_records_of_older_studies_say_nonnegative(tmp_path):
    (tmp_path / RESULTS).write_text(
        '{"cell": "a", "signed": true}\n{"cell": "b", "signed": false}\n'
    )
    assert [record["nonnegative"] for record in read_records(tmp_path)] == [False, True]
