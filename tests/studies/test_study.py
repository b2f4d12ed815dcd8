"""Studies end to end: results, continuation, failures, interruption."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from overica.baselines import PCABaseline
from overica.coding import Dictionary
from overica.compare import Results, Study, StudyError
from overica.formats import load
from overica.persistence import FolderLock, finite, read_lines
from overica.sae import TopKSAE
from overica.studies import METHODS, Method, runner
from overica.studies import study as study_module

TOY = {"name": "sparse_random", "label": "toy", "n_features": 4, "n_components": 6, "n_active": 2}
PLANE = {"name": "mixture", "label": "plane", "n_features": 2, "n_components": 3}


class Broken(PCABaseline):
    def fit(self, X, y=None):
        raise RuntimeError("the loss is NaN at step 7")


class Poisoned(PCABaseline):
    def transform(self, X):
        return super().transform(X) * np.nan


class Deadly(PCABaseline):
    def fit(self, X, y=None):
        os.kill(os.getpid(), signal.SIGKILL)


class Interrupted(PCABaseline):
    def fit(self, X, y=None):
        raise KeyboardInterrupt


def extra(name, kind):
    def build(assignment):
        return kind(assignment.n_components, nonnegative=assignment.nonnegative)

    return Method(name, name, "baseline", build, sweeps=False)


@pytest.fixture
def with_method(monkeypatch):
    def add(name, kind):
        monkeypatch.setitem(METHODS, name, extra(name, kind))

    return add


def small(**keywords):
    settings = {
        "datasets": [TOY],
        "methods": ["pca", "random"],
        "n_seeds": 2,
        "n_samples": 400,
        "n_evaluated": 60,
        "n_jobs": 1,
    }
    return Study(**(settings | keywords))


def lines(folder):
    return read_lines(folder / "results.jsonl")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    sae = {"n_steps": 20, "batch_size": 64}
    study = small(datasets=[TOY, PLANE], methods=["pca", "topk", "oracle"], sae=sae)
    return study.run(folder, progress=False), folder


def test_every_cell_has_a_record_as_promised(finished):
    _, folder = finished
    records = lines(folder)
    # Two data sets, levels (1, 2, 4) and (1, 2): PCA with its own level, TopK one fit per level.
    assert len(records) == 2 * (4 + 3 + 3) + 2 * (3 + 2 + 2)
    keys = {
        "cell", "dataset", "method", "target_l0", "matched", "seed", "status", "error", "n_components",
        "fit_seconds", "fit_cpu_seconds", "fit_flops", "metrics", "encoders", "split", "histogram",
        "directions", "cosines",
    }  # fmt: skip
    for record in records:
        assert record["status"] == "ok", record["error"]
        assert keys <= record.keys()
        assert set(record["encoders"]) == {"own", "map", "omp", "oracle_support"}
        assert (record["directions"] is None) == (record["dataset"] == "toy")
        assert (record["cosines"] is None) == (record["seed"] == 1)
        for figure in record["metrics"].values():
            assert {"value", "chance"} <= figure.keys()
    oracle = [r for r in records if r["method"] == "oracle"]
    assert all(r["metrics"]["mean_cosine"]["value"] == pytest.approx(1) for r in oracle)
    split = oracle[0]["split"]
    assert split["total"] == pytest.approx(sum(v for k, v in split.items() if k != "total"))
    assert split["total"] == pytest.approx(
        1 - oracle[0]["metrics"]["explained_variance"]["value"], abs=1e-9
    )


def test_codes_are_brought_to_the_level(finished):
    result, _ = finished
    l0 = result.frame[(result.frame["metric"] == "l0") & result.frame["target_l0"].notna()]
    toy = l0[(l0["dataset"] == "toy") & (l0["target_l0"] < 4)]
    np.testing.assert_allclose(toy["value"], toy["target_l0"], rtol=0.25)


def test_header_tells_what_the_report_needs(finished):
    _, folder = finished
    header = json.loads((folder / "study.json").read_text())
    assert set(header) >= {"study", "datasets", "methods", "versions"}
    assert header["datasets"]["toy"]["describe"]["true_l0"] == 2
    assert header["methods"]["topk"]["family"] == "sae"
    assert header["study"]["n_seeds"] == 2


def test_frame_is_tidy(finished):
    result, _ = finished
    assert isinstance(result.frame, pd.DataFrame)
    assert not result.frame.duplicated(["cell", "metric"]).any()
    assert {"dataset", "method", "seed", "metric", "value", "chance"} <= set(result.frame.columns)


def test_table_is_that_of_the_frame(finished):
    result, _ = finished
    rows = result.frame.query(
        "method == 'topk' and dataset == 'toy' and matched and metric == 'f1'"
    )
    row = result.table("f1").loc[("toy", "topk")]
    assert row["mean"] == pytest.approx(rows["value"].mean())
    assert row["best"] == rows["value"].max()
    assert row["spread"] == pytest.approx(rows["value"].std(ddof=1))
    assert row["level"] == 2
    levels = result.frame.query("method == 'topk' and dataset == 'toy' and metric == 'f1'")
    means = levels.groupby("target_l0")["value"].mean()
    assert result.best("f1").loc[("toy", "topk"), "mean"] == pytest.approx(means.max())
    assert result.best("f1").loc[("toy", "topk"), "level"] == means.idxmax()
    assert result.table("fit_seconds", 1.0).loc[("toy", "topk"), "mean"] > 0
    assert len(result.table("f1", "own")) == 2


def test_table_refuses_what_it_does_not_know(finished):
    result, _ = finished
    with pytest.raises(ValueError, match=r"unknown metric 'f2'. Did you mean 'f1'"):
        result.table("f2")
    with pytest.raises(ValueError, match="`at` must be one of"):
        result.table("f1", "worst")
    with pytest.raises(ValueError, match="a better and a worse"):
        result.best("l0")


def test_dictionaries_and_stability(finished):
    result, _ = finished
    learned = result.dictionary("toy/topk/l0=2/0")
    assert learned.shape == (6, 4)
    np.testing.assert_allclose(np.linalg.norm(learned, axis=1), 1, atol=1e-6)
    stable = result.stability()
    assert stable.loc[("toy", "oracle"), "value"] == pytest.approx(1, abs=1e-6)
    assert stable.loc[("toy", "topk"), "value"] < 1
    with pytest.raises(ValueError, match="unknown cell 'toy/topk/0'"):
        result.dictionary("toy/topk/0")


def test_whole_models_are_kept(finished):
    result, folder = finished
    for cell in result.succeeded:
        model = result.model(cell["cell"])
        np.testing.assert_allclose(
            np.abs(Dictionary.of(model).components),
            np.abs(result.dictionary(cell["cell"])),
            atol=1e-6,
        )
        assert type(load(folder / cell["kept"]["models"])) is type(model)
    assert type(result.model("toy/topk/l0=2/0")) is TopKSAE


def test_what_is_read_back_is_what_was_returned(finished):
    result, folder = finished
    again = Results.load(folder)
    pd.testing.assert_frame_equal(again.frame, result.frame, check_dtype=False)
    assert str(again.verdict()) == str(result.verdict())
    with pytest.raises(FileNotFoundError, match="no study in"):
        Results.load(folder / "dictionaries")


def test_same_seed_same_figures(finished):
    result, _ = finished
    study = small(datasets=[TOY], methods=["topk"], sae={"n_steps": 20, "batch_size": 64})
    record = finite(runner.run_job(study, study.plan().jobs[0]).records[0])
    before = next(r for r in result.records if r["cell"] == record["cell"])
    assert record["metrics"] == finite(before)["metrics"]


def counted(monkeypatch):
    ran = []

    def count(study, jobs, n_workers):
        for job in jobs:
            ran.extend(cell.name for cell in job.cells)
            yield runner.run_job(study, job)

    monkeypatch.setattr(study_module, "outcomes", count)
    return ran


def test_a_second_call_runs_nothing(tmp_path, monkeypatch):
    first = small().run(tmp_path, progress=False)
    ran = counted(monkeypatch)
    second = small().run(tmp_path, progress=False)
    assert ran == []
    pd.testing.assert_frame_equal(first.frame, second.frame, check_dtype=False)
    assert len(small().run(tmp_path, progress=False, fresh=True).records) == len(ran) > 0


def test_a_second_call_at_the_same_time_is_refused(tmp_path):
    small(methods=["pca"]).run(tmp_path, progress=False)
    with FolderLock(tmp_path), pytest.raises(BlockingIOError, match="is in use: another process"):
        small(methods=["random"]).run(tmp_path, progress=False)
    kept = small(methods=["pca"]).run(tmp_path, progress=False).records
    assert {record["method"] for record in kept} == {"pca"}


def test_a_torn_line_costs_its_cell_alone(tmp_path, monkeypatch):
    small().run(tmp_path, progress=False)
    path = tmp_path / "results.jsonl"
    whole = path.read_text().splitlines(keepends=True)
    path.write_text("".join(whole[:-1]) + whole[-1][: len(whole[-1]) // 2])
    ran = counted(monkeypatch)
    small().run(tmp_path, progress=False)
    assert ran == [json.loads(whole[-1])["cell"]]
    assert len(lines(tmp_path)) == len(whole)


def test_changed_cells_run_anew_and_come_back(tmp_path, monkeypatch):
    small().run(tmp_path, progress=False)
    ran = counted(monkeypatch)
    changed = small(datasets=[TOY | {"noise": 0.2}])
    changed.run(tmp_path, progress=False)
    assert len(ran) == len(changed.plan().cells)
    assert all(record["cell"] in ran for record in lines(tmp_path))
    ran.clear()
    more = small(methods=["pca", "random", "oracle"]).run(tmp_path, progress=False)
    assert {name.split("/")[1] for name in ran} == {"oracle"}
    assert len(more.records) == len(lines(tmp_path))


@pytest.mark.parametrize("kind", [Broken, Poisoned])
def test_a_failing_method_loses_no_other_and_is_tried_again(
    tmp_path, with_method, monkeypatch, kind
):
    with_method("broken", kind)
    study = small(methods=["pca", "broken"])
    result = study.run(tmp_path, progress=False)
    failed = result.failures
    assert set(failed["cell"].str.split("/").str[1]) == {"broken"}
    assert len(failed) == len(study.plan().cells) / 2
    expected = {
        Broken: ("RuntimeError", "the loss is NaN at step 7"),
        Poisoned: ("FloatingPointError", "NaN"),
    }
    assert failed["type"].iloc[0] == expected[kind][0]
    assert expected[kind][1] in failed["message"].iloc[0]
    assert ("toy", "pca") in result.table().index
    assert "failed" in str(result.verdict())
    with pytest.raises(ValueError, match="failed and has no dictionaries"):
        result.dictionary(failed["cell"].iloc[0])

    with_method("broken", PCABaseline)
    ran = counted(monkeypatch)
    assert study.run(tmp_path, progress=False).failures.empty
    assert set(ran) == set(failed["cell"])


def test_an_interrupt_keeps_what_is_done(tmp_path, with_method):
    with_method("interrupted", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        small(methods=["pca", "interrupted"]).run(tmp_path, progress=False)
    kept = lines(tmp_path)
    assert kept
    assert {record["method"] for record in kept} == {"pca"}


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = small(methods=["pca"]).run(progress=False)
    assert not any(tmp_path.iterdir())
    assert result.dictionary("toy/pca/own/0").shape == (4, 4)
    assert result.stability().loc[("toy", "pca"), "value"] == pytest.approx(1)


def test_nothing_runs_where_the_study_is_impossible(tmp_path):
    with pytest.raises(StudyError, match="above the 1 components"):
        small(n_components=1).run(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_fresh_data_differ_from_seed_to_seed():
    result = small(fresh_data=True, methods=["pca"]).run(progress=False)
    assert result.table("explained_variance").loc[("toy", "pca"), "spread"] > 0
    assert result.stability().empty


def test_warnings_are_in_the_record(recwarn):
    result = small(methods=["fastica"], n_seeds=1).run(progress=False)
    assert any("FastICA has at most n_features=4" in text for text in result.records[0]["warnings"])
    assert not [w for w in recwarn if "FastICA" in str(w.message)]


@pytest.mark.slow
def test_processes_give_what_one_process_gives(tmp_path):
    alone = small(methods=["pca", "random"]).run(progress=False)
    side_by_side = small(methods=["pca", "random"], n_jobs=2).run(tmp_path, progress=True)
    figures = ["cell", "metric", "value", "chance"]
    pd.testing.assert_frame_equal(alone.frame[figures], side_by_side.frame[figures])


@pytest.mark.slow
def test_a_killed_process_fails_its_own_cells_alone(with_method, tmp_path):
    with_method("deadly", Deadly)
    study = small(methods=["pca", "deadly"], n_seeds=2)
    outcomes = list(runner.outcomes(study, study.plan().jobs, 2, run=_kill_if_deadly))
    status = {
        job.method.name: {record["status"] for record in records} for job, records, _ in outcomes
    }
    assert status == {"pca": {"ok"}, "deadly": {"failed"}}


def _kill_if_deadly(study, job):
    if job.method.name == "deadly":
        os.kill(os.getpid(), signal.SIGKILL)
    return runner.run_job(study, job)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are found by /proc")
def test_workers_end_with_a_process_that_is_killed():
    code = (
        "import threading\n"
        "from overica.compare import Study\n"
        f"study = Study(datasets=[{TOY!r}], methods=['pca', 'random'], n_samples=400, n_jobs=2)\n"
        "study.run(progress=False)\n"
        "print('done', flush=True)\n"
        "threading.Event().wait()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as parent:
        try:
            parent.stdout.readline()
            children = Path(f"/proc/{parent.pid}/task").glob("*/children")
            workers = [int(pid) for each in children for pid in each.read_text().split()]
        finally:
            parent.kill()
    assert workers
    deadline = time.monotonic() + 20
    while any(map(_is_alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert not any(map(_is_alive, workers))


def _is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[-1].split()[0]
