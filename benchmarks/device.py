"""Learning on one GPU: tokens a second, share of the matrix units' peak, certified gaps; beside SAELens's BatchTopK.

    python benchmarks/device.py [--device cuda|cpu] [--small] [--parts codes,ica,sae,first_order] [--sizes 768x16384]

At each size, on the same samples: exact codes under the dictionary that made them ("codes"); steps of
``OvercompleteICA(n, device=...).fit`` from that dictionary and as much noise, at its penalty, timed by its callback,
with every gap of every step ("ica"); steps of SAELens's own trainer on its BatchTopK, in TensorFloat-32 and in bfloat16
autocast, at as many active features a token as the codes have and the same batch ("sae"); FISTA on a few of the tokens
("first_order"). Gaps are relative to
the objective, "certified" the share of samples at 1e-5 or less; of an autoencoder's codes they are measured on its own
decoder, at the penalty at which exact codes have as many active features.

Samples are made on the device: sources fire independently at rates that fall by a power law, are exponential where
they fire, and are mixed by random columns whose power falls over the features as ``k^-0.8``, like the spectrum of a
residual stream; a tenth of the power is Gaussian noise of the same spectrum.

Operations are counted, not read off the device: products alone, two for a multiplication and an addition. Shares are of
the dense TensorFloat-32 peak that the vendor states, where it is known here, and of what a product of 8192 x 8192
matrices reaches. What "floor" says is the time that operations and bytes would take at the stated peaks, whichever is
longer; it is printed where there is no GPU too. Every line appears when it is known; a part that fails prints its
traceback, and the next begins. The autoencoder is SAELens's; where its package is missing the part says so.
"""

import argparse
import os
import signal
import sys
import time
import traceback
import warnings
from contextlib import contextmanager

import _saelens
import numpy as np
import torch

from overica import OvercompleteICA
from overica.backend import products
from overica.inference import MAPProblem, block_pivoting, solve
from overica.inference import certified_supports as search
from overica.inference.certified_supports import certified_supports
from overica.learning import tensor_posterior

SIZES = {"768x16384": (768, 16_384, 16_384), "2304x16384": (2304, 16_384, 16_384)}
"""Features, components, tokens of a batch."""
SMALL = {"64x512": (64, 512, 512)}
N_ACTIVE = 50
PEAKS = {
    "H100": (494.7e12, 66.9e12, 3.35e12),
    "H200": (494.7e12, 66.9e12, 4.8e12),
    "A100": (156e12, 19.5e12, 2.0e12),
}
"""Data sheets: dense TF32 units and float32 outside them, operations a second; memory, bytes a second."""
TOL = 1e-5
SECONDS = {"ceilings": 15, "codes": 40, "ica": 60, "sae": 40, "first_order": 30, "paper": 60}
"""Longest time of a part."""


class Enough(Exception):
    """Ends a fit from its callback."""


def say(text):
    """A line, at once."""
    print(text, flush=True)


@contextmanager
def part(name, device):
    """A part that may fail, and may not take for ever."""

    def late(*_):
        raise TimeoutError(f"more than {SECONDS[name]} s")

    signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS[name])
    try:
        yield
    except Enough:
        pass
    except (torch.OutOfMemoryError, MemoryError) as error:
        say(
            f"{name}: out of memory, lower --tokens (`batch_size` of an estimator): {str(error)[:200]}"
        )
    except Exception:
        say(f"{name}: failed\n{traceback.format_exc()}")
    finally:
        signal.alarm(0)
        if device.type == "cuda":
            torch.cuda.empty_cache()


