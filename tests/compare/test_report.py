"""The report says what the records say, whatever the records are."""

import json
import re
import tomllib

import numpy as np
import pandas as pd
import pytest

from overica.compare import Results
from overica.compare.report import write_report
from overica.compare.report.numbers import short
from tests.compare.made_up_study import METHODS, QUALITY, SIZES, failed, write_study
from tests.compare.reading import Page, figures_of, read_table

REFERENCES = {"oracle", "random"}
LABELS = {name: entry["label"] for name, entry in METHODS.items()}


def one_fails(cell):
    broken = cell["dataset"] == "hierarchy" and cell["method"] == "gated" and cell["seed"] == 1
    return failed(cell) if broken else cell


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("study"), change=one_fails, cells=384)


@pytest.fixture(scope="module")
def source(folder):
    return write_report(folder).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(source):
    return Page(source)


@pytest.fixture(scope="module")
def frame(folder):
    """One row a cell and metric, straight from the file."""
    rows = []
    for line in (folder / "results.jsonl").read_text(encoding="utf-8").splitlines():
        cell = json.loads(line)
        for metric, figure in cell.get("metrics", {}).items():
            rows.append({**{k: cell[k] for k in ("dataset", "method", "target_l0", "matched")}})
            rows[-1] |= {"metric": metric, **figure}
    return pd.DataFrame(rows).astype({"value": float, "chance": float, "best": float})


def report_of(folder, **more):
    return Page(write_report(write_study(folder, **more)).read_text(encoding="utf-8"))


def test_verdict_first_then_tables_then_data_sets_then_the_rest(page, folder):
    headings = [h.words() for h in sorted_headings(page)]
    assert headings[0] == "10 methods on 4 data sets with known truth"
    (header,) = page.all("header")
    verdict = Results.load(folder).verdict()
    assert header.all("p")[1].words().lower() == " ".join(verdict.headline.split()).lower()
    findings = " ".join(item.words() for item in header.all("li"))
    for dataset in SIZES:
        assert f"{dataset}: " in findings
    assert [h.words() for h in page.all("h2")] == [
        "Overview", *SIZES, "Failed cells", "Cost", "How to read this", "Set-up",
    ]  # fmt: skip
    assert page.all("html")[0].attributes["lang"] == "en"
    assert len(page.all("h1")) == 1
    assert page.all("title")[0].words() == headings[0]


def sorted_headings(page):
    return page.all("h1") + page.all("h2")


def test_every_data_set_has_every_method_and_figure(page):
    for dataset, (n_features, n_components, l0) in SIZES.items():
        section = page.section(dataset)
        words = section.words()
        assert f"{n_components} directions in {n_features} dimensions" in words
        assert "yes: columns in general position" in words
        assert f"{l0:.2f} active sources" in words
        for label in LABELS.values():
            assert label in words
        labels = [svg.attributes.get("aria-label", "") for svg in section.all("svg")]
        assert sum("against L0" in label for label in labels) == 3
        assert sum("unexplained variance" in label for label in labels) == 1
        assert sum("histogram" in label for label in labels) == len(METHODS)
        kind = "learned directions among" if n_features <= 3 else "cosines of learned"
        assert sum(kind in label for label in labels) == len(METHODS)


@pytest.mark.parametrize("metric", ["share_recovered", "mean_cosine"])
@pytest.mark.parametrize("level", ["matched", "best"])
def test_overview_is_what_pandas_computes(page, frame, metric, level):
    words = {"share_recovered": "Share recovered", "mean_cosine": "Mean cosine"}[metric]
    where = {"matched": "at the true L0", "best": "at each method's own best L0"}[level]
    rows, below = read_table(page.section("Overview"), f"{words} {where}")
    assert list(rows) == list(LABELS.values())
    assert list(below) == list(SIZES)
    own = frame[frame["metric"] == metric]
    if level == "matched":
        own = own[own["matched"]]
    groups = own.groupby(["dataset", "method", own["target_l0"].fillna(-1)])["value"]
    summary = groups.agg(["mean", "max", "std"]).reset_index()
    for dataset in SIZES:
        chances = own[own["dataset"] == dataset]["chance"]
        assert below[dataset] == [f"chance {short(chances.iloc[0])}"]
        means = {}
        for method, label in LABELS.items():
            levels = summary[(summary["dataset"] == dataset) & (summary["method"] == method)]
            top = levels[levels["mean"] == levels["mean"].max()]
            mean, spread, notes, _ = figures_of(rows[label][dataset])
            assert mean == short(top["mean"].iloc[0])
            candidates = zip(top["max"], top["std"], strict=True)
            assert (notes[0], spread) in [(f"best {short(m)}", short(s)) for m, s in candidates]
            means[label] = mean if method not in REFERENCES else ""
        marked = {label for label, row in rows.items() if figures_of(row[dataset])[3]}
        assert marked == {label for label, mean in means.items() if mean == max(means.values())}


