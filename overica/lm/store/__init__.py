"""Activations on disk: a folder of shards, the tokens they belong to and their texts."""