def finished(device):
    """The time, once the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


class Data:
    """Samples on the device, and what made them."""

    def __init__(self, m, n, n_tokens, device):
        draw = torch.Generator(device).manual_seed(0)

        def normal(*shape):
            return torch.randn(shape, generator=draw, device=device)

        def uniform(*shape):
            return torch.rand(shape, generator=draw, device=device)

        spectrum = torch.arange(1, m + 1, device=device) ** -0.4
        A = normal(m, n) * spectrum[:, None]
        self.A = A / torch.linalg.vector_norm(A, dim=0)
        rates = torch.arange(1, n + 1, device=device) ** -0.6
        rates = (rates * N_ACTIVE / rates.sum()).clamp(max=0.5)
        parts = []
        for start in range(0, n_tokens, 4096):
            size = min(4096, n_tokens - start)
            S = torch.where(uniform(size, n) < rates, -torch.log1p(-uniform(size, n)), 0.0)
            clean = S @ self.A.T
            noise = normal(size, m) * spectrum
            parts.append(clean + noise * (0.1 * clean.square().sum() / noise.square().sum()).sqrt())
        self.X = torch.cat(parts)


def penalty_for(A, X, n_active):
    """At which exact codes have so many active features, about: from above, since below they are dear."""

    def active(penalty):
        problem = MAPProblem(A, X, "exponential", penalty)
        return float(certified_supports(problem, None, 1e-4, 1000).real.sum()) / len(X)

    high = float((X @ A).max())
    while active(0.7 * high) < n_active:
        high *= 0.7
    low = 0.7 * high
    for _ in range(4):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if active(middle) > n_active else (low, middle)
    return (low * high) ** 0.5


class Counts:
    """What a search did, per sample: pivots are counted where they are taken."""

    def __enter__(self):
        self.pivots, self.flops, self._solve = 0, 0.0, block_pivoting._solve

        def counted(G, right, on):
            self.pivots += len(on)
            return self._solve(G, right, on)

        block_pivoting._solve = counted
        return self

    def __exit__(self, *_):
        block_pivoting._solve = self._solve


class Left:
    """How many samples of searches went to FISTA."""

    def __enter__(self):
        self.samples, self._iterate = 0, search.iterate

        def counted(problem, *arguments):
            self.samples += problem.n_samples
            return self._iterate(problem, *arguments)

        search.iterate = counted
        return self

    def __exit__(self, *_):
        search.iterate = self._iterate


def operations(m, n, rounds, active, pivots):
    """Per sample, of a look, working sets and all of a step: rounds looks, and one more for the certificate."""
    width = active + 24
    looks = 2 * m * n * (rounds + 1)
    grams = (rounds + 1) * 2 * m * width**2 + pivots * width**3 / 3
    moments = 4 * m * active**2 + active**3 + 4 * m * active
    return looks, grams, moments


def traffic(m, n, rounds, active, pivots):
    """Bytes per sample that have to move: correlations, columns of working sets, their Gram matrices."""
    width = active + 24
    correlations = (rounds + 1) * 3 * 4 * n
    columns = rounds * 3 * 4 * m * width + (4 + 5 * 8) * m * active
    return correlations + columns + pivots * 6 * 4 * width**2 + 6 * 4 * m * active


def floor(m, n, rounds, active, pivots, peak):
    """Seconds per sample at the stated peaks: looks in TF32, the rest and one look in float32, or bytes."""
    tensor, plain, memory = peak
    looks, grams, moments = operations(m, n, rounds, active, pivots)
    one = looks / (rounds + 1)
    return max(
        (looks - one) / tensor + (one + grams + moments) / plain,
        traffic(m, n, rounds, active, pivots) / memory,
    )


def sae_operations(m, n):
    """Of a training step of a dense autoencoder, per token: forward twice, backward three times ``2 m n``."""
    return 10 * m * n


def peak_of(device):
    """The vendor's peaks of this device, or None."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    return next((peak for key, peak in PEAKS.items() if key in name), None)


def ceilings(device, small):
    """What products of large matrices reach, in operations a second, and a copy."""
    size = 512 if small else 8192
    A, B = (torch.randn(size, size, device=device) for _ in range(2))
    reached = {}
    for name, rough, dtype in (
        ("float32", False, None),
        ("TF32", True, None),
        ("bfloat16", False, torch.bfloat16),
    ):
        X, Y = (A, B) if dtype is None else (A.to(dtype), B.to(dtype))
        with products(A, rough=rough):
            X @ Y
            start, repeats = finished(device), 2 if small else 10
            for _ in range(repeats):
                X @ Y
            reached[name] = repeats * 2 * size**3 / (finished(device) - start)
    say(
        "ceilings   "
        + "   ".join(f"{name} {rate / 1e12:.2f}" for name, rate in reached.items())
        + " Tflop/s"
    )
    return reached


def shares(rate, flops, device, reached):
    """How much of the peaks so many tokens a second use."""
    used, peak = rate * flops, peak_of(device)
    text = "" if peak is None else f"   {100 * used / peak[0]:.1f} % of the stated TF32 peak"
    return text + (
        f"   {100 * used / reached['TF32']:.1f} % of the TF32 product measured" if reached else ""
    )


def certified(relative):
    """The share of relative gaps within the tolerance."""
    return f"{100 * float((relative <= TOL).double().mean()):.2f} %"


def gaps(gap, objective):
    """Worst relative gap, and share certified."""
    relative = (gap / objective).nan_to_num(nan=torch.inf)
    return f"worst gap {float(relative.max()):.1e}, certified {certified(relative)}"


