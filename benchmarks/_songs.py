"""Pieces that everybody knows, arranged for some instruments, and mixed.

Parts share beats, chords and partials, which is what makes music harder than talkers: notes begin together, and their
partials coincide.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from _instruments import Note, play

from overica.separation.mixture_sets import PANNINGS, Drawn

STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
KINDS = {"": (0, 4, 7), "m": (0, 3, 7), "7": (0, 4, 10)}


@dataclass(frozen=True)
class Piece:
    """A tune over chords that come again; both are given as they are written."""

    tune: str
    """``pitch:beats``, with the octave in scientific notation."""
    chords: str
    """``chord:beats``."""
    tempo: float
    """Beats a minute."""


PIECES = {
    # Pachelbel, Canon in D (about 1690): the ground, and over it the first two variations.
    "canon": Piece(
        "F#5:2 E5:2 D5:2 C#5:2 B4:2 A4:2 B4:2 C#5:2 "
        "D5:1 F#5:1 A5:1 G5:1 F#5:1 D5:1 F#5:1 E5:1 D5:1 B4:1 D5:1 A4:1 G4:1 B4:1 A4:1 G4:1",
        "D:2 A:2 Bm:2 F#m:2 G:2 D:2 G:2 A:2",
        96,
    ),
    # Beethoven, Symphony No. 9 (1824).
    "joy": Piece(
        "F#4:1 F#4:1 G4:1 A4:1 A4:1 G4:1 F#4:1 E4:1 D4:1 D4:1 E4:1 F#4:1 F#4:1.5 E4:.5 E4:2 "
        "F#4:1 F#4:1 G4:1 A4:1 A4:1 G4:1 F#4:1 E4:1 D4:1 D4:1 E4:1 F#4:1 E4:1.5 D4:.5 D4:2",
        "D:4 A:4 D:4 A:4 D:4 A:4 D:4 A:2 D:2",
        112,
    ),
    # Greensleeves, traditional (1580), in six.
    "greensleeves": Piece(
        "C5:2 D5:1 E5:1.5 F5:.5 E5:1 D5:2 B4:1 G4:1.5 A4:.5 B4:1 C5:2 A4:1 A4:1.5 G#4:.5 A4:1 B4:2 G#4:1 E4:2 A4:1",
        "Am:6 G:6 Am:6 E:6",
        130,
    ),
}


def placed(text: str, beat: float) -> list[tuple[str, float, float]]:
    """What is written, with the seconds at which it begins and which it lasts."""
    names, beats = zip(*(each.split(":") for each in text.split()), strict=True)
    seconds = beat * np.array(beats, float)
    return list(zip(names, np.cumsum(seconds) - seconds, seconds, strict=True))


def length(text: str) -> float:
    """In beats."""
    return sum(seconds for _, _, seconds in placed(text, 1.0))


def tune(piece: Piece, beat: float, transpose: int) -> list[Note]:
    """The melody."""
    return [
        Note(STEPS[name[0]] + ("#" in name) + 12 * (int(name[-1]) + 1) + transpose, start, seconds)
        for name, start, seconds in placed(piece.tune, beat)
    ]


def chords_of(
    piece: Piece, beat: float, transpose: int
) -> list[tuple[int, tuple[int, ...], float, float]]:
    """Root as a MIDI number of the third octave, what lies above it, start and length in seconds."""
    found = []
    for name, start, seconds in placed(piece.chords, beat):
        sharp = name[1:2] == "#"
        root = 48 + (STEPS[name[0]] + sharp + transpose) % 12
        found.append((root, KINDS[name[1 + sharp :]], start, seconds))
    return found


def descant(piece: Piece, beat: float, transpose: int) -> list[Note]:
    """Chord tones above the melody, one every other beat."""
    return [
        Note(root + 24 + kind[k % 3], start + 2 * k * beat, 2 * beat)
        for root, kind, start, seconds in chords_of(piece, beat, transpose)
        for k in range(round(seconds / beat / 2))
    ]


def arpeggio(piece: Piece, beat: float, transpose: int) -> list[Note]:
    """Chords, struck with all strings on their first beat, then broken in half beats."""
    notes = []
    for root, kind, start, seconds in chords_of(piece, beat, transpose):
        notes += [Note(root + k, start + 0.02 * j, seconds, 0.7) for j, k in enumerate(kind)]
        steps = (*kind, 12, *kind[::-1])
        for k in range(1, round(2 * seconds / beat)):
            notes.append(Note(root + steps[k % len(steps)], start + k * beat / 2, beat / 2))
    return notes


def ground(piece: Piece, beat: float, transpose: int) -> list[Note]:
    """Roots and fifths, one a beat."""
    return [
        Note(root - 12 + (7 if k % 4 == 2 else 0), start + k * beat, beat)
        for root, _, start, seconds in chords_of(piece, beat, transpose)
        for k in range(round(seconds / beat))
    ]


def beats(piece: Piece, beat: float, transpose: int) -> list[Note]:
    """Kick and snare in turn, hats in half beats."""
    n = round(length(piece.chords))
    hats = [Note(42, k * beat / 2, beat / 2, 0.6 + 0.4 * (k % 2)) for k in range(2 * n)]
    return hats + [Note(36 if k % 2 == 0 else 38, k * beat, beat) for k in range(n)]


PARTS: dict[str, Callable[[Piece, float, int], list[Note]]] = {
    "violin": tune, "clarinet": tune, "bells": descant, "guitar": arpeggio, "bass": ground, "drums": beats,
}  # fmt: skip
BANDS = {
    3: ("violin guitar drums", "bells guitar bass", "clarinet guitar bells", "violin bells drums"),
    4: ("violin guitar bass drums", "clarinet bells guitar drums", "violin bells guitar bass"),
}


def music(
    seed: int,
    n_instruments: int = 3,
    *,
    panning: str = "pan pot",
    rate: float = 16_000.0,
    n_seconds: float = 20.0,
) -> Drawn:
    """A band plays a piece in a key and at a tempo of its own; parts are of equal power, and panned."""
    rng = np.random.default_rng(seed)
    name = list(PIECES)[seed % len(PIECES)]
    piece, band = PIECES[name], BANDS[n_instruments][seed % len(BANDS[n_instruments])].split()
    beat, transpose = 60 / piece.tempo * rng.uniform(0.9, 1.1), int(rng.integers(-4, 4))
    parts = []
    for instrument in band:
        part = PARTS[instrument]
        once = part(piece, beat, transpose)
        around = beat * length(piece.tune if part is tune else piece.chords)
        notes = [
            replace(
                each,
                start=each.start + k * around + rng.uniform(0, 0.01),
                loudness=each.loudness * rng.uniform(0.8, 1.2),
            )
            for k in range(int(n_seconds / around) + 1)
            for each in once
        ]
        parts.append(play(instrument, notes, round(n_seconds * rate), rate, rng))
    sources = np.stack(parts, axis=1)
    A = PANNINGS[panning](n_instruments, rng)
    return Drawn(
        sources @ A.T, sources, A, rate, tuple(f"{part}, {name}" for part in band), seed=seed
    )
