"""What the parameters of a `SparseCoder` must be, together."""

from __future__ import annotations

from typing import Any

import numpy as np

from overica._validation import as_numpy
from overica.priors import Exponential, Laplace, Prior, get_prior


def check_levels(
    method: str, takes: frozenset[str], n_active: float | None, penalty: float | None
) -> None:
    """Refuse a sparsity that is said twice, not at all, or in a way that the method does not go by.

    Raises
    ------
    ValueError
        Naming both `n_active` and `penalty`.
    """
    levels = {"n_active": n_active, "penalty": penalty}
    given = {name for name, value in levels.items() if value is not None}
    # A penalty is found for a number of active atoms, but not the other way round.
    known = set(levels) if "penalty" in takes else takes & {"n_active"}
    if len(given) == bool(known) and given <= known:
        return
    wanted = {
        0: "neither `n_active` nor `penalty`",
        1: "`n_active`, and no `penalty`",
        2: "exactly one of `n_active` and `penalty`",
    }
    raise ValueError(
        f"the method {method!r} takes {wanted[len(known)]}, "
        f"got n_active={n_active!r} and penalty={penalty!r}"
    )


def prior_in_units(prior: str | Prior | None, nonnegative: bool, norms: np.ndarray) -> Prior:
    """The prior of codes of atoms of unit length, from that of codes of atoms with lengths `norms`.

    Raises
    ------
    ValueError
        If the prior is of another sign than `nonnegative` asks for, or its scales are not one per atom.
    """
    if prior is None:
        chosen: Prior = Exponential() if nonnegative else Laplace()
    else:
        chosen = get_prior(prior)
    if nonnegative and not chosen.nonnegative:
        raise ValueError(
            "`prior` must be one of sources that are never negative, such as 'exponential', where "
            f"`nonnegative` is True, got {chosen!r}"
        )
    if np.shape(chosen.scale) not in ((), norms.shape):
        raise ValueError(
            f"the scale of `prior` must be a scalar or have shape (n_components={len(norms)},), "
            f"got {np.shape(chosen.scale)}"
        )
    # An atom of zero needs some scale; its code is zero with any.
    return chosen.with_scale(chosen.scale * np.where(norms > 0, norms, 1.0))


def check_supports(supports: Any, shape: tuple[int, int]) -> np.ndarray:
    """Supports as a boolean array of that shape.

    Raises
    ------
    ValueError
        If they are missing, not boolean, or have another shape.
    """
    given = as_numpy(supports)
    if given.dtype != np.bool_ or given.shape != shape:
        came = "None" if supports is None else f"{given.dtype} of shape {given.shape}"
        raise ValueError(
            "`supports` must be boolean of shape (n_samples={}, n_components={}), got {}".format(
                *shape, came
            )
        )
    return given