def codes(data, penalty, size, device, reached):
    """Exact codes of a batch under the dictionary that made it."""
    m, n, n_tokens = size
    problem = MAPProblem(data.A, data.X[:n_tokens], "exponential", penalty)
    # Once before, in memory that is then there.
    certified_supports(problem, None, TOL, 1000)
    with Counts() as counts, Left() as left:
        start = finished(device)
        found = certified_supports(problem, None, TOL, 1000)
        seconds = finished(device) - start
    rounds, active = float(found.n_rounds.double().mean()), float(found.real.sum()) / n_tokens
    pivots, rate = counts.pivots / n_tokens, n_tokens / seconds
    say(
        f"codes      {rate:10.0f} tokens/s   L0 {active:.1f}   looks {rounds + 1:.1f}"
        f" (most {int(found.n_rounds.max()) + 1})   pivots {pivots:.1f}   {gaps(found.gap, found.objective)}"
        f"   left to FISTA {left.samples}"
        + shares(rate, sum(operations(m, n, rounds, active, pivots)[:2]), device, reached)
    )
    peak = peak_of(device)
    if peak is not None:
        say(
            f"           floor {1 / floor(m, n, rounds, active, pivots, peak):10.0f} tokens/s at the stated peaks"
        )
    return rounds, active, pivots


def replace_samples(problem, n_samples):
    """The problem of the first samples."""
    return MAPProblem(problem.mixing, problem.X[:n_samples], problem.prior, problem.noise_variance)


def ica(data, penalty, size, device, reached, n_steps, counted):
    """Steps of a fit by the public estimator, timed between its callbacks."""
    m, n, n_tokens = size
    times, rows, seen = [], [], []
    inner = tensor_posterior.certified_supports

    def watched(*arguments):
        found = inner(*arguments)
        seen.append((found.gap, found.objective, found.n_rounds.double().mean()))
        return found

    def callback(row):
        times.append(finished(device))
        rows.append(row)
        if len(times) > n_steps:
            raise Enough

    X, A = data.X.cpu().numpy(), data.A.cpu().numpy()
    # In the model's units, where the samples' entries have unit size, and times the root of the features.
    level = penalty / float(data.X.square().mean().sqrt()) / m**0.5
    disturbed = A + np.random.default_rng(0).standard_normal(A.shape, np.float32) / m**0.5
    ica = OvercompleteICA(
        n, prior="exponential", init=disturbed, annealing=(1.01 * level, level), whiten=False, hierarchy=False,
        batch_size=n_tokens, max_iter=300,
        device="cpu:0" if device.type == "cpu" else str(device), random_state=0, callback=callback,
    )  # fmt: skip
    tensor_posterior.certified_supports = watched
    start = time.perf_counter()
    try:
        with Left() as left:
            ica.fit(X)
    except Enough:
        pass
    finally:
        tensor_posterior.certified_supports = inner
    seconds = np.diff(times)
    rate = n_tokens / float(np.median(seconds))
    active = float(np.median([row["n_active"] for row in rows[1:]]))
    gap, objective = (torch.cat([found[i] for found in seen]) for i in (0, 1))
    rounds = float(torch.stack([found[2] for found in seen[1:]]).mean())
    pivots = counted[2] if counted else 13
    say(
        f"ica fit    {rate:10.0f} tokens/s   {1e3 * float(np.median(seconds)):.0f} ms a step of {n_tokens}"
        f" (first {times[0] - start:.1f} s)   L0 {active:.1f}   looks {rounds + 1:.1f}   {gaps(gap, objective)}"
        f"   left to FISTA {left.samples} of {len(gap)}"
        + shares(rate, sum(operations(m, n, rounds, active, pivots)), device, reached)
    )
    memory = (
        torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else float("nan")
    )
    say(f"           {len(seconds)} steps, unexplained {rows[0]['unexplained']:.3f} to {rows[-1]['unexplained']:.3f},"
        f" memory {memory:.1f} GiB")  # fmt: skip


def sae(data, size, device, reached, n_steps, active):
    """Steps of SAELens's trainer on its BatchTopK."""
    m, n, n_tokens = size
    if not _saelens.installed():
        say("SAELens    is not installed: nothing to compare with")
        return
    for name, autocast in (("TF32", False), ("bf16", True)):
        with products(data.X, rough=True), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trainer = _saelens.batch_topk_trainer(
                data.X,
                n,
                active,
                n_steps=n_steps,
                batch_size=n_tokens,
                device=device,
                autocast=autocast,
            )
            for _ in range(3):
                trainer.step(data.X[:n_tokens])
            start = finished(device)
            for _ in range(n_steps):
                trainer.step(data.X[:n_tokens])
            seconds = (finished(device) - start) / n_steps
        rate = n_tokens / seconds
        say(
            f"SAELens    {rate:10.0f} tokens/s   {1e3 * seconds:.0f} ms a step, BatchTopK, {name}, k {active:.0f}"
            + shares(rate, sae_operations(m, n), device, reached)
        )
    with torch.no_grad():
        X = trainer.activation_scaler(data.X[:512])
        W, b = trainer.sae.W_dec, trainer.sae.b_dec
        S = trainer.sae.encode(X).to_dense() * torch.linalg.vector_norm(W, dim=1)
        A = torch.nn.functional.normalize(W, dim=1).T
        penalty = penalty_for(A, (X - b)[:128], active)
        problem = MAPProblem(A, X - b, "exponential", penalty)
        relative = problem.duality_gap(S) / problem.objective(S)
    say(
        f"           codes of its encoder on its decoder: L0 {float((S > 0).sum()) / len(X):.1f},"
        f" median gap {float(relative.median()):.2f}, certified {certified(relative)}"
    )


