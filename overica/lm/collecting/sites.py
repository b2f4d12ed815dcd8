"""Where in a transformer activations are read and replaced.

==============  ====================================================================================================
site            what it is
==============  ====================================================================================================
``residual``    the stream: layer 0 is what enters the first block, layer k what leaves the k-th, and k < L what enters
                block k, as models number their blocks from 0
``mlp``         what the MLP of block k adds to the stream, k in 0..L-1
``attention``   what attention of block k adds to it
``module``      what the module of a name of the model's own gives
==============  ====================================================================================================

The last linear map of attention or MLP is found by the names that families of models have for it. Where a norm stands
behind it (Gemma 2, and BERT, which norms the sum) it is what enters that norm. OPT's MLP takes the tokens of all texts
in one row, and is refused.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from overica._validation import check_choice, check_scalar
from overica.lm.collecting.hooks import Change, input_hook, output_hook
from overica.lm.collecting.model import LanguageModel

_NEAR = 5
# Tried in order. Some families add the stream inside the module that has the plain name: its last map comes first.
_MLP = (
    "mlp.dense_4h_to_h", "ffn.down_proj", "mlp", "ffn", "feed_forward", "block_sparse_moe", "fc2", "output.dense",
)  # fmt: skip
_ATTENTION = (
    "attention.output.dense", "attention.attn", "self_attention.dense", "attn.attention", "self_attn", "attn",
    "attention",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Site:
    """A place in a model. Made by `find_site`.

    Examples
    --------
    >>> from overica.lm import find_site, load_model
    >>> site = find_site(load_model("minilm", device="cpu"), 3)
    >>> site.name, site.layer, site.n_features
    ('residual', 3, 384)
    """

    name: str
    """Of `SITES`."""
    layer: int | None
    module: str
    """The model's own name of the module that gives it; of the embeddings, of the block that they enter."""
    hook: str
    """What SAELens calls it."""
    n_features: int
    part: nn.Module
    enters: bool = False
    """Whether it is what the module is given, not what it gives."""

    @property
    def settings(self) -> dict[str, Any]:
        """What a store's metadata say of it, and `find_site` takes."""
        named = self.module if self.name == "module" else None
        return {"site": self.name, "layer": self.layer, "module": named}

    def hooked(self, change: Change) -> AbstractContextManager[object]:
        """While this lasts, `change` sees the activations of every forward pass.

        They are (batch, tokens, n_features), and what it returns goes on through the model, unless it is None.
        """
        return (input_hook if self.enters else output_hook)(self.part, change)


def find_site(
    model: LanguageModel,
    layer: int | None = None,
    *,
    site: str = "residual",
    module: str | None = None,
) -> Site:
    """A place in a model.

    Parameters
    ----------
    model : LanguageModel
    layer : int, optional
        0..L of the residual stream, 0..L-1 of what blocks add to it; not needed for a module.
    site : {"residual", "mlp", "attention", "module"}
    module : str, optional
        Name of a module, as ``model.named_modules()`` of transformers has it: then this is the site.

    Returns
    -------
    Site

    Raises
    ------
    ValueError
        If there is no such layer, site or module: says what there is. If a module does not give one vector per token,
        or does not run once.

    Examples
    --------
    >>> from overica.lm import find_site, load_model
    >>> model = load_model("minilm", device="cpu")
    >>> find_site(model, 3, site="mlp").module, find_site(model, 3, site="mlp").hook
    ('encoder.layer.3.output.dense', 'blocks.3.hook_mlp_out')
    >>> find_site(model, module="encoder.layer.3.intermediate").n_features
    1536
    >>> find_site(model, module="encoder.layer.3.mlp")
    Traceback (most recent call last):
    ...
    ValueError: `module` must be one of the model's, got 'encoder.layer.3.mlp'; near: ...
    """
    check_choice(site, "site", SITES)
    if module is not None:
        if site not in ("residual", "module"):
            raise ValueError(f"`module` and `site` name two places: {module!r} and {site!r}")
        return _module(model, module)
    if site == "module":
        raise ValueError("`module` must name one where `site` is 'module', got None")
    if layer is None:
        raise ValueError("`layer` must be given unless a `module` is named, got None")
    return SITES[site](model, layer)


