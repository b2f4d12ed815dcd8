"""SAELens's own training classes, driven by its own trainer on arrays."""

import contextlib
import io
import logging
import sys
import types
import warnings
from importlib.util import find_spec

import numpy as np
import torch

from overica.sae import SAES, GatedSAE
from overica.sae.gated import GatedAutoencoder

KINDS = {
    "relu": "Standard",
    "gated": "Gated",
    "jumprelu": "JumpReLU",
    "topk": "TopK",
    "abstopk": "AbsTopK",
    "batchtopk": "BatchTopK",
    "matryoshka": "MatryoshkaBatchTopK",
    "matching_pursuit": "MatchingPursuit",
}
"""Prefixes of its classes; it has no tied one. Of those it trains, `SAES` has all that learn from samples alone."""


class _AttachedGates(GatedAutoencoder):
    def decode_gates(self, opened):
        return self.decode(opened)


class _AttachedGatedSAE(GatedSAE):
    """The gated autoencoder with SAELens's objective, whose decoder learns from the auxiliary loss as well; in the
    paper, and in ours, it does not.
    """

    def _network(self, n_features, n_components, n_active, rng):
        return _AttachedGates(n_features, n_components, rng)


OBJECTIVES = SAES | {"gated": _AttachedGatedSAE}
"""Ours with the objectives of SAELens's classes, for a comparison of what is minimised."""


def installed():
    """Whether SAELens can be imported."""
    return find_spec("sae_lens") is not None


def _training_modules():
    """SAELens's BatchTopK, its trainer and their configurations.

    What else its package imports is for language models and takes a minute, where it is installed at all
    (transformer_lens, datasets, wandb): unless that is there already, empty modules stand for it, and the package's own
    first module, which imports everything, is passed over.
    """
    if "sae_lens" not in sys.modules:
        _stand_ins()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sae_lens.config import SAETrainerConfig
        from sae_lens.saes.batchtopk_sae import BatchTopKTrainingSAE, BatchTopKTrainingSAEConfig
        from sae_lens.training.sae_trainer import SAETrainer
    return BatchTopKTrainingSAE, BatchTopKTrainingSAEConfig, SAETrainer, SAETrainerConfig


def _stand_ins():
    """Empty modules for what SAELens imports beside torch."""

    class HookPoint(torch.nn.Module):
        def forward(self, x):
            return x

    class HookedRootModule(torch.nn.Module):
        def setup(self):
            pass

    def stand_in(name, **attributes):
        module = types.ModuleType(name)
        module.__path__, module.__file__ = [], name
        module.__dict__.update(attributes)
        sys.modules[name] = module
        return module

    stand_in("transformer_lens")
    stand_in("transformer_lens.hook_points", HookPoint=HookPoint, HookedRootModule=HookedRootModule)
    stand_in("transformer_lens.HookedTransformer", HookedRootModule=HookedRootModule)
    for name in ("wandb", "datasets"):
        stand_in(name).__getattr__ = lambda attribute: type(attribute, (), {})
    root = find_spec("sae_lens").submodule_search_locations
    package = stand_in("sae_lens", __version__="", logger=logging.getLogger("sae_lens"))
    package.__path__ = list(root)


def batch_topk_trainer(X, width, n_active, *, n_steps, batch_size, device, autocast):
    """SAELens's trainer of its BatchTopK on tensors of a device, ready for `step`."""
    network, config, trainer, settings = _training_modules()
    torch.manual_seed(0)
    sae = network(
        config(
            d_in=X.shape[1],
            d_sae=width,
            k=n_active,
            device=str(device),
            normalize_activations="expected_average_only_in",
        )
    ).to(device)
    found = trainer(
        settings(
            total_training_samples=n_steps * batch_size,
            train_batch_size_samples=batch_size,
            lr=3e-4,
            lr_end=3e-5,
            device=str(device),
            autocast=autocast,
        ),
        sae,
        iter(()),
    )
    found.activation_scaler.scaling_factor = X.shape[1] ** 0.5 / float(X.norm(dim=1).mean())
    return found


