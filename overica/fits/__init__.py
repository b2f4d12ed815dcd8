"""One model fitted to activations on disk, by any method of the studies: what ``overica fit`` does."""
