"""Errors of a study's configuration: where, what was expected, and the nearest valid names."""

from __future__ import annotations

from collections.abc import Iterable

from overica._nearest import nearest_names


class StudyError(ValueError):
    """A study that cannot be run as it is written. Raised before anything runs."""


def unknown(where: str, kind: str, name: object, valid: Iterable[str]) -> StudyError:
    """The error for a name that does not exist, with the nearest that do.

    Parameters
    ----------
    where : str
        File and key.
    kind : str
        What the name should be that of, such as "method".
    name : object
        What came.
    valid : iterable of str
        The names there are.

    Returns
    -------
    StudyError

    Examples
    --------
    >>> print(
    ...     unknown("study.toml, `methods[0]`", "method", "batchtok", ["topk", "batchtopk", "ica"])
    ... )
    study.toml, `methods[0]`: unknown method 'batchtok'. Did you mean 'batchtopk' or 'topk'?
    >>> print(unknown("`datasets[0]`", "data set", "xyz", ["mixture"]))
    `datasets[0]`: unknown data set 'xyz'. There are: mixture.
    """
    return StudyError(f"{where}: unknown {kind} {name!r}. {nearest_names(name, sorted(valid))}")
