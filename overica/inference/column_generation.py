"""Exact l1 codes of many samples at once, in torch: few large products, and small systems in batches.

A sample's working set holds the columns of its support and some of those that break ``|A_j' r| <= penalty`` most. Each
round solves all samples over their own working sets, exactly (`block_pivoting`), and looks at all columns once, in one
matrix product: who has nothing left to add is certified (`support_certificate`) and leaves. The objective falls from
round to round, so that no support returns and the method ends.

Per sample and round a look takes ``2 n_features n_components`` operations, the Gram matrix of a working set of k
columns ``2 n_features k^2``, and each of two or three pivots ``k^3 / 3``. Five to nine rounds are the rule with 20 to
90 active columns, where first-order methods take hundreds of iterations of two looks each.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from overica.backend import products
from overica.inference.block_pivoting import pivot
from overica.inference.code_supports import Supports, front
from overica.inference.lasso import Lasso
from overica.inference.support_certificate import certified

_FIRST = 48
"""Columns that join at the start, at most."""
_NEXT = 24
"""In later rounds."""
_EXCHANGES = 5
"""Pivots of a round: the slow go on in the next, beside the others."""
_MOST_ROUNDS = 100
_ROUGH = 2.0**-13
"""What a product in the precision of matrix units may feign, relative to the norms of its factors."""
_REFILL = 0.6
"""Share of the room for samples below which new ones come in."""


class _Live:
    """The samples that are being worked on, with their working sets and residuals, row by row."""

    def __init__(self, lasso: Lasso, X: torch.Tensor) -> None:
        def no(*shape: int, dtype: torch.dtype) -> torch.Tensor:
            return torch.zeros(shape, dtype=dtype, device=X.device)

        self.lasso = lasso
        self.rows = no(0, dtype=torch.int64)
        self.age = no(0, dtype=torch.int64)
        """Rounds."""
        self.X = self.R = X[:0]
        self.columns = no(0, 0, dtype=torch.int64)
        self.values = self.signs = no(0, 0, dtype=X.dtype)
        self.solved = self.settled = no(0, dtype=torch.bool)
        """Whether codes are optimal over the working set, and whether the latest columns were of no use to them."""

    def __len__(self) -> int:
        return len(self.rows)

    def admit(self, rows: torch.Tensor, X: torch.Tensor, codes0: torch.Tensor | None) -> None:
        """More samples, with the supports and signs of codes to start from, if there are any."""
        D = self.lasso.columns
        columns, values = self.columns[:0], self.values[:0]
        if codes0 is not None:
            on = codes0 > 0 if self.lasso.nonnegative else codes0 != 0
            # A support of more columns than features is none to start from.
            on &= on.sum(dim=1, keepdim=True) <= D.n_features
            columns, real = front(on, int(on.sum(dim=1).max()))
            values = codes0.gather(1, columns) * real
            columns = torch.where(real, columns, D.n_components)
        width = max(self.columns.shape[1], columns.shape[1])

        def stacked(old: torch.Tensor, new: torch.Tensor, filler: float) -> torch.Tensor:
            new = torch.nn.functional.pad(new, (0, width - new.shape[1]), value=filler)
            if len(new) < len(X):
                new = new.new_full((len(X), width), filler)
            old = torch.nn.functional.pad(old, (0, width - old.shape[1]), value=filler)
            return torch.cat([old, new])

        residual = X - (values[:, None, :] @ D.rows[columns])[:, 0] if columns.numel() else X
        off = torch.zeros_like(rows, dtype=torch.bool)
        self.columns = stacked(self.columns, columns, D.n_components)
        self.values = stacked(self.values, values, 0)
        self.signs = stacked(self.signs, values.sign(), 0)
        self.X, self.R = torch.cat([self.X, X]), torch.cat([self.R, residual])
        self.rows = torch.cat([self.rows, rows])
        self.age = torch.cat([self.age, torch.zeros_like(rows)])
        self.solved = torch.cat([self.solved, off if columns.numel() else ~off])
        self.settled = torch.cat([self.settled, off])

    def keep(self, going: torch.Tensor) -> None:
        """Let the others leave."""
        for name in ("rows", "age", "X", "R", "columns", "values", "signs", "solved", "settled"):
            setattr(self, name, getattr(self, name)[going])

    def candidates(self, first: int, most: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Columns that violate the penalty most and the signs of their correlations, zero for no violation."""
        lasso, D = self.lasso, self.lasso.columns
        with products(self.R, rough=True):
            V = self.R @ D.A
        known = torch.where(self.solved[:, None] | (self.signs != 0), self.columns, D.n_components)
        places, values = lasso.largest(V.scatter_(1, known, 0.0), first)
        noise = _ROUGH * D.longest * torch.linalg.vector_norm(self.R, dim=1, keepdim=True)
        bar = lasso.bar + (noise if self.R.is_cuda else 0.0)
        limit = torch.where(self.age == 0, first, most)
        room = torch.minimum(D.n_features - (self.signs != 0).sum(dim=1), limit)
        fits = torch.arange(places.shape[1], device=room.device) < room[:, None]
        return places, torch.where((lasso.size(values) > bar) & fits, values.sign(), 0.0)

    def solve(self, columns: torch.Tensor, signs: torch.Tensor) -> None:
        """Codes over the supports and new columns, those whose signs are not zero."""
        lasso, D = self.lasso, self.lasso.columns
        old = self.signs.shape[1]
        signs = torch.cat([self.signs, signs], dim=1)
        order, real = front(signs != 0, int((signs != 0).sum(dim=1).max()))
        columns = torch.cat([self.columns, columns], dim=1).gather(1, order)
        self.columns = torch.where(real, columns, D.n_components)
        signs, new = signs.gather(1, order), real & (order >= old)
        atoms = D.rows[self.columns]
        with products(atoms, rough=False):
            G = atoms @ atoms.mT
            c = (atoms @ self.X[:, :, None])[:, :, 0]
            rounding = (
                4 * torch.finfo(c.dtype).eps * D.longest * torch.linalg.vector_norm(self.X, dim=1)
            )
            bar = lasso.bar + rounding
            self.values, self.signs, self.solved = pivot(
                G, c, signs, lasso.penalty, bar, lasso.nonnegative, _EXCHANGES
            )
            self.R = self.X - (self.values[:, None, :] @ atoms)[:, 0]
        self.settled = self.solved & ~(new & (self.signs != 0)).any(dim=1)
        self.age += 1


