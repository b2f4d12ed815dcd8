r"""
Are my autoencoder's features true?
===================================

For those who train sparse autoencoders (SAEs) on a model's activations. A low loss does not say that the directions
found are the model's own. Here is a toy whose truth is known, then activations whose truth is not, then somebody
else's autoencoder, then the pages on which one reads what features mean.

Overcomplete ICA, in the words of autoencoders
----------------------------------------------

Both explain an activation as :math:`x \approx b + \sum_j s_j a_j`, with few :math:`s_j` different from zero.

=============  ================================  ==============================================
\              sparse autoencoder                overcomplete ICA
=============  ================================  ==============================================
dictionary     decoder ``W_dec``                 mixing matrix ``A``, a column per feature
codes          a matrix product and a ReLU       exact minimum of ``|x - As|²/2 + λ|s|₁``
sparsity       L1 coefficient, or k              a prior of each feature, its scale learned
loss           squared error and a penalty       evidence ``-log p(x)``: error, prior, volume
unit columns   by constraint                     not needed: the evidence settles lengths
dead features  revived by tricks                 none: columns no data want are merged
a code costs   one matrix product                two to ten matrix products
=============  ================================  ==============================================

The last line is the price. Exact codes are not needed to *use* features, but to *find* them: an encoder that is wrong
about who is active teaches the decoder wrong directions.

A toy whose truth is known
--------------------------

32 features in 16 dimensions, three active in a sample.
"""

import matplotlib.pyplot as plt
import numpy as np

import overica
from overica import OvercompleteICA
from overica.datasets import make_hierarchy, make_sparse_random
from overica.lm import FeatureStudy, collect_activations, scientific_docstrings, text_features
from overica.metrics import evaluate, match_components
from overica.plots import plot_cosines
from overica.sae import BatchTopKSAE


def both(data, random_state=0):
    """ICA and BatchTopK, told the same: the number of features, and that none is negative."""
    n_components = data.mixing.shape[1]
    n_active = (data.codes != 0).sum(axis=1).mean()
    return {
        "ICA": OvercompleteICA(n_components, prior="exponential", random_state=random_state).fit(
            data.X
        ),
        "BatchTopK": BatchTopKSAE(n_components, n_active=n_active, random_state=random_state).fit(
            data.X
        ),
    }


def print_figures(models, data):
    """Each figure with what random directions get."""
    for name, model in models.items():
        figures = evaluate(
            model.mixing_, data.mixing, codes=model.transform(data.X), codes_true=data.codes
        )
        words = [
            f"{key} {figures[key].value:.2f} (chance {figures[key].chance:.2f})"
            for key in ("mean_cosine", "share_recovered", "f1")
        ]
        print(f"{name:>9}: " + ", ".join(words))


data = make_sparse_random(random_state=0)
models = both(data)
print_figures(models, data)

# %%
# The mean cosine to the true features is what SAE papers call MCC, and .87 looks good. The share of
# features that were found, ``|cos|`` above .98, says otherwise. In the pictures a true feature is a
# column; a feature that was found is one dark cell on the diagonal, a blend of two is two half-dark
# ones.

figure, axes = plt.subplots(1, 2, figsize=(10, 4.5), layout="constrained")
for ax, (name, model) in zip(axes, models.items(), strict=True):
    plot_cosines(model.mixing_, data.mixing, ax=ax)
    ax.set_title(f"{name}: " + ax.get_title(loc="left"), loc="left", fontsize=9)

# %%
# Features in trees
# -----------------
#
# Real features are not independent: a child fires only where its parent does. Then a column that
# stands for the sum of both is cheaper than two columns, and that is what a plain sparse prior
# learns. `OvercompleteICA` with a non-negative prior looks for such trees, and takes the sums
# apart.

tree = make_hierarchy(random_state=0)
tree_models = both(tree)
print_figures(tree_models, tree)
for name, model in tree_models.items():
    cosines = match_components(model.mixing_, tree.mixing, nonnegative=True).cosines
    print(f"{name:>9}: {np.mean(cosines > 0.9):.0%} of {len(cosines)} features above .9")

