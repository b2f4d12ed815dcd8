"""Reconstructions put back into the transformer: what of its output survives."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from overica._validation import check_array, check_scalar
from overica.lm.collecting.model import ModelSource, load_again
from overica.lm.collecting.sites import find_site
from overica.lm.collecting.texts import Text
from overica.lm.collecting.texts import documents as read
from overica.lm.collecting.windows import (
    Batch,
    batch_of,
    by_length,
    groups,
    stored_windows,
    windows,
)
from overica.lm.store.activations import Activations
from overica.lm.substitution.loss import OUTCOMES, Measure, SubstitutionLoss, ratio_of_sums
from overica.metrics.fit import explained_variance

_ROWS = 4096


class Substitution:
    """A place in a model and texts, ready to have many featurisers put in: what does not depend on them is done once.

    Parameters
    ----------
    texts : store, or as for `collect_activations`
        Of a store, the same windows are run again.
    model : str, path, LanguageModel or (model, tokenizer), optional
        See `load_model`. None: that of the store.
    layer : int, optional
        None: that of the store, unless a `module` is named.
    site, module : str, optional
        See `collect_activations`. None: those of the store where the layer is its own, else the residual stream.
    documents : array of int, optional
        Documents of a store to run, such as those held out; None takes all.
    context : int, optional
        Tokens that the model sees at once. None: that of the store, or 128.
    max_tokens : int, optional
        Run no more than so many tokens of text, whole windows from the first document on.
    skip_first : int, optional
        Of texts: the first so many tokens of each context are left as they are, special tokens counted. None: 1. Those
        of a store are left that have no row there.
    mean : array (n_features,), optional
        What mean-ablation puts in. None: the mean of the whole store, or that of the texts.
    batch_size : int
        Windows in a forward pass.
    device : str
        Torch device; "auto" takes CUDA if there is one.

    Attributes
    ----------
    activations : array (n_tokens, n_features)
        float32, at the tokens that are replaced.
    n_tokens, n_documents : int

    Raises
    ------
    ValueError
        If there is no token, or the model's weights are not those that the store was made with.

    Notes
    -----
    Activations of the texts and, for encoders, last hidden states are held in memory: about
    ``8 * n_tokens * n_features`` bytes. Each call runs the model over the texts once.

    Examples
    --------
    >>> from sklearn.decomposition import PCA
    >>> from overica.lm import Substitution
    >>> substitution = Substitution(
    ...     ["Sparse codes of text."] * 2, model="minilm", layer=3, device="cpu"
    ... )
    >>> X = substitution.activations
    >>> pca = PCA(4).fit(X)
    >>> round(substitution(pca).recovered, 2)
    1.0
    """

    def __init__(
        self,
        texts: Activations | Text | Iterable[Text],
        *,
        model: ModelSource | None = None,
        layer: int | None = None,
        site: str | None = None,
        module: str | None = None,
        documents: np.ndarray | Sequence[int] | None = None,
        context: int | None = None,
        max_tokens: int | None = None,
        skip_first: int | None = None,
        mean: np.ndarray | None = None,
        batch_size: int = 32,
        device: str = "auto",
    ) -> None:
        batch_size = check_scalar(batch_size, "batch_size", minimum=1, integer=True)
        if max_tokens is not None:
            max_tokens = check_scalar(max_tokens, "max_tokens", minimum=1, integer=True)
        store = texts if isinstance(texts, Activations) else None
        facts: dict[str, Any] = store.metadata if store else {"context": 128}
        if store and not store.replayable:
            raise ValueError(
                "`texts` must be texts or of `collect_activations`: how another tool cut those of "
                f"{str(store.folder)!r} is not known"
            )
        if store is None and (model is None or layer is module is None):
            name = "model" if model is None else "layer"
            raise ValueError(f"`{name}` must be given with texts, got None")
        of = repr(str(store.folder)) if store else "the texts"
        self._model = load_again(facts, of, model, device=device)
        if layer is None and site is None and module is None:
            layer, site, module = (facts.get(name) for name in ("layer", "site", "module"))
        self._site = find_site(self._model, layer, site=site or "residual", module=module)
        context = facts["context"] if context is None else context
        if store:
            found = stored_windows(self._model, store, documents, context)
        elif documents is not None:
            raise ValueError("`documents` must be None unless the texts are those of a store")
        else:
            first = 1 if skip_first is None else skip_first
            found = windows(self._model, read(texts), context, skip_first=first)  # type: ignore[arg-type]
        kept = next(groups(found, max_tokens or math.inf), [])
        self._batches = [[kept[i] for i in chosen] for chosen in by_length(kept, batch_size)]
        if not self._batches:
            raise ValueError("`texts` must hold a token, got none")
        self._outcome = OUTCOMES[self._model.causal]
        self._document = np.array([window.document for group in self._batches for window in group])
        self._run_clean()
        if not len(self.activations):
            raise ValueError("`skip_first` must leave a token of the texts, it leaves none")
        if mean is None:
            mean = store.mean() if store else self.activations.mean(axis=0, dtype=np.float64)
        mean = check_array(mean, "mean", {"n_features": self.activations.shape[1]})
        self._ablations = [self._ratios(row) for row in (mean, np.zeros_like(mean))]

    @property
    def n_tokens(self) -> int:
        """Tokens that are replaced."""
        return len(self.activations)

    @property
    def n_documents(self) -> int:
        """Documents that they are of."""
        return int(np.unique(self._document).size)

    def __call__(self, featuriser: Any) -> SubstitutionLoss:
        """The loss with ``featuriser.inverse_transform(featuriser.transform(x))`` in place of each activation x.

        Parameters
        ----------
        featuriser : object with `transform` and `inverse_transform`
            Called with (n, n_features) float32, the activations as they are: centring and scaling are its own affair.

        Returns
        -------
        SubstitutionLoss

        Raises
        ------
        ValueError
            If reconstructions have another shape, or are not finite.
        """
        reconstruction = np.empty_like(self.activations)
        active = 0
        for start in range(0, self.n_tokens, _ROWS):
            X = self.activations[start : start + _ROWS]
            codes = np.asarray(featuriser.transform(X))
            active += int(np.count_nonzero(codes))
            reconstruction[start : start + _ROWS] = check_array(
                np.asarray(featuriser.inverse_transform(codes)),
                "reconstructions",
                {"n_samples": len(X), "n_features": X.shape[1]},
            )
        return self.loss_of(reconstruction, l0=active / self.n_tokens)

    def loss_of(self, reconstruction: np.ndarray, *, l0: float = float("nan")) -> SubstitutionLoss:
        """The loss with given rows, in the order of `activations`, in place of the activations.

        Parameters
        ----------
        reconstruction : array (n_tokens, n_features)
        l0 : float
            To be said in the result.
        """
        X = self.activations
        shape = {"n_tokens": len(X), "n_features": X.shape[1]}
        reconstruction = check_array(reconstruction, "reconstruction", shape)
        mean, zero = self._ablations
        measures = {
            name: Measure(self._outcome.measures[name], *ratio, mean[name][0], zero[name][0])
            for name, ratio in self._ratios(reconstruction).items()
        }
        explained = explained_variance(X, reconstruction)
        return SubstitutionLoss(measures, explained, l0, self.n_tokens, self.n_documents)

    def _run_clean(self) -> None:
        """One pass without a change: activations, and what the output was."""
        streams: list[torch.Tensor] = []
        self._clean = list(
            self._observed(lambda batch, stream: streams.append(stream[batch.rows].float().cpu()))
        )
        self.activations: np.ndarray = torch.cat(streams).numpy()
        self._weights = self._outcome.weights(self._clean)

    def _ratios(self, rows: np.ndarray) -> dict[str, tuple[float, float]]:
        """Each measure and its standard error with rows (or one row for all) in place of the activations."""
        rows, stop = np.broadcast_to(rows, self.activations.shape), 0

        def replaced(batch: Batch, stream: torch.Tensor) -> torch.Tensor:
            nonlocal stop
            start, stop = stop, stop + int(batch.rows.sum())
            stream = stream.clone()
            stream[batch.rows] = torch.from_numpy(np.array(rows[start:stop], np.float32)).to(stream)
            return stream

        changes = list(map(self._outcome.change, self._clean, self._observed(replaced)))
        return {
            name: ratio_of_sums(
                np.array([change[name] for change in changes]), self._weights[name], self._document
            )
            for name in self._outcome.measures
        }

    @torch.inference_mode()
    def _observed(
        self, change: Callable[[Batch, torch.Tensor], torch.Tensor | None]
    ) -> Iterator[torch.Tensor]:
        """The outcome of every window, while activations are looked at or replaced."""
        for group in self._batches:
            batch = batch_of(self._model, group)
            with self._site.hooked(partial(change, batch)):
                output = self._model(batch.ids, batch.mask)
            yield from self._outcome.observe(output, batch)


def substitution_loss(
    texts: Activations | Text | Iterable[Text], featuriser: Any, **options: Any
) -> SubstitutionLoss:
    """How a transformer's output changes when activations are replaced by a featuriser's reconstructions.

    At the tokens of the text (special tokens are left as they are, and those that are skipped) the activation x is
    replaced by ``inverse_transform(transform(x))``, and the model goes on from there. Measured are, of a causal
    language model, the increase of the next-token cross entropy (`cross_entropy`); of an encoder, 1 - cosine of the
    mean-pooled embedding (`embedding`) and the error of the last hidden states over their variance (`hidden`). Each
    comes with what mean- and zero-ablation give, and ``recovered = 1 - loss / mean_ablation``.

    Parameters
    ----------
    texts : store, or as for `collect_activations`
    featuriser : object with `transform` and `inverse_transform`
    **options
        Of `Substitution`, which is the thing to use for several featurisers: `model`, `layer`, `site`, `module`,
        `documents`, `context`, `max_tokens`, `skip_first`, `mean`, `batch_size`, `device`.

    Returns
    -------
    SubstitutionLoss

    Examples
    --------
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> from overica.lm import substitution_loss
    >>> loss = substitution_loss(
    ...     ["Text.", "More."], FunctionTransformer(), model="minilm", layer=3, device="cpu"
    ... )
    >>> {name: (measure.loss, measure.recovered) for name, measure in loss.measures.items()}
    {'embedding': (0.0, 1.0), 'hidden': (0.0, 1.0)}
    """
    return Substitution(texts, **options)(featuriser)
