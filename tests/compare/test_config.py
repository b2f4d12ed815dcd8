"""Configurations: what is read, what is refused, and what the refusal says."""

import pytest

from overica.compare import METHODS, Assignment, StudyConfig, StudyError
from overica.compare.planning import load, plan

SMALL = {"name": "mixture", "n_samples": 200, "n_features": 2, "n_components": 3}


def config(**keywords):
    return StudyConfig.from_keywords(**({"datasets": [SMALL], "methods": ["pca"]} | keywords))


def written(tmp_path, text):
    path = tmp_path / "study.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_toml_and_keywords_are_one(tmp_path):
    path = written(
        tmp_path,
        """
        n_seeds = 2
        levels = [1, 0.5]
        methods = ["ica", {name = "topk", label = "long", n_steps = 50}]
        [[datasets]]
        name = "mixture"
        n_samples = 200
        [sae]
        batch_size = 64
        """,
    )
    read = StudyConfig.from_toml(path)
    assert read == StudyConfig.from_keywords(
        n_seeds=2,
        levels=[0.5, 1],
        methods=["ica", {"name": "topk", "label": "long", "n_steps": 50}],
        datasets=[{"name": "mixture", "n_samples": 200}],
        sae={"batch_size": 64},
    )
    assert read.levels == (0.5, 1.0)
    assert [method.label for method in read.methods] == ["ica", "long"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("datasets = ['mixtur']\nmethods = ['ica']", r"`datasets\[0\]`.*'mixtur'.*'mixture'"),
        ("datasets = ['mixture']\nmethods = ['pca', 'batchtok']", r"`methods\[1\]`.*'batchtopk'"),
        (
            "datasets = ['mixture']\nmethods = ['ica']\nn_seed = 3",
            r"`n_seed`.*Did you mean 'n_seeds'",
        ),
        (
            "datasets = [{name='mixture', n_sample=3}]\nmethods = ['ica']",
            r"`datasets\[0\]`: unknown argument of mixture 'n_sample'.*'n_samples'",
        ),
        (
            "datasets = ['mixture']\nmethods = [{name='topk', steps=3}]",
            r"`methods\[0\]`: unknown argument of topk 'steps'.*'n_steps'",
        ),
        (
            "datasets = ['mixture']\nmethods = ['topk']\nsae = {batchsize = 3}",
            r"`sae`: unknown parameter 'batchsize'.*'batch_size'",
        ),
        ("datasets = ['mixture']\nmethods = []", r"`methods` must list at least one method"),
        ("methods = ['ica']", r"`datasets` must list at least one data set, got None"),
        ("datasets = ['mixture'\nmethods = ['ica']", "is not TOML"),
    ],
)
def test_a_bad_file_is_named_with_key_and_nearest_names(tmp_path, text, message):
    path = written(tmp_path, text)
    with pytest.raises(StudyError, match=message) as caught:
        StudyConfig.from_toml(path)
    assert str(path) in str(caught.value)


def test_a_missing_file():
    with pytest.raises(StudyError, match=r"nowhere.toml: cannot be read"):
        StudyConfig.from_toml("nowhere.toml")


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"n_components": 0}, r"`n_components` must be an integer >= 1, got 0"),
        ({"n_components": -1.5}, r"`n_components` must be a finite number > 0"),
        ({"n_components": "half"}, r'`n_components` must be "true", a ratio or a number'),
        ({"n_seeds": 0}, r"`n_seeds` must be an integer >= 1"),
        ({"seed": -1}, r"`seed` must be an integer >= 0, got -1"),
        ({"levels": []}, r"`levels` must list multiples"),
        ({"levels": [0]}, r"`levels\[0\]` must be a finite number > 0"),
        ({"n_jobs": 0}, r"`n_jobs`"),
        ({"held_out": 1.0}, r"`held_out` must be below 1"),
        ({"n_samples": 3}, r"`n_samples` must be an integer >= 10"),
        ({"fresh_data": "yes"}, r"`fresh_data` must be true or false"),
        ({"sae": 3}, r"`sae` must be a table"),
        ({"methods": "ica"}, r"`methods` must list"),
        ({"methods": [{"label": "x"}]}, r"`methods\[0\]` must be a name or a table"),
        ({"methods": ["pca", "pca"]}, r"`methods\[1\]`: 'pca' is there already"),
        ({"methods": [{"name": "pca", "label": "a/b"}]}, r"`label` must be a name without slashes"),
    ],
)
def test_impossible_values_are_refused(keywords, message):
    with pytest.raises(StudyError, match=message):
        config(**keywords)


