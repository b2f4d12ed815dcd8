"""One encoder as another: a gated autoencoder is a JumpReLU one whose thresholds are where its gates open."""

from __future__ import annotations

import torch
from sklearn.utils.validation import check_is_fitted

from overica.sae.gated import GatedSAE
from overica.sae.jumprelu import JumpReLUSAE


def as_jumprelu(gated: GatedSAE) -> JumpReLUSAE:
    """The JumpReLU autoencoder with the weights, and the codes, of a gated one.

    With ``z = exp(r_mag) * (x - b_dec) W_enc + b_mag`` a gate is open where ``(x - b_dec) W_enc > -b_gate``, which is
    ``z > b_mag - exp(r_mag) b_gate``. So the codes ``1[gate > 0] ReLU(z)`` are ``z 1[z > threshold]`` with

        W_enc' = W_enc exp(r_mag),    b_enc' = b_mag,    threshold = max(b_mag - exp(r_mag) b_gate, 0).

    Parameters
    ----------
    gated : GatedSAE
        Fitted; not changed.

    Returns
    -------
    JumpReLUSAE
        Fitted, with codes that are equal up to rounding; of samples within rounding of a threshold also up to
        which side they fall on.

    Raises
    ------
    ValueError
        If it is of another kind.
    sklearn.exceptions.NotFittedError
        If it is not fitted.

    References
    ----------
    Rajamanoharan et al. (2024), "Improving dictionary learning with gated sparse autoencoders", appendix E.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.datasets import make_mixture
    >>> from overica.sae import GatedSAE, as_jumprelu
    >>> X = make_mixture(500, 4, 6, "sparse_exponential", n_active=2, random_state=0).X
    >>> gated = GatedSAE(6, n_active=2, n_steps=50, random_state=0).fit(X)
    >>> bool(np.allclose(as_jumprelu(gated).transform(X), gated.transform(X)))
    True
    """
    if not isinstance(gated, GatedSAE):
        raise ValueError(f"`gated` must be a GatedSAE, got {type(gated).__name__}")
    check_is_fitted(gated)
    tensors = {name: value.detach() for name, value in gated.module_.export().items()}
    gain = tensors["r_mag"].exp()
    shared = gated.get_params(deep=False)
    jump = JumpReLUSAE(**shared)
    n_components, n_features = tensors["W_dec"].shape
    module = jump._network(n_features, n_components, gated.n_active_, None)
    module.to(tensors["W_dec"].device, tensors["W_dec"].dtype)
    with torch.no_grad():
        module.restore({
            "W_enc": tensors["W_enc"] * gain,
            "b_enc": tensors["b_mag"],
            "threshold": (tensors["b_mag"] - gain * tensors["b_gate"]).clamp(min=0),
            "W_dec": tensors["W_dec"],
            "b_dec": tensors["b_dec"],
        })  # fmt: skip
    jump._adopt(module.requires_grad_(False).eval())
    for name in (
        "n_features_in_",
        "feature_names_in_",
        "centre_",
        "unit_",
        "n_active_",
        "history_",
        "n_iter_",
        "source_",
    ):
        if hasattr(gated, name):
            setattr(jump, name, getattr(gated, name))
    return jump
