"""How long activations are, in medians of their site: what a limit on norms would leave out of a model without sinks.

    python benchmarks/norms.py [--quick] [--model minilm]

Texts are docstrings of NumPy and SciPy. Special tokens, where this model's attention goes by default, have no row in a
collection, and are shown apart.
"""

import argparse
from itertools import islice

import numpy as np
import torch

from overica.lm import find_site, load_model, scientific_docstrings
from overica.lm.collecting.windows import batch_of, windows

CONTEXT, BATCH = 128, 32


def norms(model, site, batches):
    """Of the tokens of text, and of the first token of each window."""
    text, first = [], []
    for batch in batches:
        seen = []
        with torch.inference_mode(), site.hooked(seen.append):
            model(batch.ids, batch.mask)
        lengths = seen[0].norm(dim=-1)
        text.append(lengths[batch.content].numpy())
        first.append(lengths[:, 0].numpy())
    return np.concatenate(text), np.concatenate(first)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="few windows, the last layer")
    parser.add_argument("--model", default="minilm")
    chosen = parser.parse_args()
    model = load_model(chosen.model, device="cpu")
    texts = scientific_docstrings(["numpy", "scipy"])
    found = list(islice(windows(model, texts, CONTEXT), 16 if chosen.quick else 160))
    batches = [batch_of(model, found[i : i + BATCH]) for i in range(0, len(found), BATCH)]
    print(f"{chosen.model}, {sum(map(len, found))} tokens; norms in medians of the site's tokens")
    print(
        f"{'site':12}{'block':>6}{'first':>8}{'longest':>9}{'over 3':>9}{'over 5':>9}{'over 10':>9}"
    )
    for layer in [model.n_layers] if chosen.quick else range(model.n_layers + 1):
        for name in ("residual", "attention", "mlp") if layer < model.n_layers else ("residual",):
            text, first = norms(model, find_site(model, layer, site=name), batches)
            median = np.median(text)
            shares = [f"{np.mean(text > times * median):9.1%}" for times in (3, 5, 10)]
            longest = text.max() / median
            print(
                f"{name:12}{layer:6}{np.median(first) / median:8.1f}{longest:9.2f}", *shares, sep=""
            )


if __name__ == "__main__":
    main()
