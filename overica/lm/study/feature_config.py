"""What a study of activations runs: its settings, and the list of fits that they mean."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from overica._validation import check_choice, check_scalar
from overica.lm.study.feature_methods import DEFAULT_METHODS, FEATURE_METHODS

_NOT_OF_A_FIT = ("methods", "widths", "active", "seeds", "full_width")
_OF_THE_OTHERS = {"ica": "n_steps", "sae": "ica_steps"}
"""By family the setting that its fits do not depend on."""
_COUNTS = ("n_steps", "ica_steps", "n_fit", "n_evaluated", "n_scored", "n_substituted", "n_described")  # fmt: skip


@dataclass(frozen=True)
class FeatureStudyConfig:
    """Settings of a `FeatureStudy`.

    Raises
    ------
    ValueError
        If a method is unknown or a number out of range; before anything is fitted.

    Examples
    --------
    >>> from overica.lm.study.feature_config import FeatureStudyConfig
    >>> config = FeatureStudyConfig(methods=("ica", "relu"), widths=(2,), active=(8, 16))
    >>> [(job.name, job.levels) for job in config.jobs()]
    [('ica-2x-s0', (8.0, 16.0)), ('relu-2x-s0-k8', (8.0,)), ('relu-2x-s0-k16', (16.0,)),
     ('ica-2x-s1', (16.0,)), ('relu-2x-s1-k16', (16.0,))]
    """

    methods: tuple[str, ...] = DEFAULT_METHODS
    """Names in `FEATURE_METHODS`."""
    widths: tuple[float, ...] = (2, 4, 8)
    """Features learned per dimension of the activations."""
    seeds: int = 2
    """Fits of each method; all but the first at the middle level alone, and at widths up to `full_width`."""
    active: tuple[float, ...] = (10, 20, 40)
    """Mean numbers of active features at which methods are compared; the middle one is described feature by feature."""
    full_width: float = 4
    """Wider fits have one seed and the middle level alone."""
    n_steps: int = 1000
    """Steps of the autoencoders."""
    ica_steps: int = 150
    """Steps of independent components, each of which infers exact codes of its batch."""
    n_fit: int = 120_000
    """Most tokens to learn from."""
    n_evaluated: int = 1500
    """Held-out tokens behind L0 and explained variance."""
    n_scored: int = 500
    """Held-out tokens behind the evidence."""
    n_substituted: int = 3000
    """Held-out tokens whose reconstructions are put back into the model; 0 leaves that out."""
    n_described: int = 20_000
    """Tokens whose codes are behind the pages of features."""
    held_out: float = 0.15
    """Share of the tokens, in whole documents, that is never learned from."""
    seed: int = 0
    """Of the split, the samples, and the first fit."""

    def __post_init__(self) -> None:
        for name in ("methods", "widths", "active"):
            object.__setattr__(self, name, tuple(dict.fromkeys(getattr(self, name))))
            if not getattr(self, name):
                raise ValueError(f"`{name}` must not be empty")
        for method in self.methods:
            check_choice(method, "methods", tuple(FEATURE_METHODS))
        for name in ("widths", "active"):
            values = sorted(check_scalar(v, name, strict=True) for v in getattr(self, name))
            object.__setattr__(self, name, tuple(values))
        for name in (*_COUNTS, "seeds"):
            least = 0 if name in ("n_substituted", "n_described") else 1
            check_scalar(getattr(self, name), name, minimum=least, integer=True)
        check_scalar(self.held_out, "held_out", strict=True)

    @property
    def middle(self) -> float:
        """The level that is described."""
        return self.active[len(self.active) // 2]

    def quick(self) -> FeatureStudyConfig:
        """The same, rough and short."""
        return replace(
            self, widths=self.widths[:1], seeds=min(self.seeds, 2), active=(self.middle,),
            n_steps=min(self.n_steps, 100), ica_steps=min(self.ica_steps, 20), n_fit=20_000,
            n_evaluated=400, n_scored=100, n_substituted=min(self.n_substituted, 600),
            n_described=min(self.n_described, 4000),
        )  # fmt: skip

    def jobs(self) -> list[Job]:
        """All fits: one seed of every method and width first, the widest last."""
        wanted = []
        for width in self.widths:
            wide = width > self.full_width
            for seed in range(1 if wide else self.seeds):
                levels = (self.middle,) if wide or seed else self.active
                for method in self.methods:
                    sweeps = FEATURE_METHODS[method].sweeps
                    for group in [(level,) for level in levels] if sweeps else [levels]:
                        wanted.append(Job(method, width, seed, group))
        return sorted(wanted, key=lambda job: (job.width > self.full_width, job.seed))

    def hash_of(self, job: Job, data: dict[str, Any]) -> str:
        """Hash of everything that a fit's figures depend on."""
        unused = {*_NOT_OF_A_FIT, _OF_THE_OTHERS[FEATURE_METHODS[job.method].family]}
        used = {k: v for k, v in asdict(self).items() if k not in unused}
        text = json.dumps([used, asdict(job), self.middle, data], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Job:
    """One fit, and the levels at which it encodes."""

    method: str
    width: float
    seed: int
    levels: tuple[float, ...]

    @property
    def run(self) -> str:
        """Method and width, as the folder of its pages is called."""
        return f"{self.method}-{self.width:g}x"

    @property
    def name(self) -> str:
        """Unique in a study."""
        sweeps = FEATURE_METHODS[self.method].sweeps
        level = f"-k{self.levels[0]:g}" if sweeps else ""
        return f"{self.run}-s{self.seed}{level}"