def test_a_level_above_the_width_is_refused_before_anything_runs():
    sparse = {"name": "sparse_random", "n_samples": 200, "n_features": 4, "n_components": 6}
    with pytest.raises(
        StudyError, match=r"`datasets\[0\]` \(sparse_random\): 3 times the true L0 3 is 9 .* 6 comp"
    ):
        plan(config(datasets=[sparse], levels=[1, 3]))
    with pytest.raises(StudyError, match=r"is 3 active features, above the 2 components"):
        plan(config(datasets=[sparse], n_components=2))


def test_arguments_that_the_maker_refuses_name_the_data_set():
    with pytest.raises(StudyError, match=r"`datasets\[0\]` \(mixture\): `n_features` must"):
        plan(config(datasets=[SMALL | {"n_features": 0}]))


def test_default_levels_leave_out_what_makes_no_sense():
    dense = plan(config()).facts["datasets"]["mixture"]["levels"]
    assert dense == {"0.5": 1, "1.0": 2}


def test_levels_round_to_whole_numbers_once():
    sparse = SMALL | {"name": "sparse_random", "n_components": 4, "n_active": 1}
    whole = plan(config(datasets=[sparse], levels=[0.5, 0.9, 1, 2]))
    assert whole.facts["datasets"]["sparse_random"]["levels"] == {"1.0": 1, "2.0": 2}


def test_cells_of_methods_that_are_told_a_level_and_of_others():
    whole = plan(config(methods=["ica", "topk", "oracle"], n_seeds=1))
    assert [[cell.name for cell in job.cells] for job in whole.jobs] == [
        ["mixture/ica/own/0", "mixture/ica/l0=1/0", "mixture/ica/l0=2/0"],
        ["mixture/topk/l0=1/0"],
        ["mixture/topk/l0=2/0"],
        ["mixture/oracle/l0=1/0", "mixture/oracle/l0=2/0"],
    ]
    assert [cell.facts["matched"] for cell in whole.cells] == [
        False,
        False,
        True,
        False,
        True,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("wanted", "widths"), [("true", {3, 6}), (2.0, {6, 12}), (5, {5})], ids=str
)
def test_width_doubles_for_codes_of_one_sign_unless_it_is_named(wanted, widths):
    whole = plan(config(methods=["pca", "topk"], n_components=wanted, n_seeds=1))
    assert {job.n_components for job in whole.jobs} == widths


def test_hashes_change_with_what_decides_and_with_nothing_else():
    def hashes(**keywords):
        return [cell.config for cell in plan(config(**keywords)).cells]

    base = hashes(n_seeds=1)
    assert hashes(n_seeds=1, n_jobs=2) == base
    assert hashes(n_seeds=1, methods=["pca", "random"])[: len(base)] == base
    assert hashes(n_seeds=2)[: len(base)] == base
    assert set(hashes(n_seeds=1, datasets=[SMALL | {"noise": 0.1}])).isdisjoint(base)
    assert set(hashes(n_seeds=1, n_evaluated=50)).isdisjoint(base)
    assert set(hashes(n_seeds=1, seed=1)).isdisjoint(base)


def test_sae_parameters_reach_the_saes_that_know_them():
    whole = plan(
        config(
            methods=["pca", {"name": "topk", "n_steps": 9}, "relu"], sae={"n_steps": 5}, n_seeds=1
        )
    )
    told = {job.method.name: dict(job.method.arguments) for job in whole.jobs}
    assert told == {"pca": {}, "topk": {"n_steps": 9}, "relu": {"n_steps": 5}}


def test_quick_is_small():
    quick = config(datasets=[SMALL, SMALL | {"label": "b"}, SMALL | {"label": "c"}]).quick()
    assert len(quick.datasets) == 2
    assert quick.n_seeds == 1
    assert quick.levels == (1.0,)


def test_every_method_says_what_may_be_set():
    for method in METHODS.values():
        assert method.family in ("ica", "sae", "baseline")
        assert not method.parameters & {"n_components", "random_state", "n_active", "self"}


def test_an_orthogonality_penalty_by_name():
    def told(penalty):
        method = {"name": "topk", "label": "apart", "orthogonality": penalty}
        return plan(config(methods=[method], n_seeds=1))

    job = told({"name": "nearest", "coefficient": 0.1}).jobs[0]
    sae = METHODS["topk"].build(
        Assignment(3, 1.0, True, 0, load(job.dataset, None, 0).X), **job.method.arguments
    )
    assert sae.orthogonality.coefficient == 0.1
    with pytest.raises(StudyError, match=r"`methods\[0\]` \(apart\): `name` must be one of"):
        told({"name": "nearst", "coefficient": 0.1})
