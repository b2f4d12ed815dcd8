"""The verdict on records made by hand: leads, ties, autoencoders that win, bases that nobody can find."""

import pytest

from overica.compare import Results, verdict
from overica.compare.page import build_page
from overica.compare.verdict import answer
from overica.report.tables import overview_table

FAMILIES = {"ica": "ica", "topk": "sae", "relu": "sae", "fastica": "baseline", "oracle": "baseline"}


def rows(dataset, method, shares, *, level=2.0, matched=True, metric="share_recovered", **others):
    """Records of one method at one level, a share for each seed; None is a cell that failed."""
    return [
        {
            "cell": f"{dataset}/{method}/{level}/{seed}", "dataset": dataset, "method": method,
            "label": method.upper(), "family": FAMILIES[method], "seed": seed, "matched": matched,
            "reference": method == "oracle", "target_l0": level, "identifiable": True,
            "status": "failed" if share is None else "ok",
            "metrics": {metric: {"value": share, "chance": 0.1}, "l0": {"value": level or 3.0}},
        } | others
        for seed, share in enumerate(shares)
    ]  # fmt: skip


def results(*parts):
    """Records of the same cell hold several metrics."""
    cells = {}
    for record in (record for part in parts for record in part):
        cell = cells.setdefault(record["cell"], record)
        cell["metrics"] |= record["metrics"]
    methods = {r["method"]: {"label": r["label"]} for r in cells.values()}
    return Results(list(cells.values()), {"methods": methods})


def judged(*parts):
    return verdict(results(*parts))


def test_a_clear_lead_is_told_in_spreads_with_chance():
    said = judged(
        rows("toy", "ica", (0.90, 0.92, 0.94)),
        rows("toy", "topk", (0.50, 0.52, 0.54)),
    )
    ranking = said.rankings[0]
    assert ranking.winner.method == "ica"
    assert ranking.margin == pytest.approx(0.4)
    assert ranking.margin_in_spreads == pytest.approx(20)
    assert "overcomplete ICA leads on 1 of 1 data set, sparse autoencoders on 0" in said.headline
    # What is the same at each method's own best level is not said again.
    assert said.sentences == (
        "toy: ICA finds the most, 92 %, ahead by 20 spreads over seeds; then TOPK 52 %; chance 10 %.",
    )
    assert str(said) == f"{said.headline}\n- {said.sentences[0]}"


def test_chance_is_said_where_it_is_something():
    parts = rows("toy", "ica", (0.9, 0.92)), rows("toy", "topk", (0.5, 0.52))
    for record in (record for part in parts for record in part):
        record["metrics"]["share_recovered"]["chance"] = 0.0
    assert "chance" not in str(judged(*parts))


def test_true_level_is_explained_where_it_first_stands():
    said = judged(rows("toy", "ica", (0.9, 0.92)), rows("toy", "topk", (0.5, 0.52)))
    first = str(said).index("true L0")
    assert str(said)[first:].startswith(
        "true L0 (as many active features in a sample as there truly are)"
    )


def test_where_an_autoencoder_wins_it_says_so():
    said = judged(
        rows("toy", "ica", (0.5, 0.52)),
        rows("toy", "topk", (0.9, 0.92)),
        rows("toy", "oracle", (1.0, 1.0)),
    )
    assert "sparse autoencoders on 1 (TOPK)" in said.headline
    assert "overcomplete ICA leads on 0 of 1 data set" in said.headline
    assert "toy: TOPK finds the most, 91 %" in str(said)
    assert "ORACLE" not in str(said)


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (
            (0.9, 0.95, 1.0),
            (0.85, 0.9, 0.95),
            "toy: ICA and TOPK tie, 90 % to 95 %;",
        ),
        ((0.9, 0.9), (0.898, 0.898), "toy: ICA and TOPK tie, 90 %;"),
        ((1.0, 1.0), (1.0, 1.0), "toy: ICA and TOPK tie, 100 %;"),
    ],
)
def test_ties_are_called_ties(first, second, told):
    said = judged(
        rows("toy", "ica", first),
        rows("toy", "topk", second),
        rows("toy", "fastica", (0.1, 0.1)),
    )
    assert said.rankings[0].winner is None
    assert [standing.method for standing in said.rankings[0].tied] == ["ica", "topk"]
    assert told in str(said)
    assert "then FASTICA 10 %" in str(said)
    assert (
        "; 1 tie between them (overcomplete ICA in 1, sparse autoencoders in 1)." in said.headline
    )


def test_of_many_that_tie_the_best_of_each_family_are_named():
    said = judged(
        rows("toy", "relu", (0.9, 0.92)),
        rows("toy", "topk", (0.88, 0.92)),
        rows("toy", "ica", (0.87, 0.92)),
        rows("toy", "fastica", (0.86, 0.92)),
    )
    assert len(said.rankings[0].tied) == 4
    assert "toy: ICA, RELU, FASTICA and 1 more tie, 89 % to 91 %;" in str(said)


def test_each_at_its_own_best_level():
    said = judged(
        rows("toy", "ica", (0.6, 0.62)),
        rows("toy", "topk", (0.3, 0.32)),
        rows("toy", "topk", (0.9, 0.92), level=4.0, matched=False),
    )
    matched, best = said.rankings
    assert (matched.at, matched.winner.method) == ("matched", "ica")
    assert (best.at, best.winner.method, best.winner.level) == ("best", "topk", 4.0)
    assert "Each at its own best L0: TOPK finds the most, 91 % at L0 4, ahead by" in str(said)
    assert len(said.sentences) == 1


