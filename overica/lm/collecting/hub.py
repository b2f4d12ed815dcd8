"""Loading through transformers: which class, without noise, with errors of one line."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def fetch(
    name: str, *, local_files_only: bool = False, dtype: torch.dtype | None = None
) -> tuple[Any, Any]:
    """Model and tokenizer of a folder, or of a name on the hub: what was downloaded earlier first.

    Without a `dtype` there is no model, but a tokenizer alone.

    Raises
    ------
    FileNotFoundError
        If there is no such model, says where it was looked for; or it cannot be read, says why.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        return _attempt(
            str(path), f"the folder {name!r} holds no model that can be read", True, dtype
        )
    if (
        name.count("/") > 1
        or name.startswith((".", "/", "~"))
        or (os.sep != "/" and os.sep in name)
    ):
        raise FileNotFoundError(f"no model {name!r}: there is no such folder")
    here = f"no model {name!r}: no such folder, and not among the models downloaded earlier"
    try:
        return _attempt(name, here, True, dtype)
    except FileNotFoundError:
        if local_files_only or os.environ.get("HF_HUB_OFFLINE", "0").upper() in ("1", "TRUE", "ON"):
            raise
    return _attempt(name, f"no model {name!r}: no such folder, and not from the hub", False, dtype)


def is_causal(config: Any, architecture: str) -> bool:
    """Whether an architecture predicts next tokens.

    Models of types that fill in masked tokens do so only where their configuration says `is_decoder`.
    """
    from transformers.models.auto import modeling_auto as table

    if architecture not in table.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values():
        return False
    masked = config.model_type in table.MODEL_FOR_MASKED_LM_MAPPING_NAMES
    return bool(getattr(config, "is_decoder", False)) if masked else True


def _attempt(name: str, problem: str, local: bool, dtype: torch.dtype | None) -> tuple[Any, Any]:
    from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoTokenizer

    # Without a word transformers would ask, at a terminal, whether to run code that comes with a model.
    how = {"local_files_only": local, "trust_remote_code": False}
    with _quiet():
        try:
            if dtype is None:
                return None, AutoTokenizer.from_pretrained(name, **how)
            config = AutoConfig.from_pretrained(name, **how)
            architecture = (getattr(config, "architectures", None) or [""])[0]
            kind = AutoModelForCausalLM if is_causal(config, architecture) else AutoModel
            tokenizer = AutoTokenizer.from_pretrained(name, **how)
            network = kind.from_pretrained(name, config=config, **how, **{_dtype_key(): dtype})
            return network, tokenizer
        except (OSError, ValueError, KeyError, ImportError) as error:
            # Transformers' messages go on for many lines.
            reason = str(error).strip().split("\n")[0]
            raise FileNotFoundError(f"{problem} ({reason})") from None


def _dtype_key() -> str:
    """What transformers calls the precision to load in; before 4.56 it was another word."""
    import transformers

    version = tuple(int(part) for part in transformers.__version__.split(".")[:2])
    return "dtype" if version >= (4, 56) else "torch_dtype"


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars and no advice while a model loads; afterwards all is as it was."""
    from transformers.utils import logging as talk

    hub = logging.getLogger("huggingface_hub")
    verbosity, bars, level = talk.get_verbosity(), talk.is_progress_bar_enabled(), hub.level
    talk.set_verbosity_error()
    talk.disable_progress_bar()
    hub.setLevel(logging.ERROR)
    try:
        yield
    finally:
        talk.set_verbosity(verbosity)
        if bars:
            talk.enable_progress_bar()
        hub.setLevel(level)
