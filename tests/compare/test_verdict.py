"""The verdict on frames made by hand: leads, ties, autoencoders that win, bases that nobody can find."""

import pandas as pd
import pytest

from overica.compare import verdict

FAMILIES = {"ica": "ica", "topk": "sae", "relu": "sae", "fastica": "baseline", "oracle": "baseline"}


def rows(dataset, method, shares, *, level=2.0, matched=True, metric="share_recovered", **others):
    return [
        {
            "cell": f"{dataset}/{method}/{level}/{seed}", "dataset": dataset, "method": method,
            "label": method.upper(), "family": FAMILIES[method], "seed": seed, "matched": matched,
            "target_l0": level, "metric": metric, "value": share, "chance": 0.1, "status": "ok",
            "identifiable": True,
        } | others
        for seed, share in enumerate(shares)
    ]  # fmt: skip


def judged(*parts):
    return verdict(pd.DataFrame([row for part in parts for row in part]))


def test_a_clear_lead_is_told_in_spreads_with_chance():
    said = judged(
        rows("toy", "ica", (0.90, 0.92, 0.94)),
        rows("toy", "topk", (0.50, 0.52, 0.54)),
    )
    ranking = said.rankings[0]
    assert ranking.winner.method == "ica"
    assert ranking.margin == pytest.approx(0.4)
    assert ranking.margin_in_spreads == pytest.approx(20)
    assert "overcomplete ICA leads on 1; sparse autoencoders lead on 0" in said.headline
    assert (
        "ICA finds the most true features at matched L0, 92 % (TOPK 52 %; the lead is 20 spreads"
        in str(said)
    )
    assert "chance 10 %" in str(said)
    assert "the same at each method's own best level" in str(said)


def test_where_an_autoencoder_wins_it_says_so():
    said = judged(
        rows("toy", "ica", (0.5, 0.52)),
        rows("toy", "topk", (0.9, 0.92)),
        rows("toy", "oracle", (1.0, 1.0)),
    )
    assert "sparse autoencoders lead on 1 (TOPK)" in said.headline
    assert "overcomplete ICA leads on 0" in said.headline
    assert "TOPK finds the most true features" in str(said)
    assert "ORACLE" not in str(said)


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (
            (0.9, 0.95, 1.0),
            (0.85, 0.9, 0.95),
            "tied at matched L0, because seeds differ as much, are ICA 95 % and TOPK 90 %",
        ),
        ((0.9, 0.9), (0.898, 0.898), "ICA and TOPK are tied at matched L0, all with 90 %"),
        ((1.0, 1.0), (1.0, 1.0), "ICA and TOPK are tied at matched L0, all with 100 %"),
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
    assert "next is FASTICA with 10 %" in str(said)
    assert (
        "1 is a tie between them (overcomplete ICA on 1, sparse autoencoders on 1 of these)"
        in said.headline
    )


def test_each_at_its_own_best_level():
    said = judged(
        rows("toy", "ica", (0.6, 0.62)),
        rows("toy", "topk", (0.3, 0.32)),
        rows("toy", "topk", (0.9, 0.92), level=4.0, matched=False),
    )
    matched, best = said.rankings
    assert (matched.at, matched.winner.method) == ("matched", "ica")
    assert (best.at, best.winner.method, best.winner.level) == ("best", "topk", 4.0)
    assert (
        "TOPK finds the most true features at each method's own best level, 91 % with L0 4"
        in str(said)
    )


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
    assert "lost: its true features are not identifiable, no method can find them" in str(said)
    assert (
        "of 1 data set: overcomplete ICA leads on 0; sparse autoencoders lead on 1" in said.headline
    )
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
    assert "ICA comes closest to the true features at matched L0, 0.705 mean cosine" in str(said)


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
    assert "ICA, alone, has 90 % at matched L0" in str(said)


def test_ica_and_the_best_autoencoder_are_always_told():
    said = judged(
        rows("toy", "fastica", (0.9, 0.9)),
        rows("toy", "oracle", (1.0, 1.0)),
        rows("toy", "ica", (0.5, 0.5)),
        rows("toy", "topk", (0.3, 0.3)),
        rows("toy", "relu", (0.2, 0.2)),
    )
    text = str(said)
    assert "FASTICA finds the most true features at matched L0, 90 % (ICA 50 %;" in text
    assert "the best autoencoder, TOPK, 30 %; chance 10 %" in text
    assert "RELU" not in text


def test_autoencoders_that_are_tied_with_each_other_alone_lead():
    said = judged(
        rows("toy", "ica", (0.5, 0.5)),
        rows("toy", "topk", (0.9, 0.9)),
        rows("toy", "relu", (0.9, 0.9)),
    )
    assert "sparse autoencoders lead on 1 (TOPK and RELU)" in said.headline
    assert "tie between" not in said.headline
    assert "TOPK and RELU are tied at matched L0, all with 90 %" in str(said)
