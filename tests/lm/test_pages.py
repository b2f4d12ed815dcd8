"""Pages of features as files: hostile text stays text, links lead somewhere, data are small and self-contained."""

import json
import re

import numpy as np
import pytest

from overica.lm import FeatureResults, FeatureStudy
from overica.lm.features import record
from overica.lm.study.data import codes_of
from overica.lm.study.page import write_study_pages
from tests.lm.fake_store import EVIL, write_store

SETTINGS = {
    "methods": ["ica_nonnegative", "batchtopk"], "widths": [1.5, 2], "full_width": 1.5, "active": [2], "n_seeds": 2,
    "n_jobs": 1, "sae": {"n_steps": 60}, "ica": {"max_iter": 40},
    "n_evaluated": 60, "n_scored": 30, "n_described": 300, "n_substituted": 0,
}  # fmt: skip
RUNS = ("ica_nonnegative-1.5x", "batchtopk-1.5x", "ica_nonnegative-2x", "batchtopk-2x")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    store, _ = write_store(tmp_path_factory.mktemp("acts"))
    folder = tmp_path_factory.mktemp("study")
    FeatureStudy(store, **SETTINGS).run(folder, progress=False)
    write_study_pages(folder, store)
    return folder


def script_value(path):
    text = path.read_text(encoding="utf-8")
    found = re.fullmatch(r"window\.\w+=(.*);\n", text, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_hostile_tokens_end_no_script(folder):
    source = (folder / "assets" / "tokens.js").read_text(encoding="utf-8")
    tokens = script_value(folder / "assets" / "tokens.js")
    assert any(word.strip() == EVIL for word in tokens["words"])
    assert not set("<>&\u2028\u2029") & set(source)
    for run in RUNS:
        assert not set("<>&\u2028\u2029") & set((folder / run / "data.js").read_text("utf-8"))


def test_html_holds_no_text_of_the_data(folder):
    for page in folder.rglob("*.html"):
        source = page.read_text(encoding="utf-8")
        assert "alert(" not in source
        assert "<b>" not in source


def test_pages_ask_for_nothing_from_outside(folder):
    for path in [*folder.rglob("*.html"), *folder.glob("assets/*")]:
        source = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http" not in source.replace("http-equiv", "")
    assert sum(p.stat().st_size for p in folder.rglob("*.html")) < 400_000


def test_links_lead_somewhere(folder):
    for page in folder.rglob("*.html"):
        for target in re.findall(r'(?:href|src)="([^"#]+)"', page.read_text(encoding="utf-8")):
            assert (page.parent / target).is_file(), target


def test_contexts_are_where_the_feature_fires(folder):
    tokens = script_value(folder / "assets" / "tokens.js")
    run = script_value(folder / "batchtopk-1.5x" / "data.js")
    codes = codes_of(FeatureResults.load(folder).kept("1.5x/batchtopk/l0=2/0", "codes")).toarray()
    assert run["n_tokens"] == len(codes) == len(tokens["ids"])
    for j, feature in enumerate(run["features"]):
        assert feature["firings"] == np.count_nonzero(codes[:, j])
        assert feature["largest"] == pytest.approx(codes[:, j].max(initial=0), rel=1e-3)
        for part in feature["examples"]:
            documents = [tokens["documents"][row] for row, _, _ in part["places"]]
            assert len(set(documents)) == len(documents)
            for row, value, around in part["places"]:
                assert value == pytest.approx(codes[row, j], rel=1e-3)
                near = range(max(row - run["before"], 0), min(row + run["after"] + 1, len(codes)))
                own = [at for at in near if tokens["documents"][at] == tokens["documents"][row]]
                assert [at for at, _ in around] == [at for at in own if codes[at, j]]
                assert dict(around)[row] == value


def test_json_for_other_tools_is_what_the_pages_show(folder):
    """Two files of one content, in the keys that the module documents."""
    documented = set(re.findall(r"``(\w+)``", record.__doc__))
    for run in RUNS:
        found = json.loads((folder / run / "features.json").read_text("utf-8"))
        assert found == script_value(folder / run / "data.js")
        assert found["format"] == record.FORMAT
        assert found["run"] == run
        keys = {key for feature in found["features"] for key in feature}
        keys |= {
            key for feature in found["features"] for part in feature["examples"] for key in part
        }
        assert keys - {"sign", "upper", "lower", "low", "high", "places", "firings"} <= documented
        assert found["dead_share"] == np.mean([f["firings"] == 0 for f in found["features"]])
        assert "no model '/nowhere/none'" in found["logit_lens"]
        assert found["source"]["n_active"] == 2
        assert (folder / found["source"]["dictionary"]).is_file()
        assert (folder / found["source"]["encoder"]).exists()
    tokens = json.loads((folder / "assets" / "tokens.json").read_text("utf-8"))
    assert tokens == script_value(folder / "assets" / "tokens.js")


def test_partners_are_mutual(folder):
    first = script_value(folder / "batchtopk-1.5x" / "data.js")["partners"]
    second = script_value(folder / "ica_nonnegative-1.5x" / "data.js")["partners"]
    forth = first["ica_nonnegative-1.5x"]["index"]
    back = second["batchtopk-1.5x"]["index"]
    assert [back[i] for i in forth] == list(range(12))


def test_study_page_says_the_verdict_and_shows_all_tables(folder):
    source = (folder / "index.html").read_text(encoding="utf-8")
    for title in ("Sparsity against quality", "Evidence over the width", "From seed to seed",
                  "From method to method", "Near-parallel features", "Is the prior right?", "Cost"):  # fmt: skip
        assert title in source
    assert source.count("<svg") > 10
    assert "nan" not in re.sub(r"<style>.*?</style>", "", source, flags=re.DOTALL).lower().split()


def test_pages_of_a_part_of_a_study(folder, tmp_path):
    """An interrupted study has a page of what there is."""
    lines = (folder / "results.jsonl").read_text().splitlines()
    (tmp_path / "results.jsonl").write_text(lines[0] + "\n")
    (tmp_path / "study.json").write_text((folder / "study.json").read_text())
    assert write_study_pages(tmp_path).is_file()
    with pytest.raises(FileNotFoundError, match=r"study\.json"):
        write_study_pages(tmp_path / "nothing")
