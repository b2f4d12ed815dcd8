r"""
Four talkers, two microphones
=============================

For those who have a recording with more voices or instruments than channels: from the file to the separated sources,
how many there are, how good they are, and when this is the wrong tool.

A recording
-----------

Four people talk at once, on two channels; the voices ship with the package. Every voice reaches both channels at the
same moment, with a strength of its own, as a mixing desk pans it or two coincident microphones hear it: :math:`x(t) = A
s(t)`, with a column of :math:`A` per voice.
"""

import matplotlib.pyplot as plt
import numpy as np
import soundfile

from overica.datasets import make_talkers
from overica.separation import evaluate_separation, separate

talkers = make_talkers(4, n_seconds=8, random_state=1)
soundfile.write("mix.wav", 0.1 * talkers.x, int(talkers.sample_rate), subtype="FLOAT")
print(talkers.names, talkers.x.shape, "at", talkers.sample_rate, "Hz")

# %%
# What gives the voices away
# --------------------------
#
# In time all four overlap. In short windows and narrow bands voices are sparse: often one of them
# alone is loud, and then the two channels have the ratio of its column. The angles of the loudest
# coefficients show four heaps.

from overica.separation import Transform

Z = Transform(talkers.sample_rate).forward(talkers.x)
power = (np.abs(Z) ** 2).sum(axis=0)
loud = power > np.quantile(power, 0.97)
angles = np.degrees(np.arctan2((Z[0] * Z[1].conj()).real[loud], (np.abs(Z[0]) ** 2)[loud])) % 180
figure, ax = plt.subplots(figsize=(8, 3), layout="constrained")
ax.hist(angles, 180, range=(0, 180), color="#0072B2")
for a in talkers.mixing.T:
    ax.axvline(np.degrees(np.arctan2(a[1], a[0])) % 180, color="#E69F00", linestyle="--")
_ = ax.set(
    xlabel="angle between the channels, degrees",
    ylabel="coefficients",
    title="Dashed: the true directions",
)

# %%
# Separating
# ----------
#
# From the command line:
#
# .. code-block:: console
#
#    $ overica separate mix.wav --sources auto -o separated
#
# writes a sound per voice, the image of each in both channels, what is left, and ``listen.html``, a
# page with players. The same in Python:

x, rate = soundfile.read("mix.wav")
found = separate(x, rate, "auto", random_state=0)
print("sources:", found.count_in_words())

# %%
# The number comes from the evidence of the directions, and so does its probability; ``found.sure``
# is true from nine of ten. The directions themselves, beside the true ones in degrees:


def degrees(A):
    """Angles of the columns of a matrix with two rows, in order."""
    return np.sort(np.degrees(np.arctan2(A[1], A[0])) % 180).round(2)


print(degrees(found.mixing))
print(degrees(talkers.mixing))

# %%
# How good is it?
# ---------------
#
# Where the true voices are known, `evaluate_separation` finds the best pairing and gives the usual
# figures in decibels: the ratio of the signal to all that is wrong (SDR), to the other voices
# (SIR), and to artefacts (SAR). Beside it, what a plain mask reaches, which gives each coefficient
# to the nearest direction, and the mixture itself.

mask = separate(x, rate, found.n_sources, method="binary", random_state=0)
chance = np.repeat(x[:, :1], 4, axis=1) + 1e-6 * np.random.default_rng(0).standard_normal(
    (len(x), 4)
)
for name, sources in {"overica": found.sources, "mask": mask.sources, "mixture": chance}.items():
    scores = evaluate_separation(talkers.sources, sources)
    print(
        f"{name:>8}: SDR {np.mean(scores.sdr):5.1f} dB, SIR {np.mean(scores.sir):5.1f}, SAR {np.mean(scores.sar):5.1f}"
    )

# %%
# Nothing is lost
# ---------------
#
# What each source adds to every channel, and what all of them leave, sum to the recording:

left = found.residual(x)
print(np.allclose(found.images.sum(axis=0) + left, x, atol=1e-6))

# %%
# One voice, before and after:

figure, axes = plt.subplots(2, 1, figsize=(8, 4), sharex=True, layout="constrained")
for ax, signal, title in zip(
    axes,
    [x[:, 0], found.sources[:, 0]],
    ["first channel of the recording", "first source"],
    strict=True,
):
    ax.specgram(signal, NFFT=256, Fs=rate, noverlap=192, vmin=-130)
    ax.set(title=title, ylabel="Hz")
_ = axes[-1].set(xlabel="seconds")

# %%
# When it is the wrong tool
# -------------------------
#
# Two microphones that stand apart hear each voice at two moments, and a room adds echoes. Then no
# real column describes a voice, and a warning says so: here each voice reaches the second
# microphone half a millisecond later than the one before it.

import warnings

late = talkers.x.copy()
late[:, 1] = sum(
    a * np.roll(s, 4 * j)
    for j, (a, s) in enumerate(zip(talkers.mixing[1], talkers.sources.T, strict=True))
)
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    separate(late, rate, 4, method="binary", random_state=0)
for warning in said:
    print(warning.message)

# %%
# For a room there is ``method="convolutive"`` (``overica separate room.wav --method convolutive
# --sources 3``): every frequency has a mixing of its own, and what comes back are the voices as
# each microphone heard them. It must be told how many there are, and rooms are harder than desks:
# :doc:`/measured/separation` says by how much.
