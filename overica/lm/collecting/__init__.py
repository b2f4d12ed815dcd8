"""Activations of transformers collected: texts, windows of tokens, models, hooks at their layers."""