# %%
# Without the truth: agreement between seeds
# ------------------------------------------
#
# On real activations there is no truth to compare with. But what is true is found again with
# another seed, and what is an accident of training is not. On the toy one can see that the two go
# together:

for name, model in both(tree, random_state=1).items():
    again = match_components(model.mixing_, tree_models[name].mixing_, nonnegative=True).cosines
    print(f"{name:>9}: {np.mean(again > 0.9):.0%} found again by another seed")

# %%
# The converse does not hold: two seeds can share a mistake. A sum of parent and child is found
# again and again.
#
# Activations of your own
# -----------------------
#
# `OvercompleteICA.fit` and every autoencoder take what you have: an array, a torch tensor in any
# float type, memory maps, a list of shards, a `DataLoader`, or a folder written by this package or
# another. Here: the residual stream of a small sentence encoder, while it reads NumPy's docstrings.

acts = collect_activations("minilm", 3, scientific_docstrings(["numpy"]), "acts", max_tokens=6_000)
print(acts)

# %%
# From the command line that is ``overica activations --model minilm --layer 3 --docstrings numpy -o
# acts``; a tensor of your own is ``numpy.save("acts/mine.npy", tensor.float().numpy())``, and the
# folder is the argument.
#
# A study fits every method with several seeds on the same tokens, moves every threshold to the same
# number of active features, and judges by documents that no method has seen. This one has a
# twentieth of the tokens and half the steps of ``overica features acts``, which takes an hour; its
# figures are in :doc:`/measured/activations`.

study = FeatureStudy(
    acts, methods=["ica", "batchtopk"], widths=[1], active=[20], n_seeds=2,
    sae={"n_steps": 500}, ica={"max_iter": 75}, n_substituted=0, n_described=1000,
)  # fmt: skip
results = study.run("features", progress=False)
page = study.write_report(results)
print(
    page.name,
    "holds the comparison; beside it",
    len(list(page.parent.glob("*/index.html"))),
    "folders of features",
)

# %%
# Explained variance of held-out documents, and what another seed finds again (with all tokens and
# steps, at twice the width: 67 % and 10 %):

print(results.table("explained_variance"))
for name in results.methods:
    agree = results.seeds_agree(next(iter(results.whats)), name)
    print(f"{name}: {agree['above_0.7']:.0%} of the features again with another seed (|cos| > .7)")

# %%
# Somebody else's autoencoder
# ---------------------------
#
# `overica.load` reads the folders of SAELens, dictionary_learning, sparsify, Gemma Scope and this
# package. To stand in for a download, an autoencoder is exported here in SAELens's format.

sae = BatchTopKSAE(384, n_active=20, n_steps=500, random_state=5).fit(acts)
overica.export(sae, "theirs", hook="encoder.layer.2")

theirs = overica.load("theirs")
ours = results.model(results.of("1x", "ica")[0]["cell"])
cosines = match_components(theirs.mixing_, ours.mixing_).cosines
print(f"{np.mean(cosines > 0.7):.0%} of its features are among ICA's")

# %%
# Which is next to none: this autoencoder agrees with another seed of its own no better, see above.
# Of one that was trained longer it would be more.
#
# In a study it is one more method: ``methods=["ica", {"name": "loaded", "path": "theirs"}]``.
#
# Reading features
# ----------------
#
# The study wrote a page per feature: where it fires, from strongest to weakest, what fires with it,
# how often, and its match in every other fit. The same for a text of your own: the five strongest
# features, the token where each fires, its code there, and the tokens where it was strongest in the
# study.

found = text_features("features", "Sorts the array in ascending order.")
for feature, token, code in found.strongest(5):
    print(
        f"{found.tokens[token]!r:>12} {code:+.2f} feature {feature}, also at {found.gist(feature, code)}"
    )

# %%
# What to conclude
# ----------------
#
# Directions are trustworthy if another seed finds them, if another method does, and if the evidence
# on held-out data says so; a low loss is not enough. Where the two methods disagree,
# :doc:`/which_tool` says whom to believe, and when neither.
