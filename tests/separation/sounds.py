"""Short synthetic recordings for the tests of files and commands."""

import numpy as np
import soundfile

RATE = 8000


def mixing(n_sources):
    angles = np.pi * (np.arange(n_sources) + 0.5) / n_sources
    return np.stack([np.cos(angles), np.sin(angles)])


def bursts(n_sources, seconds=1.5, rate=RATE, seed=0):
    """Noise that comes and goes, each source at its own times: (n_frames, n_sources), peak .2."""
    rng = np.random.default_rng(seed)
    n_frames = int(seconds * rate)
    stretch = rate // 20
    on = rng.random((-(-n_frames // stretch), n_sources)) < 0.3
    S = rng.laplace(size=(n_frames, n_sources)) * np.repeat(on, stretch, axis=0)[:n_frames]
    return 0.2 * S / np.abs(S).max()


def write(path, samples, rate=RATE, subtype="PCM_16", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype=subtype, **options)
    return path
