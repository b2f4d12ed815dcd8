"""What tests compare: the same fits by one process and by two. As a script, one of the two."""

import sys
import warnings
from pathlib import Path

import numpy as np

from overica import OvercompleteICA
from overica.datasets import make_mixture
from overica.distributed import RankError, broadcast, rank
from overica.distributed.exchange import align, average, check_same, gathered, total
from overica.sae import SAES, FrozenStages, TopKSAE

DATA = make_mixture(2000, 16, 24, "sparse_exponential", n_active=2, random_state=0)
ICA = {"prior": "exponential", "hierarchy": False, "whiten": False, "random_state": 0}
LONG = {"max_iter": 60}
SAE = {"n_active": 2, "n_steps": 40, "random_state": 0}


def fits(checkpoint=None):
    """Dictionaries by name, of fits that draw all that a fit may draw."""
    X = DATA.X
    # With all rows in a batch none is there twice: of two codes that tie, one process keeps the first.
    every = {"batch_size": 400}
    found = {
        "few steps": OvercompleteICA(24, max_iter=5, overprovision=1.0, **ICA).fit(X).mixing_,
        "whole fit": OvercompleteICA(24, **LONG, **ICA).fit(X).mixing_,
        "gone on": OvercompleteICA(24, **LONG, **ICA, checkpoint=checkpoint).fit(X).mixing_,
        "stages": FrozenStages(TopKSAE(12, **SAE)).fit(X).components_,
        "revived": SAES["relu"](12, **SAE | {"n_active": 0.01}, batch_size=101).fit(X).components_,
    }
    return found | {
        name: kind(12, **SAE, **every).fit(X[:400]).components_ for name, kind in SAES.items()
    }


def exchanges():
    """What ranks exchange."""
    import torch

    mine = float(rank())
    sums = total(
        {
            "b": np.full((2, 3), mine + 1),
            "number": 2,
            "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
            "a": torch.full((2,), mine),
        }
    )
    aligned, mean = torch.full((2,), mine), torch.full((70000,), mine)
    small = torch.full((1,), mine)
    align([aligned])
    average([mean, small], n_samples=1 + 2 * rank())
    check_same("alike", "words must be the same")
    return {
        "sum": sums["b"],
        "number": sums["number"],
        "fortran": sums["fortran"],
        "tensor": sums["a"].numpy(),
        "order": np.array([list(sums) == ["b", "number", "fortran", "a"]]),
        "broadcast": broadcast({"rank": rank()})["rank"],
        "aligned": aligned.numpy(),
        "mean": np.array([mean.unique().item(), small.item()]),
        "gathered": torch.stack(gathered(torch.tensor([mine]))).numpy(),
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    folder = Path(sys.argv[1])
    np.savez(folder / f"exchanges-{rank()}.npz", **exchanges())
    np.savez(folder / f"fits-{rank()}.npz", **fits(folder / "checkpoint"))
    try:
        OvercompleteICA(4, max_iter=2).fit(DATA.X[rank() :])
    except (ValueError, RankError) as error:
        sys.stdout.write(f"{error}\n")
