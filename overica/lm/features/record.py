"""What is known of a fit's features as one JSON object: behind its pages, and for other tools.

``features.json`` of a run's folder has

==================  ================================================================================================
``format``          `FORMAT`
``run, title``      the folder's name, and what it is called
``source``          what `Source` holds: model, layer, where the dictionary is
``nonnegative``     whether codes cannot be negative
``n_tokens``        described tokens; ``assets/tokens.json`` of the study has their texts
``dead_share``      of the features, those that fire at none of them
``logit_lens``      null, or why no feature has ``logits``
``labels``          what each run is called, by its folder
``partners``        by another run's folder the match of each feature there: ``index`` (-1: none) and ``cosine``
``features``        a list, see below
==================  ================================================================================================

and a feature

==================  ================================================================================================
``index``           its number: row of the dictionary, and place in the list
``firings``         tokens at which its code is not zero
``density``         these over ``n_tokens``
``mean_size``       mean absolute code there, in units of the activations, of the feature at unit norm
``largest``         largest absolute code
``positive_share``  of the firings
``contribution``    nats a token, see `overica.lm.features.describe.describe_features`
``histogram``       of the codes that are not zero: ``low``, ``high`` and the ``counts`` of equal bins
``prior``           null, or how sizes are spread: the ``best`` density, its ``gain`` in nats a firing over the
                    exponential, and the largest ``distance`` of cumulative distributions from that
``nearest``         ``[index, cosine]`` of the features of nearest direction
``cofiring``        ``[index, count, lift, correlation]``, see `overica.lm.features.cofiring.Cofiring`
``parent``          null, or ``index`` of the feature that it hardly fires without, and the ``share`` of its firings
``children``        features whose parent it is
``logits``          ``[token, change]`` of the tokens that it makes more likely, ``promoted``, and less, ``suppressed``,
                    per unit of its code; see `overica.lm.features.logit_lens.LogitLens`
``examples``        intervals of its firings, see `overica.lm.features.examples.Interval`: ``sign, upper, lower, low,
                    high, firings`` and ``places``, each ``[row, code, [[row, code], ...]]``, a described token, the
                    code there, and all codes that are not zero among the tokens around it
==================  ================================================================================================

``assets/tokens.json`` has ``words``, ``ids`` (of each described token, into ``words``), ``documents`` (of each, into
``sources``) and ``sources``. Numbers have four digits; null stands for what is not defined.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from scipy import sparse

from overica.lm.features.agreement import nearest
from overica.lm.features.cofiring import Cofiring
from overica.lm.features.describe import AFTER, BEFORE
from overica.lm.features.logit_lens import LogitLens
from overica.lm.store.place import place_of
from overica.persistence import finite

FORMAT = "overica features 1"
_NEAREST = 6


@dataclass(frozen=True)
class Source:
    """Where the codes of a run come from: enough to encode another text in the same way."""

    dictionary: str
    """File of `components` and `offset`, from the study's folder."""
    encoder: str | None
    """Folder of the model, or file of `overica.lm.features.text.packed_coder`; None if neither was kept."""
    n_active: float
    """Mean number of active features that the codes were made for."""
    model: str | None = None
    layer: int | None = None
    context: int | None = None
    """Tokens that the model sees at once."""
    fingerprint: str | None = None
    """Of the model's weights."""
    site: str = "residual"
    module: str | None = None
    """See `overica.lm.collecting.sites`."""
    dtype: str = "float32"
    """That the model ran in."""
    places: ClassVar[tuple[str, ...]] = (
        "model", "layer", "context", "fingerprint", "site", "module", "dtype",
    )  # fmt: skip
    """Those that a store's metadata tell."""

    @property
    def place(self) -> str:
        """See `overica.lm.store.place.place_of`."""
        return place_of(vars(self))


@dataclass(frozen=True, eq=False)
class Run:
    """A fit whose features are described."""

    name: str
    """Of its folder."""
    title: str
    lede: str
    """A paragraph on its page."""
    nonnegative: bool
    source: Source
    features: Sequence[Mapping[str, Any]]
    """See `overica.lm.features.describe.describe_features`."""
    codes: sparse.csc_matrix
    """(n_tokens, n_components), of the described tokens."""
    components: np.ndarray
    """(n_components, n_features), rows of unit norm."""
    labels: Mapping[str, str]
    """What each run with pages is called, by its folder."""
    partners: Mapping[str, Mapping[str, list[Any]]]
    """See `overica.lm.features.agreement.partners`, by the other's folder."""
    lens: LogitLens | str
    """If there is none, why."""
    parents: np.ndarray | None = None
    """(n_components,), as the fit has learned them; by counts if it has not."""


def run_record(run: Run) -> dict[str, Any]:
    """The object that this module describes."""
    lens = run.lens
    parts = [dict(feature) for feature in run.features]
    cofiring = Cofiring(run.codes)
    near = nearest(np.asarray(run.components, np.float64), _NEAREST)
    for j, part in enumerate(parts):
        part["nearest"] = [*zip(near[0][j].tolist(), near[1][j].tolist(), strict=True)]
        part["cofiring"], part["children"] = cofiring.companions(j), []
    for part, parent in zip(parts, cofiring.parents(run.parents), strict=True):
        part["parent"] = parent and {"index": parent.feature, "share": parent.share}
        if parent:
            parts[parent.feature]["children"].append(part["index"])
    if isinstance(lens, LogitLens):
        for part, *sides in zip(parts, *lens.extremes(run.components), strict=True):
            part["logits"] = dict(zip(("promoted", "suppressed"), sides, strict=True))
    record = {
        "format": FORMAT,
        "run": run.name,
        "title": run.title,
        "source": asdict(run.source),
        "nonnegative": run.nonnegative,
        "before": BEFORE,
        "after": AFTER,
        "n_tokens": int(run.codes.shape[0]),
        "dead_share": _short(np.mean([not part["firings"] for part in parts])),
        "logit_lens": None if isinstance(lens, LogitLens) else lens,
        "labels": dict(run.labels),
        "partners": dict(run.partners),
        "features": _short(parts),
    }
    found: dict[str, Any] = finite(record)
    return found


def _short(value: Any) -> Any:
    """With numbers of four digits."""
    if isinstance(value, dict):
        return {key: _short(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_short(each) for each in value]
    return float(f"{value:.4g}") if isinstance(value, float | np.floating) else value
