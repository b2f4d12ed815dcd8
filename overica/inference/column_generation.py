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

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch.nn.functional import embedding, pad

from overica.backend import products
from overica.inference.block_pivoting import block, pivot
from overica.inference.code_supports import Supports, front
from overica.inference.lasso import Lasso
from overica.inference.pieces import fitting, pieces
from overica.inference.support_certificate import Look, certified

_FIRST = 48
"""Columns that join at the start, at most."""
_NEXT = 24
"""In later rounds."""
_EXCHANGES = 5
"""Pivots of a round: the slow go on in the next, beside the others."""
_MOST_ROUNDS = 100
_LOOKED = 24
"""Columns beside the support that a certificate looks at in double precision, at most."""
_ROUGH = 2.0**-13
"""What a product in the precision of matrix units is off by, by and large, relative to the norms of its factors."""
_ROUGHEST = 2.0**-9
"""At most: factors have eleven bits, and may be cut off at these."""
_REFILL = 0.6
"""Share of the room for samples below which new ones come in."""
_BY_SAMPLE = ("rows", "age", "X", "R", "columns", "values", "signs", "c", "G", "solved", "settled")


class _Live:
    """The samples that are being worked on, with their working sets and residuals, row by row.

    What is known of a working set stays with it: of its Gram matrix, rows of new columns alone are computed.
    """

    def __init__(self, lasso: Lasso, X: torch.Tensor) -> None:
        def no(*shape: int, dtype: torch.dtype) -> torch.Tensor:
            return torch.zeros(shape, dtype=dtype, device=X.device)

        self.lasso = lasso
        rough = X.is_cuda and X.dtype == torch.float32
        self.noise, self.error = (_ROUGH, _ROUGHEST) if rough else (0.0, lasso.columns.rounding)
        """Of looks, by and large and at most, relative to the norms of a column and a residual."""
        self.rows = no(0, dtype=torch.int64)
        self.age = no(0, dtype=torch.int64)
        """Rounds."""
        self.X = self.R = X[:0]
        self.columns = no(0, 0, dtype=torch.int64)
        self.values = self.signs = self.c = no(0, 0, dtype=X.dtype)
        self.G = no(0, 0, 0, dtype=X.dtype)
        """Gram matrices of the columns; and c their products with the samples."""
        self.solved = self.settled = no(0, dtype=torch.bool)
        """Whether codes are optimal over the working set, and whether the latest columns were of no use to them."""

    def __len__(self) -> int:
        return len(self.rows)

    def admit(self, rows: torch.Tensor, X: torch.Tensor, codes0: torch.Tensor | None) -> None:
        """More samples, with the supports and signs of codes to start from, if there are any."""
        D, n = self.lasso.columns, len(X)
        columns, values = self.columns.new_zeros((n, 0)), X.new_zeros((n, 0))
        if codes0 is not None:
            on = codes0 > 0 if self.lasso.nonnegative else codes0 != 0
            # A support of more columns than features is none to start from.
            on &= on.sum(dim=1, keepdim=True) <= D.n_features
            columns, real = front(on, int(on.sum(dim=1).max()))
            values = codes0.gather(1, columns) * real
            columns = torch.where(real, columns, D.n_components)
        started = columns.shape[1] > 0
        atoms = embedding(columns, D.rows)
        with products(X, rough=False):
            G, c = atoms @ atoms.mT, (atoms @ X[:, :, None])[:, :, 0]
            R = torch.baddbmm(X[:, None, :], values[:, None, :], atoms, alpha=-1)[:, 0]
        width = max(self.columns.shape[1], columns.shape[1])

        def stacked(old: torch.Tensor, new: torch.Tensor, filler: float = 0) -> torch.Tensor:
            sides = old.ndim - 1
            return torch.cat(
                [pad(part, (0, width - part.shape[1]) * sides, value=filler) for part in (old, new)]
            )

        self.columns = stacked(self.columns, columns, D.n_components)
        self.values = stacked(self.values, values)
        self.signs = stacked(self.signs, values.sign())
        self.c, self.G = stacked(self.c, c), stacked(self.G, G)
        self.X, self.R = torch.cat([self.X, X]), torch.cat([self.R, R])
        self.rows = torch.cat([self.rows, rows])
        self.age = torch.cat([self.age, torch.zeros_like(rows)])
        fresh = torch.full_like(rows, not started, dtype=torch.bool)
        self.solved = torch.cat([self.solved, fresh])
        self.settled = torch.cat([self.settled, torch.zeros_like(fresh)])

    def keep(self, going: torch.Tensor) -> None:
        """Let all others than those at some positions leave."""
        if len(going) == len(self):
            return
        for name in _BY_SAMPLE:
            setattr(self, name, getattr(self, name).index_select(0, going))

    def candidates(self, first: int, most: int) -> tuple[Look, torch.Tensor, torch.Tensor]:
        """Correlations, the columns that violate the penalty most, and their signs, zero for no violation."""
        lasso, D = self.lasso, self.lasso.columns
        with products(self.R, rough=True):
            V = self.R @ D.A
        members = V.gather(1, self.columns)
        places, values = lasso.largest(V.scatter_(1, self.columns, 0.0), first)
        bar: torch.Tensor | float = lasso.bar
        if self.noise:
            length = torch.linalg.vector_norm(self.R, dim=1, keepdim=True)
            bar = lasso.bar + self.noise * D.longest * length
        limit = torch.where(self.age == 0, first, most)
        room = torch.minimum(D.n_features - (self.signs != 0).sum(dim=1), limit)
        fits = torch.arange(places.shape[1], device=room.device) < room[:, None]
        signs = values.sign() * ((lasso.size(values) > bar) & fits)
        return Look(V, members, self.error), places, signs

    def certify(
        self, quiet: torch.Tensor, look: Look, most: int
    ) -> Iterator[tuple[torch.Tensor, Supports, torch.Tensor, torch.Tensor]]:
        """Of samples at some positions their codes, and who should join, some at a time."""
        D = self.lasso.columns
        item = self.X.element_size()

        def memory(width: int) -> int:
            return 8 * (width + most + 4) * D.n_features + 2 * item * (D.n_components + width**2)

        count = (self.values != 0).sum(dim=1)
        for piece, width in pieces(count[quiet], memory):
            rows = quiet[piece]
            seen = Look(look.V[rows], look.members[rows], look.error)
            X, R, G = self.X[rows], self.R[rows], self.G[rows]
            columns, values = self.columns[rows], self.values[rows]
            with products(X, rough=False):
                found = certified(self.lasso, X, R, columns, values, G, seen, width, most)
            yield rows, *found

    def solve(self, columns: torch.Tensor, signs: torch.Tensor) -> None:
        """Codes over the supports and new columns, those whose signs are not zero, which come first."""
        D = self.lasso.columns
        on = self.signs != 0
        sizes = torch.stack([on.sum(dim=1).amax(), (signs != 0).sum(dim=1).amax()])
        old, new = sizes.tolist()
        # Where all have fallen silent on their way, one that is padding.
        new = max(new, 1 - old)
        order, real = front(on, old)
        signs = signs[:, :new]
        joining = columns[:, :new].masked_fill(signs == 0, D.n_components)
        kept = self.columns.gather(1, order).masked_fill_(~real, D.n_components)
        self.columns = torch.cat([kept, joining], dim=1)
        self.signs = torch.cat([self.signs.gather(1, order), signs], dim=1)
        width, n = old + new, len(self)
        G, c = self.G.new_empty((n, width, width)), self.c.new_empty((n, width))
        numbers = torch.arange(n, device=order.device)
        padding = ~real
        padding = padding[:, :, None] | padding[:, None, :]
        G[:, :old, :old] = block(self.G, numbers, order).masked_fill_(padding, 0.0)
        c[:, :old] = self.c.gather(1, order) * real
        self.G, self.c, self.R = G, c, torch.empty_like(self.X)
        self.values, was, self.solved = torch.empty_like(c), self.solved, self.solved.clone()
        item = c.element_size()
        size = fitting(c, item * (width * D.n_features + 4 * width**2))
        for start in range(0, n, size):
            self._solve(slice(start, start + size), old)
        self.settled = was & self.solved & ~(self.signs[:, old:] != 0).any(dim=1)
        self.age += 1

    def _solve(self, part: slice, old: int) -> None:
        """Some of them, given the Gram matrices of as many columns as are old."""
        lasso, D = self.lasso, self.lasso.columns
        X, G, c = self.X[part], self.G[part], self.c[part]
        atoms = embedding(self.columns[part], D.rows)
        with products(atoms, rough=False):
            if atoms.shape[1] > old:
                joined = atoms[:, old:]
                G[:, old:] = joined @ atoms.mT
                G[:, :old, old:] = G[:, old:, :old].mT
                c[:, old:] = (joined @ X[:, :, None])[:, :, 0]
            length = torch.linalg.vector_norm(X, dim=1)
            bar = lasso.bar + 4 * torch.finfo(c.dtype).eps * D.longest * length
            self.values[part], self.signs[part], self.solved[part] = pivot(
                G, c, self.signs[part], lasso.penalty, bar, lasso.nonnegative, _EXCHANGES
            )
            values = self.values[part][:, None, :]
            self.R[part] = torch.baddbmm(X[:, None, :], values, atoms, alpha=-1)[:, 0]


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
    numbers = torch.arange(len(X), device=X.device)
    waiting = 0
    while True:
        if waiting < len(X) and len(live) < _REFILL * room:
            new = slice(waiting, waiting + room - len(live))
            live.admit(numbers[new], X[new], None if codes0 is None else codes0[new])
            waiting = min(new.stop, len(X))
        if not len(live):
            return found
        look, places, signs = live.candidates(first, most)
        violated = (signs != 0).any(dim=1)
        quiet = (live.solved & (live.settled | ~violated)).nonzero()[:, 0]
        if len(quiet):
            signs.index_fill_(0, quiet, 0.0)
            for rows, done, near, late in live.certify(quiet, look, min(first, _LOOKED)):
                found = found.put(live.rows[rows], replace(done, n_rounds=live.age[rows]))
                # In double precision some may turn out to be violated, unless that was tried.
                places[rows, : near.shape[1]] = near
                signs[rows, : near.shape[1]] = late.masked_fill_(live.settled[rows, None], 0.0)
            violated = (signs != 0).any(dim=1)
        going = ((~live.solved | violated) & (live.age < _MOST_ROUNDS)).nonzero()[:, 0]
        live.keep(going)
        if len(live):
            live.solve(places[going], signs[going])
