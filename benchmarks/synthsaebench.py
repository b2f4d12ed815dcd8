"""Features in trees, as SynthSAEBench makes them: who finds them, and who says when they fire?

Sets ``a`` (512 features in 64 dimensions, trees of depth 2, 300,000 samples) and ``b`` (2,048 in 128, depth 3, 100,000)
are drawn by SAELens's generator, ``hierarchy`` (96 in 32) by ours. All autoencoders, SAELens's and ours, take as many
steps, batches of 1,024 and the learning rate ``0.03 / sqrt(n_features)``, and are held to the true number of active
features; the coefficient of SAELens's L1 is the one that ours was steered to. Everything is judged on 10,000 other
samples.

- "MCC": mean |cosine| of learned and true directions, matched one to one; in brackets that of random directions.
- "> .9": share of all features with a partner above .9; "frequent": of the most frequent quarter of them.
- "F1": of each column as a detector of its nearest feature, as SAELens computes it.
- "s": CPU seconds of the public fit.

ICA stands there twice: with its own codes, and, since these are as many as it finds, with others on its columns at the
true L0: least squares on the supports of exact sparse codes. The oracles have such codes too: "truth", the directions
of the most frequent features, as many as there are columns; and "presences", the directions that least squares finds
when told of every sample which features are there.
"""

import argparse
import ast
import os
import time
import warnings

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import _saelens  # noqa: E402  (thread counts are read at import)
import numpy as np  # noqa: E402
from _detection import Figures, chance, judge, unit  # noqa: E402
from _features import SETS  # noqa: E402

from overica import OvercompleteICA  # noqa: E402
from overica.coding import SparseCoder  # noqa: E402
from overica.sae import SAES  # noqa: E402

N_TEST = 10_000
# As ours start, with rows of length one. Its own default, a tenth, has mean cosines lower by .02 to .03 on set a.
RECIPES = {name: {"decoder_init_norm": 1.0} for name in ("topk", "batchtopk", "matryoshka")}
"""What SAELens is given beyond the recipe of `_saelens`."""


class Task:
    """One set, one seed, one width: what a method is given."""

    def __init__(self, train, test, width, n_steps, seed, ica):
        self.train, self.test, self.width, self.n_steps = train, test, width, n_steps
        self.seed, self.ica = seed, ica
        self.coefficients = {}

    def judged(self, directions, codes, X_hat, seconds):
        """Figures on the samples that were not learned from."""
        return judge(directions, codes, X_hat, self.test, seconds)

    def coded(self, directions, offset, seconds):
        """Figures of directions with the supports of exact codes at the true L0, and least squares on these."""
        coder = SparseCoder(
            unit(directions),
            n_active=self.train.l0,
            method="debiased",
            nonnegative=True,
            offset=offset,
        ).fit(self.train.X[:5000].astype(np.float64))
        X = self.test.X.astype(np.float64)
        codes = coder.transform(X)
        return self.judged(directions, codes, coder.inverse_transform(codes), seconds)

    def offset(self, kept):
        """What all features but the kept ones contribute on average, and the bias."""
        means = np.asarray(self.train.codes.mean(axis=0)).ravel()[kept]
        return self.train.X.mean(axis=0, dtype=np.float64) - means @ self.train.directions[kept]


def timed(call):
    """A result and the CPU seconds it took."""
    start = time.process_time()
    return call(), time.process_time() - start


