"""Pictures from a folder, as grey levels."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageOps

# Luminance of the primaries, Rec. ITU-R BT.709.
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
_SIXTEEN_BITS = ("I;16", "I;16B", "I;16L", "I")
_LEVELS_OF_SIXTEEN_BITS = 257.0


def load_images(folder: str | os.PathLike[str]) -> list[np.ndarray]:
    """All pictures of a folder as grey levels, in the order of their names.

    Colour becomes luminance, ``.2126 R + .7152 G + .0722 B`` of the values as stored; palettes and CMYK go through
    RGB, transparency is left out, sixteen bits become 0 to 255 with fractions, and pictures that a
    camera stored lying down are stood up. Of an animation the first frame counts. Files whose names do
    not end like a picture's, and folders within the folder, are passed over.

    Parameters
    ----------
    folder : path

    Returns
    -------
    list of ndarray of shape (rows, columns), float64
        Grey levels, 0 black to 255 white.

    Raises
    ------
    ValueError
        If there is no such folder, no picture in it, or one that cannot be read: names it.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> Image.fromarray(np.full((3, 4, 3), 100, np.uint8)).save(folder / "grey.png")
    >>> [picture] = load_images(folder)
    >>> picture.shape, float(picture[0, 0].round(6))
    ((3, 4), 100.0)
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"`folder` must be a folder with pictures, got {str(folder)!r}")
    endings = Image.registered_extensions()
    paths = sorted(p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in endings)
    if not paths:
        raise ValueError(
            f"`folder` must hold at least one picture (.png, .jpg, .tif, ...), got {str(folder)!r} with "
            f"{sum(1 for _ in folder.iterdir())} entries of other kinds"
        )
    return [_read(path) for path in paths]


def to_grey(image: ArrayLike) -> np.ndarray:
    """Luminance of a picture, in the units of its values.

    Parameters
    ----------
    image : array-like of shape (rows, columns) or (rows, columns, 3)

    Returns
    -------
    ndarray of shape (rows, columns), float64
        Other shapes come back as they are; the caller says what is wrong with them.

    Examples
    --------
    >>> to_grey([[[0, 255, 0]]]).round(3).tolist()
    [[182.376]]
    """
    picture = np.asarray(image, dtype=np.float64)
    if picture.ndim == 3 and picture.shape[2] == 3:
        picture = picture @ _LUMINANCE
    return picture


def _read(path: Path) -> np.ndarray:
    try:
        with Image.open(path) as opened:
            image = ImageOps.exif_transpose(opened)
            if image.mode in _SIXTEEN_BITS:
                return np.asarray(image, dtype=np.float64) / _LEVELS_OF_SIXTEEN_BITS
            if image.mode in ("L", "1"):
                return np.asarray(image.convert("L"), dtype=np.float64)
            return to_grey(np.asarray(image.convert("RGB")))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"`folder` holds {path.name!r}, which cannot be read: {error}") from error
