"""The residual stream of a transformer: the blocks that add to it.

Layer 0 is what enters the first block (the embeddings, with whatever norm the model puts there); layer k is what
leaves the k-th block. For k < L these are transformers' ``hidden_states[k]``; behind the last block some
models put a final norm into ``hidden_states[L]``, and here it is the stream before it.

Checked against transformers' hidden states: BERT, RoBERTa, DistilBERT, ELECTRA, DeBERTa v2, MPNet and ModernBERT;
GPT-2, GPT-Neo, GPT-NeoX, OPT, BLOOM, Phi, Llama, Mistral, Mixtral, Qwen 2 and 3, Gemma 2. ALBERT has one block that is
run many times, and encoders with decoders have two streams: those are refused.
"""

from __future__ import annotations

from torch import nn


def residual_blocks(model: nn.Module, n_layers: int) -> list[nn.Module]:
    """The blocks of a transformer, in order.

    They are found by what they are, not by name: the one `torch.nn.ModuleList` of `n_layers` modules of one class
    that lies in no other such list.

    Parameters
    ----------
    model : torch.nn.Module
    n_layers : int
        How many blocks its configuration says that there are.

    Returns
    -------
    list of torch.nn.Module

    Raises
    ------
    ValueError
        If there is none, or more than one (a model of an encoder and a decoder): lists what there is.

    Examples
    --------
    >>> from torch import nn
    >>> from overica.lm.collecting.residual import residual_blocks
    >>> model = nn.ModuleDict({"layers": nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])})
    >>> len(residual_blocks(model, 2))
    2
    """
    lists = {name: part for name, part in model.named_modules() if isinstance(part, nn.ModuleList)}
    fitting = {
        name: part
        for name, part in lists.items()
        if len(part) == n_layers and len({type(block) for block in part}) == 1
    }
    outermost = [
        name
        for name in fitting
        if not any(name != other and name.startswith(f"{other}.") for other in fitting)
    ]
    if len(outermost) != 1:
        seen = ", ".join(f"{name} ({len(part)})" for name, part in lists.items()) or "none"
        problem = "more than one list" if outermost else "no list"
        raise ValueError(
            f"`model` must have one list of {n_layers} equal blocks, got {problem} in "
            f"{type(model).__name__}; lists of modules there: {seen}"
        )
    return list(fitting[outermost[0]])
