"""Trees of sums: moves are scored right, and trees that are there are found."""

import numpy as np
import pytest

from overica.hierarchy.genealogy import Genealogy


def path_sums(rng: np.random.Generator, m: int = 64, fork: bool = False) -> tuple:
    """Sums of a root, three children and three children of each, the features, and who shares which."""
    root = rng.standard_normal(m)
    middle = rng.standard_normal((3, m))
    leaves = rng.standard_normal((3, 3, m))
    sums = [root + middle[i] + leaves[i, j] for i in range(3) for j in range(3)]
    groups = {frozenset(range(9)), *(frozenset(range(3 * i, 3 * i + 3)) for i in range(3))}
    if fork:
        # A path that ends at the first child.
        sums.append(root + middle[0])
        groups = {group | {9} if 0 in group else group for group in groups}
    return np.stack(sums, axis=1), root, middle, leaves, groups


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("fork", [False, True])
def test_finds_the_tree_without_a_hint(seed, fork):
    rng = np.random.default_rng(seed)
    V, *_, groups = path_sums(rng, m=160, fork=fork)
    tree = Genealogy(V, [list(range(V.shape[1]))]).climb()
    assert tree.groups == groups
    assert tree.own.sum() == 9
    assert tree.own[:9].all()


def test_directions_of_the_parts():
    rng = np.random.default_rng(0)
    V, root, middle, leaves, groups = path_sums(rng, m=256)
    tree = Genealogy(V, [sorted(group) for group in groups])
    found = {tuple(node.members): node.vector for node in tree.nodes()}

    def cosine(a, b):
        return a @ b / np.linalg.norm(a) / np.linalg.norm(b)

    # The mean of what k children add cannot be told from their parent: it is 1/k of their variance.
    assert cosine(found[tuple(range(9))], root) > 0.8
    assert cosine(found[0, 1, 2], middle[0]) > 0.7
    assert cosine(found[(4,)], leaves[1, 1]) > 0.75


def test_parts_add_up_to_the_sums():
    V, *_, groups = path_sums(np.random.default_rng(1))
    tree = Genealogy(V, [sorted(group) for group in groups])
    total = np.zeros_like(V)
    for node in tree.nodes():
        total[:, node.members] += node.vector[:, None]
    assert np.linalg.norm(total - V) < 0.1 * np.linalg.norm(V)


def test_strangers_share_nothing():
    for seed in range(5):
        V = np.random.default_rng(seed).standard_normal((64, 6))
        tree = Genealogy(V, [[0, 1], [0, 1, 2], [3, 4], list(range(6))]).climb()
        assert not tree.groups
        assert tree.own.all()


@pytest.mark.parametrize("seed", range(3))
def test_gains_are_differences_of_scores(seed):
    rng = np.random.default_rng(seed)
    V, *_ = path_sums(rng, m=20, fork=True)
    tree = Genealogy(V, [[0, 1, 2], [0, 1, 2, 3, 4], [5, 6], list(range(10))])
    tree.own[3] = False
    moves = list(tree._moves())
    gains = tree._gains(moves)
    before = tree._score(tree.groups, tree.own)
    for move, gain in zip(moves, gains, strict=True):
        own = tree.own.copy()
        if move.turned is not None:
            own[move.turned] ^= True
        after = tree._score(tree.groups.difference(move.gone).union(move.new), own)
        assert gain == pytest.approx(after - before, abs=1e-6)


def test_score_is_a_gaussian_likelihood():
    from scipy.stats import multivariate_normal

    V, *_ = path_sums(np.random.default_rng(2), m=30)
    tree = Genealogy(V, [[0, 1, 2]])
    other = Genealogy(V, [])
    found = []
    for one in (tree, other):
        K = one._covariance(one.groups, one.own)
        scale = np.trace(np.linalg.solve(K, V.T @ V / 30)) / 9
        found.append(multivariate_normal.logpdf(V, cov=scale * K).sum())
    price = 3.0
    expected = found[0] - found[1] - price
    got = tree._score(tree.groups, tree.own) - other._score(other.groups, other.own)
    assert got == pytest.approx(expected, rel=1e-9)
