"""Checks of arguments that several sets share."""

from overica._validation import check_scalar


def check_sizes(**sizes: int) -> None:
    """Raise a ValueError naming the first size that is not a positive integer."""
    for name, size in sizes.items():
        check_scalar(size, name, minimum=1, integer=True)


def check_share(value: float, name: str) -> float:
    """A number in [0, 1], as a float, or a ValueError that names it."""
    value = check_scalar(value, name)
    if value > 1:
        raise ValueError(f"`{name}` must be in [0, 1], got {value:g}")
    return float(value)


def check_probability(value: float, name: str) -> float:
    """A number in (0, 1], as a float, or a ValueError that names it."""
    value = check_scalar(value, name, strict=True)
    if value > 1:
        raise ValueError(f"`{name}` must be in (0, 1], got {value:g}")
    return float(value)
