"""Real activations, 768 wide: two layers of MiniLM side by side, at the docstrings of installed packages."""

from pathlib import Path

import numpy as np

LAYERS = (3, 5)
"""Each 384 wide."""


def activations(folder, n_tokens):
    """A memory map (n_tokens, 768), float32; collected once into the folder and found there later."""
    from overica.lm import collect_activations, scientific_docstrings

    path = Path(folder) / f"minilm-{'-'.join(map(str, LAYERS))}-{n_tokens}.npy"
    if not path.exists():
        stores = [
            collect_activations(
                "minilm", layer, scientific_docstrings(), Path(folder) / f"layer-{layer}-{n_tokens}",
                max_tokens=n_tokens, device="cpu",
            )
            for layer in LAYERS
        ]  # fmt: skip
        both = np.concatenate([np.asarray(store.activations[:]) for store in stores], axis=1)
        np.save(path, both.astype(np.float32))
    return np.load(path, mmap_mode="r")