def test_tables_of_a_data_set_are_what_pandas_computes(page, frame):
    tables = {
        "Directions: the learned dictionary against the true one": {
            "mean cosine": "mean_cosine",
            "share recovered": "share_recovered",
            "MMCS (precision)": "mean_max_cosine",
            "composition": "composition_index",
        },
        "Codes: what fires, when, and how strongly": {
            "precision": "precision",
            "recall": "recall",
            "F1": "f1",
            "code correlation": "code_correlation",
            "shrinkage": "shrinkage",
        },
        "Fit: held-out samples and their reconstruction": {
            "explained variance": "explained_variance",
            "L0": "l0",
            "dead share": "dead_share",
        },
    }
    matched = frame[frame["matched"]]
    for dataset in SIZES:
        for caption, metrics in tables.items():
            rows, below = read_table(page.section(dataset), caption)
            for label, metric in metrics.items():
                own = matched[(matched["dataset"] == dataset) & (matched["metric"] == metric)]
                groups = own.groupby("method")["value"]
                for method, name in LABELS.items():
                    mean, spread, notes, _ = figures_of(rows[name][label])
                    values = groups.get_group(method)
                    assert (mean, spread) == (short(values.mean()), short(values.std()))
                    best = {
                        "l0": None,
                        "dead_share": values.min(),
                        "composition_index": values.min(),
                        "shrinkage": values.iloc[(values - 1).abs().argmin()],
                    }.get(metric, values.max())
                    fewer = ["2 of 3 seeds"] if len(values) == 2 else []
                    assert notes == ([] if best is None else [f"best {short(best)}"]) + fewer
                lines = [
                    f"chance {short(own['chance'].mean())}",
                    f"truth {short(own['best'].mean())}",
                ]
                assert below[label] == lines


def test_undefined_is_a_dash(page):
    caption = "Codes: what fires, when, and how strongly"
    rows, below = read_table(page.section("plane"), caption)
    assert {figures_of(row["monosemanticity"])[:2] for row in rows.values()} == {("–", None)}
    assert below["monosemanticity"] == ["chance –"]
    assert "nan" not in page.section("plane").words().lower().split()


def test_encoders_and_split(page, folder):
    lines = (folder / "results.jsonl").read_text(encoding="utf-8").splitlines()
    cells = [json.loads(line) for line in lines]
    for dataset in SIZES:
        own = [c for c in cells if c["dataset"] == dataset and c["matched"] and c["status"] == "ok"]
        f1, _ = read_table(page.section(dataset), "F1")
        split, _ = read_table(page.section(dataset), "The split of the error")
        for method, label in LABELS.items():
            group = [cell for cell in own if cell["method"] == method]
            for name, encoder in (("its own", "own"), ("exact MAP", "map"), ("OMP", "omp")):
                values = [cell["encoders"][encoder]["f1"]["value"] for cell in group]
                assert figures_of(f1[label][name])[0] == short(np.mean(values))
            assert not figures_of(f1[label]["oracle support"])[3]
            for part in ("floor", "dictionary", "inference", "magnitude"):
                values = [cell["split"][part] for cell in group]
                assert figures_of(split[label][part])[0] == short(np.mean(values), 3)


def test_costs(page, folder):
    lines = (folder / "results.jsonl").read_text(encoding="utf-8").splitlines()
    cells = pd.DataFrame([json.loads(line) for line in lines])
    rows, _ = read_table(page.section("Cost"), "Wall time of a fit, mean over seeds and levels")
    means = cells[cells["status"] == "ok"].groupby(["method", "dataset"])["fit_seconds"].mean()
    for (method, dataset), mean in means.items():
        assert rows[LABELS[method]][dataset].words() == (
            f"{mean:.1f} s" if mean >= 1 else f"{1e3 * mean:.0f} ms"
        )
    flops, _ = read_table(page.section("Cost"), "FLOPs of a fit, mean over seeds and levels")
    assert flops["PCA"]["plane"].words() == "–"
    assert flops["TopK"]["plane"].words().endswith("G")


