"""Activations that other tools wrote: one short file for each kind of file, and the store that reads as ours does."""
