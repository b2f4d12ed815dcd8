"""Separation of rooms: SDR of overica beside pyroomacoustics' methods, in its simulated rooms.

    python benchmarks/rooms.py [--cases 2x2,3x3,3x2,2x3] [--echoes .15,.3] [--seeds 6] [--seconds 8] [--talkers FOLDER]
                               [--noise 30,20,10] [--peers all|documented|none] [--quick]

Rooms are pyroomacoustics' shoe boxes of 5 to 7 by 4 to 6 by 2.5 to 3.2 m, whose reverberation time is given in seconds
(t60). Two microphones, or three in a triangle, are so far apart that sound along them comes 1 to 5 frames later (4 to
21 cm at 8 kHz, the rate of the package's own talkers); talkers are .9 to 1.5 m away on one side of them, at least 40
degrees apart, and equally loud at the microphones. A case is talkers x microphones, every seed another room, other
places and other stretches of talk.

Noise is white, independent at the microphones, and so many decibels below the mixture; of no image.

SDR of images: decibels of what all microphones hear of a source over what an estimate differs from it, mean over the
sources in the best order; nothing is forgiven, neither gain nor filter. After it the standard deviation over rooms. SIR
is in parentheses. Every method is given the number of sources; images of the demixing methods are by the inverse of
their matrices, or the projection of the channels onto each source where there are fewer sources than channels.

    overica     --method convolutive
    gaussian    the instantaneous method, beside it
    AuxIVA, ILRMA, FastMNMF, FastMNMF2
                of pyroomacoustics as its example has them: windows of .128 s moved by half, 30 rounds, and 2 spectra a
                source for ILRMA; 8, the default, for the others
    ... long    the same with windows of .256 s moved by a quarter and 100 rounds
    binary      ideal binary mask: to every coefficient the source that is loudest there, which nobody knows
    Wiener      posterior means under the likeliest variances and covariances of the true images, windows of .128 s
    mixture     a share of the mixture as every estimate: chance
    warned      of how many rooms an instantaneous method says that they are none
    sure        of how many it says, all the same, that it is sure how many talk
"""

import argparse
import importlib.metadata
import os
import sys
import time
import warnings

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402  (thread counts are read at import)

import overica  # noqa: E402
from overica.datasets import load_talkers  # noqa: E402
from overica.separation import (  # noqa: E402
    SeparationWarning,
    Transform,
    evaluate_separation,
    separate,
)
from overica.separation.rooms.convolutive import measured  # noqa: E402
from overica.separation.rooms.full_rank import images  # noqa: E402

SOUND = 343.0
APART, SPAN = np.radians(40), np.radians(140)
# Rounds, the window in seconds, and the windows over a frame.
DOCUMENTED = 30, 0.128, 2
LONG = 100, 0.256, 4


def simulate(seed, n_sources, n_channels, t60, seconds, folder=None):
    """Images (n_sources, n_frames, n_channels) of talkers in a room, of unit power each; frames per second."""
    import pyroomacoustics as pra

    rng = np.random.default_rng([n_sources, n_channels, seed])
    talkers = load_talkers(folder)
    rate, n_frames = talkers.sample_rate, round(seconds * talkers.sample_rate)
    who = rng.permutation(len(talkers.names))[:n_sources]
    starts = rng.integers(0, talkers.signals.shape[1] - n_frames, n_sources)
    size = np.array([rng.uniform(5, 7), rng.uniform(4, 6), rng.uniform(2.5, 3.2)])
    absorption, order = pra.inverse_sabine(t60, size)
    room = pra.ShoeBox(
        size, fs=int(rate), materials=pra.Material(absorption), max_order=order
    )  # fmt: skip
    middle = size / 2 + rng.uniform(-0.4, 0.4, 3) * [1, 1, 0.3]
    spacing = rng.uniform(1, 5) * SOUND / rate
    turn = rng.uniform(0, 2 * np.pi)
    # Two opposite each other, or the corners of a regular polygon of that side.
    corners = np.pi + 2 * np.pi * np.arange(n_channels) / n_channels
    radius = spacing / (2 * np.sin(np.pi / n_channels))
    around = turn + corners
    microphones = radius * np.stack([np.cos(around), np.sin(around), 0 * around])
    room.add_microphone_array(middle[:, None] + microphones)
    free = np.sort(rng.uniform(0, SPAN - APART * (n_sources - 1), n_sources))
    angles = turn + np.radians(20) + free + APART * np.arange(n_sources)
    for angle, distance, voice, start in zip(
        angles, rng.uniform(0.9, 1.5, n_sources), who, starts, strict=True
    ):
        place = [distance * np.cos(angle), distance * np.sin(angle), rng.uniform(-0.1, 0.1)]
        signal = talkers.signals[voice, start : start + n_frames]
        room.add_source(middle + place, signal=signal)
    found = room.simulate(return_premix=True)[:, :, :n_frames].transpose(0, 2, 1)
    return found / found.std(axis=(1, 2), keepdims=True), rate