def generate(
    lasso: Lasso, X: torch.Tensor, codes0: torch.Tensor | None = None, *, room: int = 4096
) -> Supports:
    """Certified codes.

    Parameters
    ----------
    lasso : Lasso
    X : tensor (n_samples, n_features)
    codes0 : tensor (n_samples, n_components), optional
        Their supports and signs are where the search starts.
    room : int
        Samples that are worked on at a time; who is done makes room for others.

    Returns
    -------
    Supports
        With a gap of +inf for samples that the search gave up: those that would have more active columns than
        features are among them.
    """
    live, n_features = _Live(lasso, X), lasso.columns.n_features
    found = Supports.empty(X, lasso.columns.n_components)
    first, most = max(1, min(_FIRST, n_features // 4)), max(1, min(_NEXT, n_features // 8))
    rows = torch.arange(len(X), device=X.device)
    waiting = 0
    while True:
        if waiting < len(X) and len(live) < _REFILL * room:
            new = slice(waiting, waiting + room - len(live))
            live.admit(rows[new], X[new], None if codes0 is None else codes0[new])
            waiting = min(new.stop, len(X))
        if not len(live):
            return found
        places, signs = live.candidates(first, most)
        quiet = live.solved & (live.settled | (signs == 0).all(dim=1))
        if bool(quiet.any()):
            done, places[quiet], late = certified(
                lasso, live.X[quiet], live.columns[quiet], live.values[quiet], first
            )
            # In double precision some may turn out to be violated, unless that was tried.
            signs[quiet] = torch.where(live.settled[quiet, None], 0.0, late)
            found = found.put(live.rows[quiet], replace(done, n_rounds=live.age[quiet]))
        going = (~live.solved | (signs != 0).any(dim=1)) & (live.age < _MOST_ROUNDS)
        live.keep(going)
        if len(live):
            live.solve(places[going], signs[going])
