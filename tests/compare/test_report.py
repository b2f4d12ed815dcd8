"""The report says what the records say, whatever the records are."""

import json
import re
import tomllib

import numpy as np
import pandas as pd
import pytest

from overica.compare import Results, Study, StudyConfig
from overica.compare.page import write_report
from overica.report.numbers import short
from tests.report.made_up_study import METHODS, QUALITY, SIZES, failed, write_study
from tests.report.reading import Page, figures_of, read_table

REFERENCES = {"oracle", "random"}
FAMILIES = {name: entry["family"] for name, entry in METHODS.items()}
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
            facts = {k: cell[k] for k in ("dataset", "method", "target_l0", "matched")}
            l0 = cell["metrics"]["l0"]["value"]
            rows.append({**facts, "metric": metric, "l0": l0, **figure})
    return pd.DataFrame(rows).astype({"value": float, "chance": float, "best": float})


def report_of(folder, **more):
    return Page(write_report(write_study(folder, **more)).read_text(encoding="utf-8"))


OVERVIEW = "Share recovered at the true L0: as many active features in a sample as there truly are"


def overview(page, caption=OVERVIEW):
    """A table of the first screen, or of the overviews further down."""
    (header,) = page.all("header")
    return read_table(header if caption == OVERVIEW else page.section("Further overviews"), caption)


def test_answer_first_then_the_table_then_prose_then_the_rest(page, folder, frame):
    (header,) = page.all("header")
    (title,) = page.all("h1")
    said = Results.load(folder).verdict()
    shares = frame[frame["matched"] & (frame["metric"] == "share_recovered")]
    shares = shares[~shares["method"].isin(REFERENCES)]
    means = shares.groupby([shares["method"].map(FAMILIES), "dataset", "method"])["value"].mean()
    found = (means.groupby(level=[0, 1]).max() >= 0.9).groupby(level=0).sum()
    assert title.words() == (
        f"Do the methods find the true features? On {found['ica']} of 4 data sets overcomplete ICA finds at least "
        f"90 % of them, sparse autoencoders on {found['sae']}, baselines on {found['baseline']}."
    )
    assert found["ica"] > 0
    assert page.all("title")[0].words() == title.words()
    order = [e for e in header.children if e.name in ("h1", "div", "p", "ul")]
    names = [e.attributes.get("class", e.name) for e in order]
    assert names == ["kicker", "h1", "notice", "scroll", "remark", "verdict", "findings"]
    assert order[-2].words() == " ".join(said.headline.split())
    findings = [item.words() for item in order[-1].all("li")]
    assert findings == [" ".join(text.split()) for text in said.sentences[: len(SIZES)]]
    assert [finding.partition(":")[0] for finding in findings] == list(SIZES)
    assert [h.words() for h in page.all("h2")] == [
        "Further overviews", *SIZES, "Failed cells", "Cost", "How to read this", "Set-up",
    ]  # fmt: skip
    assert page.all("html")[0].attributes["lang"] == "en"


def test_level_and_names_are_explained_where_they_first_stand(page):
    words = page.all("header")[0].words()
    explained = "true L0: as many active features in a sample as there truly are"
    assert words.index("true L0") == words.index(explained)
    _, below = overview(page)
    for name, (n_features, n_components, l0) in SIZES.items():
        told = f"{n_features} dimensions, {n_components} sources, {l0:g} active in a sample"
        assert below[name][0] == told
        assert words.index(name) == words.index(f"{name}{told}")


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


CAPTIONS = {
    ("share_recovered", "matched"): OVERVIEW,
    ("mean_cosine", "matched"): "Mean cosine at the true L0",
    ("share_recovered", "best"): "Share recovered at each method's own best L0",
    ("mean_cosine", "best"): "Mean cosine at each method's own best L0",
}