def _residual(model: LanguageModel, layer: Any) -> Site:
    last = model.n_layers
    layer = _layer(layer, last, " (0 is the embeddings)")
    part = model.blocks[max(layer - 1, 0)]
    hook = (
        f"blocks.{layer}.hook_resid_pre" if layer < last else f"blocks.{last - 1}.hook_resid_post"
    )
    return Site(
        "residual", layer, _name_of(model, part), hook, model.n_features, part, enters=layer == 0
    )


def _in_block(name: str, hook: str, candidates: tuple[str, ...]) -> Callable[..., Site]:
    def find(model: LanguageModel, layer: Any) -> Site:
        layer = _layer(layer, model.n_layers - 1, f" for {name}")
        block = model.blocks[layer]
        inside = dict(block.named_modules())
        found = next((inside[c] for c in candidates if c in inside), None)
        if found is None:
            parts = ", ".join(child for child, _ in block.named_children())
            raise ValueError(
                f"`site` {name!r} has no known name in a {type(block).__name__}, which holds {parts}: name the module "
                "by `module`"
            )
        module = _name_of(model, found)
        width = _width(model, found, module)
        return Site(name, layer, module, f"blocks.{layer}.{hook}", width, found)

    return find


def _module(model: LanguageModel, name: str) -> Site:
    named = {known: part for known, part in model.model.named_modules() if known}
    if name not in named:
        near = difflib.get_close_matches(name, named, _NEAR, cutoff=0.4)
        raise ValueError(
            f"`module` must be one of the model's, got {name!r}; near: {', '.join(near) or 'none'}"
        )
    width = _width(model, named[name], name)
    return Site("module", None, name, name, width, named[name])


SITES: dict[str, Callable[..., Site]] = {
    "residual": _residual,
    "mlp": _in_block("mlp", "hook_mlp_out", _MLP),
    "attention": _in_block("attention", "hook_attn_out", _ATTENTION),
    "module": _module,
}
"""How each is found, from the model and the layer (of a module: its name)."""


def _layer(layer: Any, last: int, which: str) -> int:
    layer = check_scalar(layer, "layer", integer=True)
    if layer > last:
        raise ValueError(f"`layer` must be in 0..{last}{which}, got {layer}")
    return int(layer)


@torch.inference_mode()
def _width(model: LanguageModel, part: nn.Module, name: str) -> int:
    """Features that a module gives per token, found by running it.

    Raises
    ------
    ValueError
        If it gives anything but one vector of real numbers per token, alone or first in a tuple, once.
    """
    outputs: list[Any] = []
    before, after = model.frame
    ids = torch.tensor([[*before, *[model.padding_id] * 3, *after]] * 2, device=model.device)
    with part.register_forward_hook(lambda _part, _args, output: outputs.append(output)):
        model(ids, torch.ones_like(ids))
    if len(outputs) != 1:
        raise ValueError(f"`module` must run once in the model, {name!r} runs {len(outputs)} times")
    found = outputs[0][0] if type(outputs[0]) is tuple and outputs[0] else outputs[0]
    if not isinstance(found, torch.Tensor) or not found.is_floating_point():
        kind = found.dtype if isinstance(found, torch.Tensor) else type(found).__name__
        raise ValueError(f"`module` must give a tensor of real numbers, {name!r} gives {kind}")
    if found.ndim != 3 or found.shape[:2] != ids.shape:
        raise ValueError(
            f"`module` must give (batch={ids.shape[0]}, tokens={ids.shape[1]}, features), {name!r} gives "
            f"{tuple(found.shape)}"
        )
    return int(found.shape[2])


def _name_of(model: LanguageModel, part: nn.Module) -> str:
    return next(name for name, module in model.model.named_modules() if module is part)