def test_failed_cells_and_what_they_said(page):
    section = page.section("Failed cells")
    texts = [row.words() for row in section.all("tr")][1:]
    assert len(texts) == 3
    assert all("FloatingPointError: the loss is NaN at step 120" in text for text in texts)
    assert "3 cells of this data set failed" in page.section("hierarchy").words()
    assert "failed" not in page.section("plane").words()
    rows, _ = read_table(page.section("Overview"), "Mean cosine at the true L0")
    assert "2 of 3 seeds" in rows["Gated"]["hierarchy"].words()
    assert "seeds" not in rows["Gated"]["plane"].words() + rows["TopK"]["hierarchy"].words()


def test_configuration_can_be_run_again(page, folder):
    config = tomllib.loads(page.section("Set-up").all("pre")[0].text())
    study = json.loads((folder / "study.json").read_text(encoding="utf-8"))["study"]
    assert config == {key: value for key, value in study.items() if value is not None}
    assert "2.13.0" in [dd.words() for dd in page.section("Set-up").all("dd")]


def test_one_file_and_no_network(source, page):
    assert not re.findall(r"https?:|@import|@font-face", source)
    assert "url(" not in source
    for element in page.elements():
        assert element.name not in {"script", "link", "iframe", "object", "img", "base"}
        assert not [name for name in element.attributes if name.startswith("on")]
        assert "src" not in element.attributes
        href = element.attributes.get("href")
        assert href is None or href.startswith(("#", "data:image/png;base64,"))