def autoencoder(name, task):
    """Ours, at the true L0."""
    sae = SAES[name](
        task.width,
        n_active=task.train.l0,
        n_steps=task.n_steps,
        random_state=task.seed,
        device="cpu",
    )
    _, seconds = timed(lambda: sae.fit(task.train.X))
    late = sae.history_["sparsity_coefficient"][-task.n_steps // 20 :]
    task.coefficients[name] = float(np.mean(late))
    codes = sae.transform(task.test.X)
    yield "", task.judged(sae.components_, codes, sae.inverse_transform(codes), seconds)


def saelens_autoencoder(name, task):
    """SAELens's, at the true L0."""
    if name not in task.coefficients:
        list(autoencoder(name, task))
    trained, seconds = timed(
        lambda: _saelens.train(
            name,
            task.train.X,
            width=task.width,
            n_active=task.train.l0,
            coefficient=task.coefficients[name],
            n_steps=task.n_steps,
            batch_size=1024,
            learning_rate=0.03 / np.sqrt(task.train.X.shape[1]),
            seed=task.seed,
            recipe=RECIPES.get(name),
        )
    )
    encode, decode, W_dec, _ = trained
    codes = encode(task.test.X)
    yield "", task.judged(W_dec, codes, decode(codes), seconds)


def ica(task):
    """Ours; its own codes, and exact ones at the true L0."""
    model = OvercompleteICA(
        task.width, **{"prior": "exponential", "random_state": task.seed} | task.ica
    )
    _, seconds = timed(lambda: model.fit(task.train.X))
    X = task.test.X
    codes = model.transform(X)
    yield "own codes", task.judged(model.mixing_.T, codes, model.inverse_transform(codes), seconds)
    yield "true L0", task.coded(model.mixing_.T, model.offset_, seconds)


def truth(task):
    """The true directions of the most frequent features."""
    kept = task.train.frequent[: task.width]
    yield "", task.coded(task.train.directions[kept], task.offset(kept), 0.0)


def presences(task):
    """Least squares of the samples on the true presences, of which the most frequent are kept."""
    present = (task.train.codes > 0).astype(np.float64)
    firing = task.train.firing
    # Centred presences, without making them dense.
    covariance = (present.T @ present).toarray() / len(task.train.X) - np.outer(firing, firing)
    X = task.train.X - task.train.X.mean(axis=0, dtype=np.float64)
    ridge = 1e-9 * np.eye(len(firing))
    means = np.linalg.solve(covariance + ridge, present.T @ X / len(X))
    kept = task.train.frequent[: task.width]
    yield "", task.coded(means[kept], task.offset(kept), 0.0)


METHODS = {
    **{name: lambda task, name=name: autoencoder(name, task) for name in SAES},
    **{
        f"saelens-{name}": lambda task, name=name: saelens_autoencoder(name, task)
        for name in _saelens.KINDS
    },
    "ica": ica,
    "truth": truth,
    "presences": presences,
}
"""Each yields, of a `Task`, pairs of a remark and `Figures`."""
COMPARED = ("batchtopk", "topk", "matryoshka", "relu")
DEFAULT = (
    *(method for name in COMPARED for method in (name, f"saelens-{name}")),
    "ica",
    "truth",
    "presences",
)


def header():
    """Above the rows."""
    print(
        f"{'set':10s}{'width':>6s} {'method':20s}{'codes':10s}{'MCC':>6s}{'':8s}{'> .9':>7s}{'frequent':>9s}"
        f"{'F1':>7s}{'explained':>10s}{'L0':>8s}{'s':>8s}",
        flush=True,
    )


def line(name, width, method, remark, several, level):
    """One row: means over the seeds, and the standard deviation of the MCC."""
    mean = Figures.mean(several)
    spread = np.std([figures.mcc for figures in several])
    print(
        f"{name:10s}{width:6d} {method:20s}{remark:10s}{mean.mcc:6.3f} ±{spread:.3f} {mean.found:7.3f}"
        f"{mean.frequent:9.3f}{mean.f1:7.3f}{mean.explained:10.3f}{mean.l0:8.2f}{mean.seconds:8.1f}"
        f"  ({level:.3f})",
        flush=True,
    )


def cell(tasks, name, methods):
    """All rows of one set and width; a method is through with all seeds before the next one begins."""
    level = np.mean([chance(task.width, task.test, task.seed) for task in tasks])
    for method in methods:
        rows = {}
        for task in tasks:
            for remark, figures in METHODS[method](task):
                rows.setdefault(remark, []).append(figures)
        for remark, several in rows.items():
            line(name, tasks[0].width, method, remark, several, level)


def settings(text):
    """``name=value,...`` as keyword arguments; a value that is no literal of Python is a string."""
    given = {}
    for part in filter(None, text.split(",")):
        key, _, value = part.partition("=")
        try:
            given[key] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            given[key] = value
    return given


def options_of(arguments=None):
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", help=f"comma-separated: {','.join(SETS)}")
    parser.add_argument("--widths", help="comma-separated; each set has its own by default")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--methods", default=",".join(DEFAULT), help=f"of {','.join(METHODS)}")
    parser.add_argument("--steps", type=int, help="of the autoencoders, each set's own by default")
    parser.add_argument("--samples", type=int, help="each set's own by default")
    parser.add_argument("--ica", default="", help="parameters of OvercompleteICA: name=value,...")
    parser.add_argument("--quick", action="store_true", help="one small set, one seed, few steps")
    options = parser.parse_args(arguments)
    if options.quick:
        options.sets, options.widths, options.seeds = options.sets or "hierarchy", "24", 1
        options.samples, options.steps = options.samples or 3000, options.steps or 100
        options.ica = options.ica or "max_iter=20"
    unknown = [name for name in options.methods.split(",") if name not in METHODS]
    if unknown:
        parser.error(f"unknown methods {unknown}, expected some of {list(METHODS)}")
    return options


def warm_up(methods):
    """Run every method on a few samples, so that what is imported at first use is not timed."""
    pair = SETS["hierarchy"].draw(0, 100, 600)
    task = Task(*pair, 24, 20, 0, {"max_iter": 3, "n_restarts": 1})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for method in methods:
            list(METHODS[method](task))


def main():
    """Print the table."""
    options = options_of()
    methods = options.methods.split(",")
    names = options.sets.split(",") if options.sets else list(SETS)
    if not _saelens.installed():
        print("SAELens is not installed: our set and our methods alone")
        methods = [method for method in methods if not method.startswith("saelens")]
        names = [name for name in names if name == "hierarchy"]
    warm_up(methods)
    header()
    for name in names:
        given = SETS[name]
        drawn = [given.draw(seed, N_TEST, options.samples) for seed in range(options.seeds)]
        for width in map(int, options.widths.split(",")) if options.widths else given.widths:
            tasks = [
                Task(*pair, width, options.steps or given.n_steps, seed, settings(options.ica))
                for seed, pair in enumerate(drawn)
            ]
            cell(tasks, name, methods)


if __name__ == "__main__":
    main()