def noise_of(x, decibels, seed):
    """White noise of every microphone, so many decibels below the mixture x; none if infinitely many."""
    rng = np.random.default_rng([7, seed])
    return 10 ** (-decibels / 20) * x.std() * rng.standard_normal(x.shape)


def ours(x, rate, n_sources, seed):
    """`separate` with the method of rooms."""
    return separate(x, rate, n_sources, method="convolutive", random_state=seed).images


def instantaneous(x, rate, n_sources, seed):
    """`separate` with its default method."""
    return separate(x, rate, n_sources, random_state=seed).images


def demixing(name, setting, **arguments):
    """AuxIVA or ILRMA, as images."""

    def method(x, rate, n_sources, seed):
        import pyroomacoustics as pra

        if n_sources > x.shape[1] or (name == "ilrma" and n_sources < x.shape[1]):
            return None
        n_iter, transform = setting[0], Transform(rate, *setting[1:])
        X = np.ascontiguousarray(transform.forward(x).transpose(2, 1, 0))
        # ILRMA starts from NumPy's global generator.
        np.random.seed(seed)  # noqa: NPY002
        more = {"n_src": n_sources} if name == "auxiva" else {}
        run = getattr(pra.bss, name)
        Y, W = run(X, proj_back=False, return_filters=True, n_iter=n_iter, **more, **arguments)
        if n_sources == x.shape[1]:
            C = np.einsum("fcj,tfj->jcft", np.linalg.inv(W), Y)
        else:
            gains = np.einsum("tfc,tfj->fcj", X, Y.conj()) / (np.abs(Y) ** 2).sum(axis=0)[:, None]
            C = np.einsum("fcj,tfj->jcft", gains, Y)
        return np.stack([transform.inverse(np.ascontiguousarray(each), len(x)) for each in C])

    return method


def factorised(name, setting):
    """FastMNMF or FastMNMF2, as images."""

    def method(x, rate, n_sources, seed):
        import pyroomacoustics as pra

        n_iter, transform = setting[0], Transform(rate, *setting[1:])
        X = np.ascontiguousarray(transform.forward(x).transpose(2, 1, 0))
        np.random.seed(seed)  # noqa: NPY002
        Y = getattr(pra.bss, name)(X, n_src=n_sources, mic_index="all", n_iter=n_iter)
        C = np.ascontiguousarray(Y.transpose(3, 0, 2, 1))
        return np.stack([transform.inverse(each, len(x)) for each in C])

    return method


def ideal_mask(truth, noise, rate):
    """To every coefficient the source that is loudest there."""
    transform = Transform(rate)
    powers = np.stack([(np.abs(transform.forward(image)) ** 2).sum(axis=0) for image in truth])
    Z = transform.forward(truth.sum(axis=0) + noise)
    masks = powers == powers.max(axis=0)
    return np.stack([transform.inverse(mask * Z, truth.shape[1]) for mask in masks])


def wiener(truth, noise, rate):
    """Posterior means under the likeliest variances and covariances of the true images, and the noise's variance."""
    transform = Transform(rate)
    C = np.stack([transform.forward(image) for image in truth])
    powers, R = measured(C)
    for _ in range(3):
        # Of an image that is known, v = c' R^-1 c / m, and R the mean of c c' / v.
        x = C.transpose(0, 2, 1, 3)
        powers = (x.conj() * (np.linalg.inv(R) @ x)).real.mean(axis=2) + 1e-9
        scaled = x / np.sqrt(powers)[:, :, None]
        R = scaled @ scaled.conj().swapaxes(-1, -2) / x.shape[-1] + 1e-9 * np.eye(x.shape[2])
    E = transform.forward(noise)
    left = np.mean(np.abs(E) ** 2, axis=(1, 2), keepdims=True) + 1e-9
    means = images(C.sum(axis=0) + E, R, powers, left)
    return np.stack([transform.inverse(each, truth.shape[1]) for each in means])


def share(truth, noise, rate):
    """The mixture, by the number of sources; a little noise makes the estimates differ."""
    little = np.random.default_rng(0).standard_normal(truth.shape)
    return (truth.sum(axis=0) + noise) / len(truth) + 1e-4 * little


