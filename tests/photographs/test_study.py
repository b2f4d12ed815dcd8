"""A small study from end to end, its report, and the command."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from overica.cli import main
from overica.photographs import PhotographConfig, PhotographResults, PhotographStudy, verdict
from overica.photographs.photograph_page import QUESTION
from overica.studies import StudyError

TINY = {
    "side": 3, "widths": [1, 2], "n_seeds": 1, "n_fit": 900, "n_choose": 40, "n_judge": 120, "n_annealed": 4,
    "n_table": 200, "n_jobs": 1,
    "ica": {"max_iter": 12},
    "methods": [
        "ica",
        {"name": "dictionary_learning", "n_rounds": 1, "n_steps": 8, "batch_size": 64},
        {"name": "topk", "n_steps": 20, "batch_size": 64},
        "fastica", "pca", "random", "gaussian", "raw",
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def study(folder):
    return PhotographStudy(**TINY).run(folder, progress=False)


def bits(results, metric="evidence_bits"):
    return results.table(metric)["mean"].unstack("width")


def test_every_method_at_every_width_it_knows(study):
    assert not study.failed, study.failures.to_string()
    cells = {(record["width"], record["method"]) for record in study.records}
    names = [method["name"] if isinstance(method, dict) else method for method in TINY["methods"]]
    complete = {"fastica", "pca", "gaussian", "raw"}
    assert cells == {("1x", name) for name in names} | {
        ("2x", name) for name in names if name not in complete
    }
    found = bits(study)
    # A sparse density on any learned basis beats the Gaussian, and that beats nothing at all.
    assert found.loc["ica", "2x"] < found.loc["gaussian", "1x"]
    assert found.loc["fastica", "1x"] < found.loc["gaussian", "1x"]
    assert found.loc["gaussian", "1x"] < bits(study, "coefficient_bits").loc["raw", "1x"]


def test_bases_and_their_gabors_are_kept(study, folder):
    for results in (study, PhotographResults.load(folder)):
        basis = results.basis("2x/ica/own/0")
        assert basis.shape == (9, 18)
        np.testing.assert_allclose(np.linalg.norm(basis, axis=0), 1, atol=1e-5)
        fits = results.gabors("2x/ica/own/0")
        [record] = results.of("2x", "ica")
        assert fits.r2.shape == (18,)
        assert record["metrics"]["gabor_share"]["value"] == fits.well_fitted.mean()


def test_free_parameters_are_chosen_at_the_narrowest(study):
    tuned = PhotographConfig.from_keywords().tuned
    for name, table in tuned.items():
        [parameter] = table
        chosen = [
            record["setting"][parameter]
            for width in ("1x", "2x")
            for record in study.of(width, name)
        ]
        assert len(chosen) == 2
        assert chosen[0] == chosen[1]
        assert chosen[0] in table[parameter]


def test_what_is_chosen_has_the_highest_evidence():
    """Of a penalty that suits, and one at which nothing is ever active."""
    method = {"name": "dictionary_learning", "n_rounds": 1, "n_steps": 8, "batch_size": 64}
    few = TINY | {"widths": [1], "methods": [method], "n_choose": 200, "n_annealed": 0}
    setting = PhotographStudy(
        **few | {"tuned": {"dictionary_learning": {"penalty": [100.0, 0.6]}}}
    ).run(progress=False).records[0]["setting"]  # fmt: skip
    assert setting == {"penalty": 0.6}


def test_a_second_run_goes_on_and_answers_the_same(study, folder):
    """And a method's figures do not depend on who else takes part, or how many at a time."""
    few = TINY | {"methods": TINY["methods"][:2]}
    again = PhotographStudy(**few).run(folder, progress=False)
    assert [r["fit_seconds"] for r in again.records] == [
        r["fit_seconds"] for r in study.records[:4]
    ]
    anew = PhotographStudy(**few | {"n_jobs": 2}).run(folder, progress=False, fresh=True)
    assert [r["metrics"] for r in anew.records] == [r["metrics"] for r in study.records[:4]]
    assert len((folder / "earlier.jsonl").read_text().splitlines()) >= len(study.records)
    assert len(PhotographStudy(**TINY).run(folder, progress=False).records) == len(study.records)


def test_pictures_decide(folder):
    rng = np.random.default_rng(0)
    first, second = (rng.integers(0, 256, (60, 60)) for _ in range(2))
    names = [
        {cell.config for cell in PhotographStudy(**TINY, images=images).plan().cells}
        for images in ([first], [first], [second])
    ]
    assert names[0] == names[1]
    assert not names[0] & names[2]


def test_report_answers_first(study, folder):
    tiny = PhotographStudy(**TINY)
    tiny.write_report(tiny.run(folder, progress=False))
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.index(QUESTION) < page.index("bits per pixel") < page.index("Cost over the width")
    assert page.count("data:image/png;base64,") == 10 + 1
    assert "kind = &#34;photographs&#34;" in page


HEADER = {
    "widths": {"1x": {"width": 1.0}, "2x": {"width": 2.0}},
    "methods": {"fastica": {}, "ica": {"family": "ica"}, "random": {}},
}


