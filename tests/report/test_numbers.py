"""Numbers and phrases say what the figures are."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overica.report.numbers import count, seconds, short
from overica.report.phrases import capital, counted, listed, percent, unbroken

finite = st.floats(-1e6, 1e6, allow_nan=False)


@given(finite)
def test_short_numbers_are_the_numbers_rounded(value):
    text = short(value)
    back = float(text.replace("−", "-"))
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    assert abs(back - value) <= 0.5001 * 10.0**-digits
    assert "-" not in text
    assert text not in ("−0.00", "−0.0", "−0")


def test_what_is_not_there_is_a_dash():
    assert {f(math.nan) for f in (short, seconds, count)} == {"–"}
    assert {f(math.inf) for f in (short, seconds, count)} == {"–"}


@given(st.floats(-3, 3))
def test_percent_is_the_share_rounded(share):
    text = percent(share)
    back = float(text.removesuffix(" %").replace("−", "-")) / 100
    assert abs(back - share) <= (0.00501 if abs(share) >= 0.0995 else 0.000501)
    assert percent(share, signed=True).lstrip("+") == text
    assert text not in ("−0 %", "−0.0 %")


@pytest.mark.parametrize(
    ("n", "told"), [(0, "0 cells"), (1, "1 cell"), (2, "2 cells"), (1000, "1000 cells")]
)
def test_counted(n, told):
    assert counted(n, "cell") == told


def test_phrases():
    assert listed([]) == ""
    assert listed(["a", "b"]) == "a and b"
    assert capital("a Name") == "A Name"
    assert capital("") == ""
    assert unbroken("5 % of 9 %") == "5\N{NO-BREAK SPACE}% of 9\N{NO-BREAK SPACE}%"
