"""The study on a small folder with known features: figures, resuming, failures, bad settings, the command line."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from overica import OvercompleteICA
from overica.baselines import BASELINES
from overica.cli import main
from overica.coding import Dictionary
from overica.lm import FeatureResults, FeatureStudy, FeatureStudyConfig
from overica.lm.study.data import StudyData, codes_of
from overica.lm.study.feature_bench import exact_coder
from overica.lm.study.feature_results import run_name
from overica.lm.study.page import build_page, write_study_pages
from overica.lm.study.verdict import answer, findings
from overica.metrics import share_recovered
from overica.sae import SAES
from overica.studies import METHODS, StudyError
from overica.studies.spread import metric_value
from tests.lm.fake_store import write_store

SMALL = {
    "methods": ["ica", "ica_nonnegative", "batchtopk"], "widths": [1.5], "active": [1, 2, 3], "n_seeds": 2, "n_jobs": 1,
    "sae": {"n_steps": 150}, "ica": {"max_iter": 60}, "n_evaluated": 100, "n_scored": 50, "n_described": 200,
}  # fmt: skip
TINY = SMALL | {"methods": ["batchtopk"], "active": [2], "n_seeds": 1, "sae": {"n_steps": 20}}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("acts"))


@pytest.fixture(scope="module")
def study(store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    return folder, FeatureStudy(store[0], **SMALL).run(folder, progress=False)


@pytest.fixture
def fitted(monkeypatch):
    """Names of the cells whose fits are done while the test runs."""
    done = []
    bench = FeatureStudy.bench

    def watched(self, job):
        done.extend(cell.name for cell in job.cells)
        return bench(self, job)

    monkeypatch.setattr(FeatureStudy, "bench", watched)
    return done


def test_every_cell_has_its_figures(study):
    results = study[1]
    assert len({cell["cell"] for cell in results.records}) == len(results.records) == 3 * 3 + 3
    assert results.failures.empty
    for cell in results.records:
        level = metric_value(cell, "l0")
        assert level == pytest.approx(cell["target_l0"], rel=0.35)
        assert 0 < metric_value(cell, "explained_variance") <= 1
        assert ("exact_explained_variance" in cell["metrics"]) == cell["matched"]
        if cell["matched"] and cell["family"] == "ica":
            exact = metric_value(cell, "exact_explained_variance")
            assert exact == metric_value(cell, "explained_variance")
        assert ("evidence" in cell["metrics"]) == (cell["matched"] and cell["family"] == "ica")
        assert cell["nonnegative"] == (cell["method"] != "ica")
    found = {cell["cell"]: metric_value(cell, "explained_variance") for cell in results.records}
    for method in SMALL["methods"]:
        assert found[f"1.5x/{method}/l0=3/0"] > found[f"1.5x/{method}/l0=1/0"]
    first, second = (cell for cell in results.matched("1.5x", "ica"))
    assert codes_of(results.kept(first["cell"], "codes")).shape == (200, 12)
    assert "codes" not in second["kept"]


def test_non_negative_ica_finds_the_known_features(study, store):
    rows = study[1].dictionary("1.5x/ica_nonnegative/l0=2/0")
    assert share_recovered(rows.T, store[1].mixing, threshold=0.9) > 0.7


def test_learned_thresholds_are_at_the_level_on_the_samples_of_the_fit(study, store):
    study = FeatureStudy(store[0], **TINY)
    (job,) = study.plan().jobs
    X = StudyData(store[0], study.config.parts).fit
    active = np.count_nonzero(study.bench(job).featuriser.transform(X)) / len(X)
    assert active == pytest.approx(2.0, rel=0.01)


def test_held_out_documents_are_not_learned_from(store):
    data = StudyData(store[0], FeatureStudyConfig.from_keywords(n_described=100).parts)
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

    data = StudyData(store[0], FeatureStudyConfig.from_keywords().parts)
    C = np.cov(data.fit.T)
    C += 0.01 * np.trace(C) / len(C) * np.eye(len(C))
    expected = stats.multivariate_normal(data.fit.mean(axis=0), C).logpdf(data.test[:40]).mean()
    assert data.gaussian_evidence(40) == pytest.approx(expected, rel=1e-5)


def test_a_second_call_fits_nothing_and_a_torn_or_damaged_cell_is_done_again(study, store, fitted):
    folder, results = study
    again = FeatureStudy(store[0], **SMALL).run(folder, progress=False)
    assert fitted == []
    assert [cell["metrics"] for cell in again.records] == [cell["metrics"] for cell in results.records]  # fmt: skip
    lines = (folder / "results.jsonl").read_text().splitlines()
    (folder / "results.jsonl").write_text("\n".join(lines[:-1]) + '\n{"cell": "torn')
    damaged = folder / results.records[0]["kept"]["dictionaries"]
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with pytest.raises(ValueError, match="is damaged"):
        again.dictionary(results.records[0]["cell"])
    FeatureStudy(store[0], **SMALL).run(folder, progress=False)
    assert sorted(fitted) == sorted(
        [*(f"1.5x/ica/l0={k}/0" for k in (1, 2, 3)), "1.5x/batchtopk/l0=2/1"]
    )
    assert len(FeatureResults.load(folder).succeeded) == len(results.records)


def test_cells_of_other_settings_are_kept_aside_and_come_back(store, tmp_path, fitted):
    FeatureStudy(store[0], **TINY).run(tmp_path, progress=False)
    FeatureStudy(store[0], **TINY | {"sae": {"n_steps": 10}}).run(tmp_path, progress=False)
    assert len(fitted) == 2
    FeatureStudy(store[0], **TINY).run(tmp_path, progress=False)
    assert len(fitted) == 2
    FeatureStudy(store[0], **TINY).run(tmp_path, progress=False, fresh=True)
    assert len(fitted) == 3


def test_other_activations_in_the_same_folder_are_other_cells(tmp_path, fitted):
    for n_documents in (30, 40):
        write_store(tmp_path / f"acts{n_documents}", n_documents=n_documents)
        (tmp_path / "acts").unlink(missing_ok=True)
        (tmp_path / "acts").symlink_to(tmp_path / f"acts{n_documents}")
        results = FeatureStudy(tmp_path / "acts", **TINY).run(tmp_path / "out", progress=False)
        assert results.failures.empty
        assert results.header["store"]["n_documents"] == n_documents
    assert len(fitted) == 2


@pytest.mark.slow
def test_fits_side_by_side_are_those_of_one_process(study, store):
    results = FeatureStudy(store[0], **SMALL | {"n_jobs": 2}).run(progress=False)
    for cell, other in zip(results.records, study[1].records, strict=True):
        assert metric_value(cell, "explained_variance") == pytest.approx(
            metric_value(other, "explained_variance"), abs=1e-6
        )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_every_method_that_needs_no_truth_may_be_listed(store):
    names = [n for n, method in METHODS.items() if not method.needs_truth and n != "loaded"]
    assert {*SAES, *BASELINES, "ica"} <= set(names)
    results = FeatureStudy(store[0], **TINY | {"methods": names, "ica": {"max_iter": 20}}).run(
        progress=False
    )
    assert results.failures.empty, results.failures.to_string()
    assert build_page(results).overview


def test_a_fit_that_fails_is_told_and_loses_no_other(store, tmp_path, monkeypatch):
    def broken(assignment, **parameters):
        # What a study tries before it begins are fewer.
        if len(assignment.X) > 100:
            raise FloatingPointError("no luck")

    monkeypatch.setitem(METHODS, "relu", replace(METHODS["relu"], build=broken))
    settings = TINY | {"methods": ["relu", "batchtopk"]}
    results = FeatureStudy(store[0], **settings).run(tmp_path, progress=False)
    assert [cell["status"] for cell in results.records] == ["failed", "ok"]
    assert results.records[0]["error"] == {"type": "FloatingPointError", "message": "no luck"}
    page = write_study_pages(tmp_path).read_text()
    assert "1.5x/relu/l0=2/0" in page
    assert "<strong>FloatingPointError</strong>: no luck" in page


def test_missing_model_is_a_notice(study):
    notices = build_page(study[1]).notices
    assert notices[0].startswith("No substitution loss: the model could not be run again")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("whiten", [False, True])
def test_exact_codes_of_ica_reach_the_wanted_level_and_come_back(store, whiten):
    X = np.asarray(store[0].activations[:800])
    ica = OvercompleteICA(12, max_iter=40, random_state=0, overprovision=1.0, whiten=whiten)
    dictionary = Dictionary.of(ica.fit(X)).unit()
    codes = exact_coder(dictionary, X, 2.0, nonnegative=False)
    S = codes.transform(X)
    assert np.count_nonzero(S) / len(S) == pytest.approx(2, rel=0.1)
    # Least squares on the support: the residual is orthogonal to every active feature.
    along = (X - codes.inverse_transform(S)) @ codes.components_.T
    assert np.abs(along[S != 0]).max() < 1e-5 * np.abs(X).max()
    decoded = dictionary.decode(dictionary.encode(codes, X))
    np.testing.assert_allclose(decoded, codes.inverse_transform(S), atol=1e-4)


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


def test_results_compare_fits(study):
    results = FeatureResults.load(study[0])
    stable = results.seeds_agree("1.5x", "batchtopk")
    assert 0 <= stable["above_0.9"] <= stable["above_0.7"] <= 1
    assert stable["mean"] > stable["chance_mean"]
    first, second = results.runs()[:2]
    assert results.between(first, second) == results.between(second, first)
    kept = json.loads((study[0] / "comparisons.json").read_text())
    assert len(kept) == 3 + 3


def test_comparisons_are_kept(study, monkeypatch):
    before = FeatureResults.load(study[0]).comparisons
    monkeypatch.setattr("overica.lm.study.feature_results.agreement", None)
    assert FeatureResults.load(study[0]).comparisons == before


def test_verdict_follows_the_figures(study):
    results = FeatureResults.load(study[0])
    assert [theme for theme, _ in findings(results)] == [
        "Quality", "Encoder", "Evidence", "Seeds", "Methods", "Splitting", "Prior",
    ]  # fmt: skip
    for cell in results.records:
        # Made up: one method is far better.
        value = 0.9 if cell["method"] == "batchtopk" else 0.2
        cell["metrics"]["explained_variance"]["value"] = value
    assert answer(results).startswith("BatchTopK SAE at 1.5x: explained variance 0.900 at 2 active")
    results.records.clear()
    assert findings(results) == []
    assert answer(results) == build_page(results).answer == "Nothing can be said yet."


def test_a_missed_level_is_marked_where_methods_are_compared(study):
    results = FeatureResults.load(study[0])
    for method, level in (("ica", 2.05), ("batchtopk", 1.5)):
        for cell in results.matched("1.5x", method):
            cell["metrics"]["l0"]["value"] = level
    for cell in results.matched("1.5x", "ica_nonnegative"):
        cell["metrics"]["l0"]["value"] = 2.0
    page = build_page(results)
    assert page.notices[-1].endswith("missed by over 5 % by BatchTopK SAE: compare with care.")
    rows = {row.method: row.entries[0] for row in page.overview[0].rows}
    assert rows["batchtopk"].missed == "L0 −25 %"
    assert not rows["ica"].missed


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"methods": ["icaa"]}, "unknown method 'icaa'. Did you mean 'ica'"),
        ({"methods": ["ica", "oracle"]}, r"`methods\[1\]`: 'oracle' needs the true features"),
        ({"methods": [{"name": "ica", "priors": 1}]}, "unknown argument of ica 'priors'"),
        (
            TINY | {"methods": [{"name": "topk", "orthogonality": {"name": "no"}}]},
            "`methods.0.` .topk.: `name` must be one of",
        ),
        ({"sae": {"n_step": 3}}, "unknown parameter 'n_step'. Did you mean 'n_steps'"),
        ({"widths": []}, "`widths` must list widths"),
        ({"active": [0]}, r"`active\[0\]` must be a finite number > 0"),
        ({"n_seeds": 0}, "`n_seeds` must be an integer >= 1"),
        ({"active": [100], "widths": [0.1]}, "`active` must be below the 8 dimensions"),
    ],
)
def test_impossible_settings_are_refused_before_anything_runs(store, settings, message):
    with pytest.raises(StudyError, match=message):
        FeatureStudy(store[0], **settings).plan()


def test_defaults_of_the_study_stand_behind_what_is_given():
    config = FeatureStudyConfig.from_keywords(ica={"max_iter": 7, "whiten": True})
    assert config.ica == {"max_iter": 7, "overprovision": 1.0, "center": True, "whiten": True}
    told = config.told(config.methods[0], 3000).arguments
    assert told["batch_size"] == 3000
    config = FeatureStudyConfig.from_keywords(ica={"batch_size": 9})
    assert config.told(config.methods[0], 3000).arguments["batch_size"] == 9


def test_folders_of_pages_have_plain_names_of_their_own():
    names = [run_name({"method": m, "width": "2x"}) for m in ("ica", "my <ica>", "my _ica_", "..")]
    assert names[0] == "ica-2x"
    assert len(set(names)) == 4
    for name in names:
        assert name.replace("-", "").replace("_", "").replace(".", "").isalnum()


def test_folders_of_other_studies_and_of_earlier_versions_are_refused(store, tmp_path):
    for header in ({"kind": "known_truth"}, {"study": {"n_steps": 3}}):
        (tmp_path / "study.json").write_text(json.dumps(header))
        with pytest.raises(StudyError, match="must be empty or hold a study of kind 'activations'"):
            FeatureStudy(store[0], **TINY).run(tmp_path, progress=False)
        with pytest.raises(StudyError, match="must be empty or hold a study of kind 'activations'"):
            write_study_pages(tmp_path)


def test_a_file_says_all(store, tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(
        f'activations = "{store[0].folder}"\nwidths = [1.5]\nactive = [2]\nn_seeds = 1\nn_jobs = 1\n'
        'methods = ["batchtopk", {name = "ica", label = "white", whiten = true}]\n'
        "[sae]\nn_steps = 20\n[ica]\nmax_iter = 20\n"
    )
    study = FeatureStudy.from_toml(path)
    assert study.config.activations == str(store[0].folder)
    arguments = {job.method.label: job.method.arguments for job in study.plan().jobs}
    assert arguments["batchtopk"]["n_steps"] == 20
    assert arguments["white"]["whiten"] is True
    assert arguments["white"]["overprovision"] == 1.0


def test_command_line(store, tmp_path):
    arguments = ["features", str(store[0].folder), "-o", str(tmp_path), "--methods"]
    arguments += ["batchtopk,{name='ica', label='white', whiten=true}", "--widths", "1.5", "--active", "2"]  # fmt: skip
    arguments += ["--quick", "--steps", "20", "--jobs", "1"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert "report   " in result.output
    assert (tmp_path / "index.html").is_file()
    assert (tmp_path / "batchtopk-1.5x" / "index.html").is_file()
    assert (tmp_path / "white-1.5x" / "index.html").is_file()
    header = json.loads((tmp_path / "study.json").read_text())
    assert header["study"]["sae"] == {"n_steps": 20, "batch_size": 1024}
    wrong = CliRunner().invoke(main, [*arguments[:2], "--methods", "nothing"])
    assert wrong.exit_code == 1
    assert "unknown method 'nothing'" in wrong.output
    assert "Traceback" not in wrong.output
    numbers = CliRunner().invoke(main, [*arguments[:2], "--widths", "two"])
    assert "is not a list of numbers such as 1,2,4" in numbers.output
    tables = CliRunner().invoke(main, [*arguments[:2], "--methods", "ica,{name="])
    assert "is not a list of names and tables" in tables.output


def test_help_names_the_defaults():
    text = " ".join(CliRunner().invoke(main, ["features", "--help"]).output.split())
    config = FeatureStudyConfig.from_keywords()
    assert f"[default: {','.join(config.default_methods)}]" in text
    for value in (config.sae["n_steps"], config.ica["max_iter"], config.n_seeds, config.full_width):
        assert f"[default: {value:g}]" in text