PEERS = {
    "AuxIVA": demixing("auxiva", DOCUMENTED),
    "ILRMA": demixing("ilrma", DOCUMENTED, n_components=2),
    "FastMNMF": factorised("fastmnmf", DOCUMENTED),
    "FastMNMF2": factorised("fastmnmf2", DOCUMENTED),
}
PATIENT = {
    "AuxIVA long": demixing("auxiva", LONG),
    "ILRMA long": demixing("ilrma", LONG, n_components=2),
    "FastMNMF long": factorised("fastmnmf", LONG),
    "FastMNMF2 long": factorised("fastmnmf2", LONG),
}
BLIND = {"overica": ours, "gaussian": instantaneous}
CHOICES = {"all": PEERS | PATIENT, "documented": PEERS, "none": {}}
ORACLES = {"binary": ideal_mask, "Wiener": wiener, "mixture": share}


def figures(truth, estimates):
    """SDR and SIR, means over the sources."""
    scores = evaluate_separation(truth, estimates).mean()
    return scores["sdr"], scores["sir"]


def case(n_sources, n_channels, t60, decibels, arguments):
    """A block of the table."""
    blind = BLIND | CHOICES[arguments.peers]
    found = {name: [] for name in (*blind, *ORACLES)}
    seconds = dict.fromkeys(blind, 0.0)
    warned = sure = 0
    for seed in range(arguments.seeds):
        truth, rate = simulate(
            seed, n_sources, n_channels, t60, arguments.seconds, arguments.talkers
        )  # fmt: skip
        noise = noise_of(truth.sum(axis=0), decibels, seed)
        x = truth.sum(axis=0) + noise
        for name, method in blind.items():
            begun = time.process_time()
            estimates = method(x, rate, n_sources, seed)
            seconds[name] += (time.process_time() - begun) / arguments.seeds
            if estimates is not None:
                found[name].append(figures(truth, estimates))
        for name, oracle in ORACLES.items():
            found[name].append(figures(truth, oracle(truth, noise, rate)))
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", SeparationWarning)
            counted = separate(x, rate, "auto", method="binary", random_state=seed)
        warned += any("convolutive" in str(each.message) for each in told)
        sure += counted.sure
        print(
            f"{n_sources}x{n_channels} {t60:g} s, room {seed}: "
            + ", ".join(f"{name} {each[-1][0]:.2f}" for name, each in found.items() if each),
            file=sys.stderr, flush=True,
        )  # fmt: skip
    print(
        f"\n{n_sources} talkers, {n_channels} microphones, t60 {t60:g} s, noise {decibels:g} dB below, "
        f"{arguments.seeds} rooms"
    )
    for name, each in found.items():
        if not each:
            continue
        sdr, sir = np.array(each).T
        cost = f"{seconds[name]:>7.1f} CPU s" if name in seconds else ""
        print(f"  {name:<15} {sdr.mean():>6.2f} ± {sdr.std():<5.2f} ({sir.mean():>6.2f}){cost}")
    print(f"  warned {warned}/{arguments.seeds}, sure {sure}/{arguments.seeds}", flush=True)


def main():
    """Read the command line, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", default="2x2,3x3,3x2,2x3", help="talkers x microphones")
    parser.add_argument("--echoes", default=".15,.3", help="reverberation times, seconds")
    parser.add_argument("--noise", default="inf", help="decibels below the mixture")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--talkers", metavar="FOLDER", help="WAV files of one sample rate")
    parser.add_argument("--peers", choices=CHOICES, default="all")
    parser.add_argument("--quick", action="store_true", help="one room of 3 s")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.cases, arguments.echoes, arguments.seeds = "3x2", ".15", 1
        arguments.seconds, arguments.peers = 3.0, "documented"
    try:
        version = importlib.metadata.version("pyroomacoustics")
    except importlib.metadata.PackageNotFoundError:
        print('rooms are simulated by pyroomacoustics: pip install -e ".[bench]"')
        return
    warnings.simplefilter("ignore", SeparationWarning)
    print(f"overica {overica.__version__}, pyroomacoustics {version}, NumPy {np.__version__}")
    print("SDR of images ± spread (SIR), dB")
    for pair in arguments.cases.split(","):
        n_sources, n_channels = map(int, pair.split("x"))
        for t60 in map(float, arguments.echoes.split(",")):
            for decibels in map(float, arguments.noise.split(",")):
                case(n_sources, n_channels, t60, decibels, arguments)


if __name__ == "__main__":
    main()
