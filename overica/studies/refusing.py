"""What a method refuses, told before a study begins."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from overica.studies.choices import Choice
from overica.studies.errors import StudyError
from overica.studies.method import Assignment
from overica.studies.registry import METHODS

_ROWS = 64
"""Samples of a fit that ends at its first step."""


class _Begun(Exception):
    """A fit has begun, so that nothing was refused."""


def refuse_parameters(method: Choice, assignment: Assignment, at: str) -> None:
    """Raise what a method has against its parameters.

    What says so itself (`check_parameters`) is asked; what is called back in every step begins a fit of noise of the
    assignment's size, and ends it at the first.

    Parameters
    ----------
    method : Choice
    assignment : Assignment
    at : str
        Where the study names the method.

    Raises
    ------
    StudyError
        With the method's own words.
    """
    X = np.random.default_rng(0).exponential(size=(_ROWS, assignment.X.shape[1]))
    try:
        built = METHODS[method.name].build(replace(assignment, X=X), **method.arguments)
        check = getattr(built, "check_parameters", None)
        if check is not None:
            check()
        elif "callback" in getattr(built, "get_params", dict)():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                built.set_params(callback=_begin).fit(X)
    except (TypeError, ValueError) as error:
        raise StudyError(f"{at}: {error}") from error
    except Exception:
        # It has begun; a step that fails with noise may go well with samples, or its cell fails alone.
        return


def _begin(*_: Any) -> None:
    raise _Begun