@pytest.mark.parametrize(("metric", "level"), CAPTIONS)
def test_overview_is_what_pandas_computes(page, frame, metric, level):
    caption = CAPTIONS[metric, level]
    rows, below = overview(page, caption)
    assert list(rows) == list(LABELS.values())
    assert list(below) == list(SIZES)
    own = frame[frame["metric"] == metric]
    if level == "matched":
        own = own[own["matched"]]
    groups = own.groupby(["dataset", "method", own["target_l0"].fillna(-1)])
    summary = groups.agg(mean=("value", "mean"), std=("value", "std"), l0=("l0", "mean"))
    summary = summary.reset_index()
    for dataset in SIZES:
        chances = own[own["dataset"] == dataset]["chance"]
        first = below[dataset][0 if caption != OVERVIEW else 1 :]
        assert first == [f"chance {short(chances.iloc[0])}"]
        means = {}
        for method, label in LABELS.items():
            levels = summary[(summary["dataset"] == dataset) & (summary["method"] == method)]
            top = levels[levels["mean"] == levels["mean"].max()]
            mean, spread, notes, _ = figures_of(rows[label][dataset])
            assert mean == short(top["mean"].iloc[0])
            spreads = [short(std) for std in top["std"]]
            assert spread in spreads
            if level == "best":
                assert notes[0] in [f"at L0 {short(l0, 1)}" for l0 in top["l0"]]
            means[label] = mean if method not in REFERENCES else ""
        marked = {label for label, row in rows.items() if figures_of(row[dataset])[3]}
        assert marked == {label for label, mean in means.items() if mean == max(means.values())}


def test_colour_goes_from_chance_to_all(page, frame):
    rows, _ = overview(page, CAPTIONS["mean_cosine", "matched"])
    own = frame[(frame["metric"] == "mean_cosine") & frame["matched"]]
    for (dataset, method), group in own.groupby(["dataset", "method"]):
        share = (group["value"].mean() - group["chance"].mean()) / (1 - group["chance"].mean())
        style = rows[LABELS[method]][dataset].attributes["style"]
        assert style == f"--share:{100 * np.clip(share, 0, 1):.0f}%"


def test_levels_that_were_missed_are_marked_wherever_they_count(tmp_path):
    def short_of_level(cell):
        if cell["method"] == "topk" and cell["dataset"] == "plane" and cell["target_l0"]:
            cell["metrics"]["l0"]["value"] = 0.75 * cell["target_l0"]
        else:
            cell["metrics"]["l0"]["value"] = 1.04 * (cell["target_l0"] or 2.0)
        return cell

    page = report_of(tmp_path, methods=TWO, sizes=SMALL, change=short_of_level)
    rows, _ = overview(page)
    notes = {(m, d): figures_of(c)[2] for m, row in rows.items() for d, c in row.items()}
    told = "L0 −25 % off its level"
    assert {place for place, lines in notes.items() if told in lines} == {("TopK", "plane")}
    assert sum(map(len, notes.values())) == 1
    section = page.section("plane")
    for table in section.all("table"):
        marked = [th.words() for th in table.all("th") if told in th.words()]
        if table.all("caption")[0].words() == "Every level of sparsity":
            assert len(marked) == 3
        elif table.all("caption")[0].words() in ("F1", "code correlation", "explained variance"):
            assert not marked
        elif table.all("th")[0].words() == "method":
            assert marked == [f"TopK{told}"]
    assert told not in page.section("hierarchy").words()


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
    assert "open" in section.all("details")[0].attributes
    assert "3 cells failed and are missing from what follows" in page.section("hierarchy").words()
    assert "failed" not in page.section("plane").words()
    rows, _ = overview(page, "Mean cosine at the true L0")
    assert "2 of 3 seeds" in rows["Gated"]["hierarchy"].words()
    assert "seeds" not in rows["Gated"]["plane"].words() + rows["TopK"]["hierarchy"].words()


def printed_configuration(page):
    return page.section("Set-up").all("pre")[0].text()


def test_configuration_is_printed_whole(page, folder):
    config = tomllib.loads(printed_configuration(page))
    study = json.loads((folder / "study.json").read_text(encoding="utf-8"))["study"]
    assert config == {key: value for key, value in study.items() if value is not None}
    assert "2.13.0" in [dd.words() for dd in page.section("Set-up").all("dd")]


ARGUMENTS = {"name": "mixture", "n_samples": 300, "n_features": 2, "n_components": 3}