def test_links_and_references_have_targets(page):
    ids = [e.attributes["id"] for e in page.elements() if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    targets = {e.attributes["href"] for e in page.elements() if "href" in e.attributes}
    targets |= {
        "#" + e.attributes["aria-labelledby"]
        for e in page.elements()
        if "aria-labelledby" in e.attributes
    }
    assert {t for t in targets if t.startswith("#")} <= {"#" + name for name in ids}


def test_pictures_have_names_or_are_decoration(page):
    for svg in page.all("svg"):
        named = svg.attributes.get("role") == "img" and svg.attributes.get("aria-label")
        assert named or svg.attributes.get("aria-hidden") == "true"
        assert "viewbox" in svg.attributes or svg.attributes["class"] == "definitions"


def test_tables_have_captions_and_scopes(page):
    for table in page.all("table"):
        assert table.all("caption")
        assert {th.attributes.get("scope") for th in table.all("th")} == {"col", "row"}
        assert table.parent.attributes["class"] == "scroll"


def test_small_enough_to_send(source):
    assert len(source.encode()) < 1_500_000


def test_same_records_same_bytes(folder, source):
    assert write_report(folder).read_text(encoding="utf-8") == source
    assert not list(folder.glob("*.part"))


EVIL = '<script>alert("1")</script>'


def test_text_is_escaped(tmp_path):
    methods = {"ica": {"label": '"><img src=x onerror=alert(1)>', "family": "ica"}}
    methods["topk"] = {"label": "</title></style>&amp;{{ 7 * 7 }}", "family": "sae"}
    sizes = {EVIL: (2, 3, 1.5)}

    def break_one(cell):
        cell["warnings"] = [f"UserWarning: {EVIL}"]
        return failed(cell, EVIL, EVIL) if cell["seed"] == 1 else cell

    page = report_of(tmp_path, methods=methods, sizes=sizes, change=break_one)
    names = {element.name for element in page.elements()}
    assert not names & {"script", "img"}
    attributes = {name for element in page.elements() for name in element.attributes}
    assert not [name for name in attributes if name.startswith("on")]
    assert page.section(EVIL)
    assert f"{EVIL}: {EVIL}" in page.section("Failed cells").words()
    rows, _ = read_table(page.section("Overview"), "Mean cosine at the true L0")
    assert list(rows) == [entry["label"] for entry in methods.values()]


SMALL = {"plane": SIZES["plane"], "hierarchy": SIZES["hierarchy"]}
TWO = {name: METHODS[name] for name in ("ica", "topk")}


def test_one_seed_has_no_spread(tmp_path):
    page = report_of(tmp_path, methods=TWO, sizes=SMALL, n_seeds=1)
    rows, _ = read_table(page.section("Overview"), "Mean cosine at the true L0")
    assert {figures_of(cell)[1] for row in rows.values() for cell in row.values()} == {"–"}


def test_one_method_is_not_the_best_of_itself(tmp_path):
    page = report_of(tmp_path, methods={"topk": METHODS["topk"]}, sizes=SMALL)
    assert not [
        td for td in page.all("td") if td.attributes.get("class") == "best" and in_overview(td)
    ]
    assert "1 method on 2 data sets" in page.all("h1")[0].words()


def in_overview(element):
    while element.parent is not None:
        element = element.parent
        if element.attributes.get("id") == "overview":
            return True
    return False


def test_before_the_first_cell(tmp_path):
    write_study(tmp_path, methods=TWO, sizes=SMALL, cells=24)
    (tmp_path / "results.jsonl").unlink()
    page = Page(write_report(tmp_path).read_text(encoding="utf-8"))
    words = page.all("header")[0].words()
    assert "0 of 24 cells" in words
    assert "No cell has figures yet" in words
    rows, _ = read_table(page.section("Overview"), "Mean cosine at the true L0")
    assert {cell.words() for row in rows.values() for cell in row.values()} == {"–"}


def test_interrupted_in_the_middle_of_a_line(tmp_path):
    def first_set(cell):
        return cell if cell["dataset"] == "plane" else None

    write_study(tmp_path, methods=TWO, sizes=SMALL, change=first_set, cells=24)
    with (tmp_path / "results.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"cell": "hierarchy/ica/own/0", "datas')
    page = Page(write_report(tmp_path).read_text(encoding="utf-8"))
    assert "not finished: 21 of 24" in page.all("header")[0].words()
    assert "No cell of this data set has figures" in page.section("hierarchy").words()
    assert "0.9" in page.section("plane").words()


def test_all_cells_failed(tmp_path):
    page = report_of(tmp_path, methods=TWO, sizes=SMALL, change=failed)
    assert "No cell has figures yet" in page.all("header")[0].words()
    assert len(page.section("Failed cells").all("tr")) == 1 + 2 * 21


def test_the_last_record_of_a_cell_counts(tmp_path):
    write_study(tmp_path, methods=TWO, sizes=SMALL, change=lambda cell: failed(cell))
    path = tmp_path / "results.jsonl"
    broken = path.read_text(encoding="utf-8")
    write_study(tmp_path, methods=TWO, sizes=SMALL)
    path.write_text(broken + path.read_text(encoding="utf-8"), encoding="utf-8")
    page = Page(write_report(tmp_path).read_text(encoding="utf-8"))
    assert "Failed cells" not in [h.words() for h in page.all("h2")]


@pytest.mark.parametrize(
    "without",
    ["metrics", "encoders", "split", "histogram", "directions", "cosines", "fit_flops", "warnings"],
)
@pytest.mark.parametrize("value", [None, "gone"])
def test_records_may_lack_anything(tmp_path, without, value):
    def strip(cell):
        if value == "gone":
            cell.pop(without)
            return cell
        return {**cell, without: None}

    page = report_of(tmp_path, methods=TWO, sizes=SMALL, change=strip)
    assert page.section("plane").all("h2")


def test_header_may_be_bare(tmp_path):
    write_study(tmp_path, methods=TWO, sizes=SMALL)
    (tmp_path / "study.json").write_text("{}", encoding="utf-8")
    page = Page(write_report(tmp_path).read_text(encoding="utf-8"))
    rows, below = read_table(page.section("Overview"), "Mean cosine at the true L0")
    assert (list(rows), list(below)) == (["ica", "topk"], list(SMALL))


def test_folder_without_a_study(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"study\.json"):
        write_report(tmp_path)


def test_quality_shows():
    """The made-up study has the order that the tests above rely on to tell methods apart."""
    assert QUALITY["oracle"] > QUALITY["ica"] > QUALITY["relu"] > QUALITY["random"]
