"""Activations of transformers: collected to disk, replaced by reconstructions, described by features.

Needs the extra `lm` (``pip install overica[lm]``) where a model is loaded; a folder of activations opens without it.
"""

from overica.lm.files import TokenRows
from overica.lm.shards import ShardedRows
from overica.lm.store import ActivationStore
from overica.lm.writer import StoreWriter

__all__ = ["ActivationStore", "ShardedRows", "StoreWriter", "TokenRows"]