def made_up(costs):
    """Results of bits (evidence, coefficients) by method, width and seed."""
    return PhotographResults(
        [
            {"cell": f"{width}/{name}/own/{seed}", "status": "ok", "width": width, "method": name, "seed": seed}
            | {"family": HEADER["methods"][name].get("family", "baseline"), "reference": name == "random"}
            | {"metrics": {"evidence_bits": {"value": e}, "coefficient_bits": {"value": c}}}
            for (name, width), both in costs.items()
            for seed, (e, c) in enumerate(both)
        ],
        HEADER,
    )  # fmt: skip


def test_verdict_says_who_is_ahead():
    told = verdict(
        made_up(
            {
                ("fastica", "1x"): [(3.0, 5.0), (2.0, 5.0)],
                ("ica", "1x"): [(3.1, 5.0), (2.0, 5.5)],
                ("ica", "2x"): [(2.9, 6.0), (1.8, 6.5)],
                ("random", "2x"): [(1.0, 1.0), (1.0, 1.0)],
            }
        )
    )
    answer, evidence, coefficients = told.split("\n\n")
    assert answer == (
        "By the probability of the cells they do, 2x costs 0.150 bits per pixel less than 1x; by quantised "
        "coefficients they do not, 2x costs 1.250 bits per pixel more than 1x."
    )
    assert evidence.splitlines() == [
        "By the probability of the cells ica 2x is best.",
        "Complete bases: fastica 1x costs 0.050 less than ica 1x (1 of 2 seeds).",
        "More columns than pixels: ica 2x costs 0.150 less than fastica 1x (2 of 2 seeds).",
    ]
    assert "By quantised coefficients fastica 1x is best." in coefficients
    assert "ica 2x costs 1.250 more than fastica 1x (2 of 2 seeds)" in coefficients


def test_verdict_owns_up_to_seeds_that_disagree():
    told = verdict(
        made_up({("ica", "1x"): [(3.0, None)] * 2, ("fastica", "1x"): [(2.8, None), (3.1, None)]})
    )
    assert "the seeds do not agree which basis is best; fastica 1x on average." in told
    assert "quantised" not in told


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"widths": ()}, "`widths` must list columns per pixel"),
        ({"widths": (0.5,)}, r"`widths\[0\]` must be a number from 1"),
        ({"methods": ("pca", "magic")}, r"`methods\[1\]`: unknown method 'magic'"),
        ({"methods": ("oracle",)}, "unknown method 'oracle'"),
        ({"n_seeds": 0}, "`n_seeds` must be an integer >= 1"),
        ({"side": 1}, "`side` must be an integer from 2 to 32"),
        ({"tuned": {"icaa": {}}}, "`tuned`: unknown method 'icaa'. Did you mean 'ica'"),
        ({"tuned": {"ica": {"anealing": [1]}}}, "`tuned.ica`: unknown parameter.*'annealing'"),
        ({"tuned": {"topk": {"n_active": 3}}}, "`tuned.topk.n_active` must list values, got 3"),
        ({"kind": "separation"}, "`kind` must be 'photographs' here, got 'separation'"),
    ],
)
def test_bad_configuration(change, message):
    with pytest.raises(StudyError, match=message):
        PhotographConfig.from_keywords(**change)


SMALL = """
kind = "photographs"
side = 3
widths = [1]
n_seeds = 1
n_fit = 900
n_choose = 40
n_judge = 120
n_annealed = 0
n_table = 200
n_jobs = 1
methods = ["pca", "gaussian"]
"""


def test_command_on_a_folder_with_a_file(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("a.png", "b.png"):
        Image.fromarray(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(tmp_path / name)
    (tmp_path / "study.toml").write_text(SMALL, encoding="utf-8")
    out = tmp_path / "new" / "out"
    arguments = ["photographs", str(tmp_path / "study.toml"), "--folder", str(tmp_path)]
    result = CliRunner().invoke(main, [*arguments, "--precision", "5bits", "-o", str(out)])
    assert result.exit_code == 0, result.output
    assert "PCA 1x is best" in result.output
    assert str(out / "report.html") in result.output
    assert json.loads((out / "study.json").read_text())["study"]["precision"] == 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--precision", "lots"], "neither grey levels, as 4, nor bits, as 6bits"),
        (["--precision", "300"], "300 grey levels, expected more than 0 and less than 256"),
        (["--overcompleteness", "1,x"], "not a list of numbers"),
        (["--overcompleteness", "0.5"], "must lie between 1 and 64"),
        (["--folder", "nowhere"], "`folder` must be a folder with pictures, got 'nowhere'"),
        (["nowhere.toml"], "'nowhere.toml' does not exist"),
    ],
)
def test_command_says_what_is_wrong(tmp_path, arguments, message):
    result = CliRunner().invoke(main, ["photographs", "-o", str(tmp_path / "out"), *arguments])
    assert result.exit_code != 0
    assert message in " ".join(result.output.split())
    assert not (tmp_path / "out").exists()