@pytest.mark.parametrize("metric", ["share_recovered", "mean_cosine"])
def test_verdict_and_page_name_the_same_own_best_level_where_levels_are_equal(metric):
    """0.6 at three levels: the matched one counts, and without one the sparsest."""
    study = results(
        rows("toy", "ica", (0.2, 0.2), metric=metric),
        *(
            rows("toy", "topk", (0.6, 0.6), level=level, matched=level == 2.0, metric=metric)
            for level in (1.0, 2.0, 4.0, None)
        ),
        *(
            rows("toy", "relu", (0.5, 0.5), level=level, matched=False, metric=metric)
            for level in (4.0, 1.0)
        ),
    )
    best = next(r for r in verdict(study).rankings if r.at == "best")
    levels = {standing.method: standing.level for standing in best.standings}
    assert levels == {"ica": 2.0, "topk": 2.0, "relu": 1.0}
    table = overview_table(study, metric, "best", "")
    notes = {row.method: row.entries[0].notes[0] for row in table.rows}
    assert notes == {method: f"at L0 {level:.1f}" for method, level in levels.items()}


def test_best_level_is_chosen_by_the_mean_and_not_by_the_luckiest_seed():
    said = judged(
        rows("toy", "ica", (0.6, 0.6)),
        rows("toy", "topk", (0.55, 0.55)),
        rows("toy", "topk", (0.9, 0.1), level=4.0, matched=False),
    )
    assert said.rankings[1].standings[1].level == 2.0


def test_codes_at_a_level_of_the_methods_own_count_for_its_best():
    own = rows("toy", "ica", (0.8, 0.82), level=None, matched=False)
    said = judged(rows("toy", "ica", (0.6, 0.62)), own, rows("toy", "topk", (0.7, 0.71)))
    assert [ranking.winner.method for ranking in said.rankings] == ["topk", "ica"]


def test_a_basis_that_nobody_can_find():
    said = judged(
        rows("lost", "ica", (0.9, 0.92), identifiable=False),
        rows("lost", "topk", (0.5, 0.52), identifiable=False),
        rows("toy", "ica", (0.2, 0.2)),
        rows("toy", "topk", (0.5, 0.5)),
    )
    assert "lost: its true features are not identifiable" in str(said)
    assert "overcomplete ICA leads on 0 of 1 data set, sparse autoencoders on 1" in said.headline
    alone = judged(rows("lost", "ica", (0.9, 0.92), identifiable=False))
    assert alone.headline.startswith("Nothing can be said")


def test_where_nobody_finds_a_feature_the_cosine_decides():
    said = judged(
        rows("toy", "ica", (0.0, 0.0)),
        rows("toy", "topk", (0.0, 0.0)),
        rows("toy", "ica", (0.70, 0.71), metric="mean_cosine"),
        rows("toy", "topk", (0.50, 0.51), metric="mean_cosine"),
    )
    assert said.rankings[0].metric == "mean_cosine"
    assert "toy: ICA comes closest, mean cosine 0.705, ahead by" in str(said)
    assert "then TOPK 0.505" in str(said)


def test_one_seed_has_no_spread_and_says_so():
    said = judged(rows("toy", "ica", (0.9,)), rows("toy", "topk", (0.5,)))
    assert said.rankings[0].winner.method == "ica"
    assert "one seed, so the spread is not known" in str(said)


def test_seeds_that_never_differ():
    said = judged(rows("toy", "ica", (0.9, 0.9)), rows("toy", "topk", (0.5, 0.5)))
    assert said.rankings[0].margin_in_spreads == float("inf")
    assert "no seed differs" in str(said)


def test_failed_cells_are_counted_and_an_empty_data_set_is_named():
    failed = rows("gone", "ica", (None, None), metric=None, status="failed")
    said = judged(failed, rows("toy", "ica", (0.9, 0.9)))
    assert "gone: no cell ended well." in said.sentences
    assert "2 cells failed and are missing from these figures." in said.sentences
    assert "ICA, alone, has 90 %" in str(said)


def test_ica_and_the_best_autoencoder_are_always_told():
    said = judged(
        rows("toy", "fastica", (0.9, 0.9)),
        rows("toy", "oracle", (1.0, 1.0)),
        rows("toy", "ica", (0.5, 0.5)),
        rows("toy", "topk", (0.3, 0.3)),
        rows("toy", "relu", (0.2, 0.2)),
    )
    text = str(said)
    assert "FASTICA finds the most, 90 % (no seed differs); then ICA 50 %, TOPK 30 %" in text
    assert "RELU" not in text


def test_autoencoders_that_are_tied_with_each_other_alone_lead():
    said = judged(
        rows("toy", "ica", (0.5, 0.5)),
        rows("toy", "topk", (0.9, 0.9)),
        rows("toy", "relu", (0.9, 0.9)),
    )
    assert "sparse autoencoders on 1 (TOPK and RELU)" in said.headline
    assert "tie between" not in said.headline
    assert "toy: TOPK and RELU tie, 90 %; then ICA 50 %" in str(said)


def test_answer_counts_data_sets_on_which_a_family_finds_nearly_all():
    study = results(
        rows("easy", "ica", (0.95, 0.95)),
        rows("easy", "topk", (0.91, 0.91)),
        rows("hard", "ica", (0.9, 0.9)),
        rows("hard", "topk", (0.2, 0.2)),
        rows("harder", "ica", (0.3, 0.3)),
        rows("lost", "ica", (1.0, 1.0), identifiable=False),
    )
    assert answer(study) == (
        "On 2 of 3 data sets overcomplete ICA finds at least 90 % of them, sparse autoencoders on 1."
    )
    assert build_page(study).answer == answer(study).replace(" %", "\N{NO-BREAK SPACE}%")
    alone = results(rows("easy", "topk", (0.95, 0.95)))
    assert answer(alone) == "On 1 of 1 data set sparse autoencoders find at least 90 % of them."
    assert answer(results()) == "Nothing can be said yet."
