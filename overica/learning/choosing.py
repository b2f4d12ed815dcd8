"""Which way to a mixing matrix suits a fit."""

from __future__ import annotations

from overica.learning import planar_evidence
from overica.learning.fitting import Fit
from overica.learning.searching import Plain, Planar, Search, Surplus
from overica.learning.square import Square


def choose_search(fit: Fit) -> Search:
    """The way that suits rule, start, prior and data."""
    if not (fit.settings.rule.surplus_columns and isinstance(fit.settings.init, str)):
        return Plain(fit)
    sparse = (
        Planar if planar_evidence.applies(fit.samples.held_out, fit.template.prior) else Surplus
    )
    return sparse(fit) if fit.template.prior.nonnegative else Square(fit, sparse(fit))