def first_order(data, penalty, size, device, n_tokens):
    """FISTA on a few tokens."""
    problem = replace_samples(MAPProblem(data.A, data.X, "exponential", penalty), n_tokens)
    start = finished(device)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = solve(problem, "fista", tol=TOL, max_iter=2000)
    seconds = finished(device) - start
    say(f"FISTA      {n_tokens / seconds:10.0f} tokens/s of {n_tokens}, {found.n_iter} iterations of the slowest,"
        f" certified {100 * float(found.converged.double().mean()):.1f} %")  # fmt: skip


def paper(size, counted=(5.5, 50.0, 13.0)):
    """Operations and bytes at a size, and what an H100 would take for them at its stated peaks."""
    m, n, n_tokens = size
    rounds, active, pivots = counted
    looks, grams, moments = operations(m, n, rounds, active, pivots)
    moved, peak = traffic(m, n, rounds, active, pivots), PEAKS["H100"]
    ours = floor(m, n, rounds, active, pivots, peak)
    say(
        f"on paper   {m} -> {n}, L0 {active:.0f}, looks {rounds + 1:.1f}, pivots {pivots:.0f}: a token of ICA takes"
        f" {looks / 1e6:.0f} Mflop of looks, {grams / 1e6:.0f} of working sets, {moments / 1e6:.0f} of moments,"
        f" and moves {moved / 1e6:.1f} MB; at an H100's peaks {1 / ours:.0f} tokens/s"
    )
    theirs = sae_operations(m, n)
    bytes_ = 6 * 4 * n + 2 * m * n * 4 * 7 / n_tokens
    least = max(theirs / peak[0], bytes_ / peak[2])
    say(
        f"           a token of BatchTopK {theirs / 1e6:.0f} Mflop and {bytes_ / 1e6:.2f} MB, {1 / least:.0f} tokens/s:"
        f" {ours / least:.1f} times as many"
    )


def main():
    """Print the lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--small", "--quick", action="store_true", help="one small size, few steps")
    parser.add_argument("--sizes", default=None, help=f"comma-separated, of {', '.join(SIZES)}")
    parser.add_argument("--parts", default="codes,ica,sae,first_order", help="comma-separated")
    parser.add_argument("--tokens", type=int, default=None, help="of a batch")
    parser.add_argument("--steps", type=int, default=None)
    options = parser.parse_args()
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        parser.error("no CUDA device here: --device cpu --small runs everything at a small size")
    parts = options.parts.split(",")
    n_steps = options.steps or (3 if options.small else 15)
    sizes = SMALL if options.small else SIZES
    if options.sizes:
        sizes = {name: SIZES[name] for name in options.sizes.split(",")}
    name = (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"CPU, {os.cpu_count()} cores"
    )
    say(f"{name}, torch {torch.__version__}, python {sys.version.split()[0]}")
    reached = {}
    with part("ceilings", device):
        reached = ceilings(device, options.small) if "codes" in parts else {}
    for m, n, n_tokens in sizes.values():
        size = (m, n, options.tokens or n_tokens)
        say(f"{m} features, {n} components, {size[2]} tokens a batch")
        data = penalty = counted = None
        with part("codes", device):
            data = Data(m, n, max(4 * size[2], 2000), device)
            # A batch at a time of as many as a step has; the dictionary is the one that made them.
            active = N_ACTIVE if m > 256 else m // 8
            penalty = penalty_for(data.A, data.X[:256], active)
            if "codes" in parts:
                counted = codes(data, penalty, size, device, reached)
        if penalty is None:
            continue
        if "ica" in parts:
            with part("ica", device):
                ica(data, penalty, size, device, reached, n_steps, counted)
        if "sae" in parts:
            with part("sae", device):
                sae(data, size, device, reached, n_steps, active)
        if "first_order" in parts:
            with part("first_order", device):
                first_order(data, penalty, size, device, 64 if options.small else 1024)
    if device.type != "cuda":
        say("no CUDA device was used; at the sizes of a GPU:")
        for size in SIZES.values():
            paper(size)


if __name__ == "__main__":
    main()