def train(
    name, X, *, width, n_active, coefficient, n_steps, batch_size, learning_rate, seed, recipe=None
):
    """A network of SAELens, and how to use it.

    Same batches per step, schedule, clipping and scaling of the inputs as ours; the coefficient of the sparsity is
    given, as SAELens does not steer it with these losses. `recipe` replaces settings of its training class, which else
    are those of ours.

    Returns
    -------
    encode, decode : callable
        From samples to codes and back, as arrays in units of X.
    W_dec : array (width, n_features)
    loss : float
        Mean of what was minimised, over the last twentieth of the steps.
    """
    losses = []
    trainer = trainer_of(
        name, X, width=width, n_active=n_active, coefficient=coefficient, n_steps=n_steps, batch_size=batch_size,
        learning_rate=learning_rate, seed=seed, recipe=recipe,
    )  # fmt: skip
    step = trainer.step

    def watched(batch):
        output = step(batch)
        losses.append(float(output.loss))
        return output

    trainer.step = watched
    with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sae = trainer.fit()
    return (*_inference(name, sae), np.mean(losses[-n_steps // 20 :]))


def trainer_of(
    name, X, *, width, n_active, coefficient, n_steps, batch_size, learning_rate, seed, recipe=None
):
    """SAELens's trainer, ready to `fit`, or to `step` batch by batch."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import sae_lens
        from sae_lens.config import SAETrainerConfig
        from sae_lens.training.sae_trainer import SAETrainer

    torch.manual_seed(seed)
    kind = KINDS[name]
    settings = {
        "d_in": X.shape[1],
        "d_sae": width,
        "normalize_activations": "expected_average_only_in",
    }
    config = getattr(sae_lens, f"{kind}TrainingSAEConfig")(
        **settings, **_own(name, width, n_active, coefficient, n_steps) | (recipe or {})
    )
    sae = getattr(sae_lens, f"{kind}TrainingSAE")(config)
    return SAETrainer(
        SAETrainerConfig(
            total_training_samples=n_steps * batch_size,
            train_batch_size_samples=batch_size,
            lr=learning_rate,
            lr_warm_up_steps=n_steps // 10,
            lr_decay_steps=n_steps // 5,
            lr_end=0.0,
            dead_feature_window=max(10, n_steps // 20),
            n_batches_for_norm_estimate=20,
        ),
        sae,
        _batches(X, batch_size, seed),
    )


def _own(name, width, n_active, coefficient, n_steps):
    """What only some classes take; the recipes are those of ours."""
    rise = n_steps // 3
    if name in ("relu", "gated"):
        return {"l1_coefficient": coefficient, "l1_warm_up_steps": rise}
    if name == "jumprelu":
        own = {"l0_coefficient": coefficient, "l0_warm_up_steps": rise}
        return own | {"jumprelu_bandwidth": 1.0, "jumprelu_init_threshold": 0.1}
    if name == "matching_pursuit":
        # Ours ends after k steps; theirs, besides, where a step changes no support or little is left.
        own = {"max_iterations": round(n_active), "decoder_init_norm": 1.0}
        return own | {"residual_threshold": 0.0, "stop_on_duplicate_support": False}
    whole = name in ("topk", "abstopk")
    own = {"k": round(n_active) if whole else n_active, "aux_loss_coefficient": 1 / 32}
    if name == "matryoshka":
        own["matryoshka_widths"] = [
            round(width * share) or 1 for share in (1 / 32, 1 / 8, 1 / 2, 1)
        ]
    return own


def _batches(X, batch_size, seed):
    rng, data = np.random.default_rng(seed), torch.from_numpy(X.astype(np.float32))
    while True:
        yield data[torch.from_numpy(rng.integers(0, len(X), batch_size))]


def _inference(name, sae):
    """Inference as SAELens has it after training: thresholds instead of batches."""
    sae.eval()
    threshold = (
        getattr(sae, "topk_threshold", None) if name in ("batchtopk", "matryoshka") else None
    )

    @torch.no_grad()
    def encode(X):
        x = torch.from_numpy(X.astype(np.float32))
        codes, hidden = sae.encode_with_hidden_pre(x)
        if threshold is not None:
            codes = hidden.relu() * (hidden >= threshold)
        return codes.to_dense().double().numpy()

    @torch.no_grad()
    def decode(S):
        return sae.decode(torch.from_numpy(S.astype(np.float32))).double().numpy()

    return encode, decode, sae.W_dec.detach().double().numpy()
