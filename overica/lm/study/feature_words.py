"""What the figures of a study of activations are called, and which way is better."""

from __future__ import annotations

import math
from dataclasses import replace

from overica.metrics.words import WORDS, Words, words_of

EXACT = "exact_"
"""Before the name of a figure: with exact codes in place of a method's own encoder."""
_OUTPUTS = {
    "cross_entropy": (
        "cross entropy",
        "the increase of the next-token cross entropy, nats a token",
    ),
    "embedding": ("embedding", "1 less the cosine of the mean-pooled embedding"),
    "hidden": ("hidden states", "the squared error of the last hidden states over their variance"),
}
"""What becomes of a model's output, see `overica.lm.substitution`."""

for _name, (_label, _loss) in _OUTPUTS.items():
    WORDS[f"recovered_{_name}"] = Words(
        f"{_label} recovered", "fit",
        "1 where reconstructions in place of the activations leave the model as it was, 0 where they do no better "
        f"than the mean activation; by {_loss}.",
    )  # fmt: skip
    WORDS[f"loss_{_name}"] = Words(f"{_label} lost", "fit", f"{_loss.capitalize()}.", -math.inf)
for _name in (
    "explained_variance",
    "dead_share",
    "l0",
    *(n for n in WORDS if "recovered_" in n or "loss_" in n),
):
    _own = words_of(_name)
    WORDS[EXACT + _name] = replace(
        _own,
        label=f"{_own.label}, exact codes",
        definition=f"The same with exact codes. {_own.definition}",
    )
WORDS |= {
    "evidence": Words(
        "held-out evidence", "other",
        "Mean log density of a held-out activation under the model, in nats; chance is a Gaussian with the mean and "
        "covariance of the data, its smallest variances raised by a hundredth of the mean one.",
    ),
    **{
        f"clustered_{threshold}": Words(
            f"in clusters, cosine above {threshold.lstrip('0')}", "other",
            "Share of the features that a chain of such cosines joins to another one.", math.nan,
        )
        for threshold in ("0.7", "0.9")
    },
    "seeds_agree": Words(
        "features that seeds share", "other",
        "Share of the features of one seed that match one of another, one to one, with |cos| above .9; chance is "
        "directions drawn with the covariance of the data.",
    ),
    "late_rise": Words(
        "rise of the explained variance", "cost",
        "What the explained variance gained over the last tenth of the training; one that still rose is not at its "
        "best: longer runs explain more, and their seeds agree better.", math.nan,
    ),
}  # fmt: skip
