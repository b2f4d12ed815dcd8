"""The demonstration: an overcomplete basis of photographs, and the pictures of it."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from overica.datasets import load_patches
from overica.estimator import OvercompleteICA
from overica.persistence import staged
from overica.plots import plot_history, plot_patches

_BASIS, _HISTORY = "basis.png", "history.png"


@dataclass(frozen=True)
class DemoSettings:
    """How much the demonstration does."""

    patch_side: int
    """Pixels; a patch has ``patch_side**2 - 1`` dimensions once its mean is removed."""
    n_patches: int
    """Patches to learn from; a fifth as many again are held out for the score."""
    overcompleteness: float
    """Basis vectors per dimension."""
    n_steps: int
    """Learning steps of the main run."""

    @property
    def n_components(self) -> int:
        """Number of basis vectors."""
        return round(self.overcompleteness * self.patch_side**2)


STANDARD = DemoSettings(patch_side=8, n_patches=40_000, overcompleteness=2.0, n_steps=200)
QUICK = DemoSettings(patch_side=4, n_patches=5_000, overcompleteness=2.0, n_steps=100)


@dataclass(frozen=True)
class DemoReport:
    """What came out: two pictures and four figures."""

    basis_path: Path
    """Picture of the basis, most active vectors first."""
    history_path: Path
    """Picture of the fit's history."""
    shape: tuple[int, int]
    """(n_features, n_components) of the basis."""
    seconds: float
    """Wall-clock time of the fit."""
    score: float
    """Mean log evidence of held-out patches, nats per patch."""
    mean_active: float
    """Mean number of non-zero codes of a held-out patch."""
    noise_share: float
    """Learned noise variance as a share of the patches' variance."""
    explained: float
    """Share of the held-out patches' variance that their codes reproduce."""

    def text(self) -> str:
        """Return the report as lines for a terminal."""
        n_features, n_components = self.shape
        return "\n".join(
            [
                f"{n_components} basis vectors for {n_features} pixels in {self.seconds:.0f} s",
                f"  log evidence, held out   {self.score:.2f} nats per patch",
                f"  active per patch         {self.mean_active:.1f} of {n_components}",
                f"  variance explained       {100 * self.explained:.1f} %",
                f"  noise variance           {100 * self.noise_share:.2f} % of the patches'",
                f"basis    {self.basis_path}",
                f"history  {self.history_path}",
            ]
        )


def run_demo(
    output: Path, settings: DemoSettings = STANDARD, *, random_state: int = 0, verbose: int = 1
) -> DemoReport:
    """Fit photographs, draw basis and history, and measure on patches that were held out.

    Parameters
    ----------
    output : Path
        Folder for ``basis.png`` and ``history.png``, made if missing.
    settings : DemoSettings
        Sizes; `STANDARD` or `QUICK`, or others.
    random_state : int
        Seed of patches and fit.
    verbose : int
        1 shows a progress bar.

    Returns
    -------
    DemoReport

    Examples
    --------
    >>> import tempfile
    >>> report = run_demo(Path(tempfile.mkdtemp()), QUICK, verbose=0)  # doctest: +SKIP
    """
    n_held_out = settings.n_patches // 5
    side = settings.patch_side
    X = load_patches(
        settings.n_patches + n_held_out, (side, side), whiten=True, random_state=random_state
    )
    X_fit, X_held_out = X[n_held_out:], X[:n_held_out]

    model = OvercompleteICA(
        n_components=settings.n_components,
        max_iter=settings.n_steps,
        random_state=random_state,
        verbose=verbose,
    )
    start = time.perf_counter()
    model.fit(X_fit)
    seconds = time.perf_counter() - start

    codes = model.transform(X_held_out)
    residual = X_held_out - model.inverse_transform(codes)
    activity = np.abs(codes).mean(axis=0) * np.linalg.norm(model.mixing_, axis=0)
    figure = Figure(figsize=(7, 6.5), dpi=150, layout="constrained")
    plot_patches(model.mixing_, (side, side), order=np.argsort(-activity), ax=figure.subplots())
    with staged(output) as part:
        figure.savefig(part / _BASIS)
        plot_history(model.history_).savefig(part / _HISTORY)
    return DemoReport(
        basis_path=output / _BASIS,
        history_path=output / _HISTORY,
        shape=model.mixing_.shape,
        seconds=seconds,
        score=float(model.score(X_held_out)),
        mean_active=float((codes != 0).sum(axis=1).mean()),
        noise_share=float(model.noise_variance_ / X_fit.var()),
        explained=float(1 - residual.var() / X_held_out.var()),
    )
