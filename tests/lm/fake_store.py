"""A small folder of activations with known features, and tokens that would break a careless page."""

import numpy as np

from overica.datasets import make_mixture
from overica.lm import ActivationStore, StoreWriter, TokenRows

EVIL = "<script>alert(1)</script>"
WORDS = [EVIL, "##ing", "</script>", "a&b", '"quoted"', "plain", "\u2028", "<img src=x onerror=alert(2)>"]  # fmt: skip
WORDS += [f"word{i}" for i in range(22)]


def write_store(folder, n_documents=40, length=40, n_features=8, n_components=12, seed=0):
    """A store whose activations are sparse sums of known directions; the features by their number are its tokens."""
    rng = np.random.default_rng(seed)
    n = n_documents * length
    data = make_mixture(
        n, n_features, n_components, "sparse_exponential", n_active=2, noise=0.05, random_state=seed
    )
    ids = np.where(rng.random(n) < 0.5, data.codes.argmax(axis=1), rng.integers(0, len(WORDS), n))
    documents = np.repeat(np.arange(n_documents), length)
    sources = [f"doc <b>{i}</b>" for i in range(n_documents)]
    writer = StoreWriter(
        folder,
        n_features,
        WORDS,
        {"model": "/nowhere/none", "layer": 1, "context": 128},
        word_pieces=True,
    )
    positions = np.tile(np.arange(length), n_documents)
    with writer.shard(TokenRows(ids, documents, positions, sources)) as rows:
        rows[:] = data.X + 1.0
    writer.finish()
    return ActivationStore(folder), data