@pytest.mark.parametrize(
    "keywords",
    [
        {"datasets": ["sparse_random", "mixture"], "methods": ["ica", "topk"]},
        {
            "datasets": [ARGUMENTS, {**ARGUMENTS, "label": 'a "quoted" # name'}],
            "methods": [{"name": "relu", "label": "long", "n_steps": 7}, "pca"],
            "n_components": 1.5,
            "levels": [0.25, 1],
            "n_samples": 500,
            "held_out": 0.3,
            "fresh_data": True,
            "seed": 4,
            "n_seeds": 1,
            "sae": {"n_steps": 3},
            "n_jobs": 2,
        },
    ],
)
def test_configuration_can_be_run_again(tmp_path, keywords):
    config = StudyConfig.from_keywords(**keywords)
    header = {"kind": "known_truth", "study": config.as_table()}
    (tmp_path / "study.json").write_text(json.dumps(header), encoding="utf-8")
    page = Page(write_report(tmp_path).read_text(encoding="utf-8"))
    file = tmp_path / "again.toml"
    file.write_text(printed_configuration(page), encoding="utf-8")
    again = StudyConfig.from_toml(file)
    assert again == config
    # Default levels that make no sense for a data set are left out of the second study too.
    assert Study(again).plan() == Study(config).plan()


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
    rows, _ = overview(page, "Mean cosine at the true L0")
    assert list(rows) == [entry["label"] for entry in methods.values()]


SMALL = {"plane": SIZES["plane"], "hierarchy": SIZES["hierarchy"]}
TWO = {name: METHODS[name] for name in ("ica", "topk")}


def test_one_seed_has_no_spread(tmp_path):
    page = report_of(tmp_path, methods=TWO, sizes=SMALL, n_seeds=1)
    rows, _ = overview(page, "Mean cosine at the true L0")
    assert {figures_of(cell)[1] for row in rows.values() for cell in row.values()} == {None}


def test_one_method_is_not_the_best_of_itself(tmp_path):
    page = report_of(tmp_path, methods={"topk": METHODS["topk"]}, sizes=SMALL)
    assert not [
        td
        for td in page.all("header")[0].all("td") + page.section("Further overviews").all("td")
        if "best" in td.attributes.get("class", "")
    ]


def test_before_the_first_cell(tmp_path):
    write_study(tmp_path, methods=TWO, sizes=SMALL, cells=24)
    (tmp_path / "results.jsonl").unlink()
    page = Page(write_report(tmp_path).read_text(encoding="utf-8"))
    words = page.all("header")[0].words()
    assert "0 of 24 cells" in words
    assert "No cell has figures yet" in words
    rows, _ = overview(page, "Mean cosine at the true L0")
    assert {cell.words() for row in rows.values() for cell in row.values()} == {"–"}


def test_interrupted_in_the_middle_of_a_line(tmp_path):
    def first_set(cell):
        return cell if cell["dataset"] == "plane" else None

    write_study(tmp_path, methods=TWO, sizes=SMALL, change=first_set, cells=24)
    with (tmp_path / "results.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"cell": "hierarchy/ica/own/0", "datas')
    page = Page(write_report(tmp_path).read_text(encoding="utf-8"))
    assert "not finished: 21 of 24" in page.all("header")[0].words()
    assert "Nothing here has figures." in page.section("hierarchy").words()
    assert "0.9" in page.section("plane").words()


def test_all_cells_failed(tmp_path):
    page = report_of(tmp_path, methods=TWO, sizes=SMALL, change=failed)
    assert "No cell has figures yet" in page.all("header")[0].words()
    section = page.section("Failed cells")
    assert len(section.all("tr")) == 1 + 2 * 21
    # So many are folded; a few are not.
    (details,) = section.all("details")
    assert "open" not in details.attributes
    assert details.all("summary")[0].words() == "42 of 42 cells"


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
    rows, below = overview(page, "Mean cosine at the true L0")
    assert (list(rows), list(below)) == (["ica", "topk"], list(SMALL))


def test_folder_without_a_study(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"study\.json"):
        write_report(tmp_path)


def test_quality_shows():
    """The made-up study has the order that the tests above rely on to tell methods apart."""
    assert QUALITY["oracle"] > QUALITY["ica"] > QUALITY["relu"] > QUALITY["random"]
