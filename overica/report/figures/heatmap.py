"""The cosines between learned and true directions as a picture."""

import base64
import io

import numpy as np
from markupsafe import Markup
from PIL import Image

from overica.report.figures.svg import element, figure

SIDE = 180
# Okabe-Ito blue and vermilion; the strength of the cosine is the opacity, so that the picture
# suits a light page, a dark one and paper.
_POSITIVE, _NEGATIVE = (0x1F, 0x84, 0xC4), (0xD5, 0x5E, 0x00)


def draw_heatmap(cosines: list[list[float]], label: str) -> Markup:
    """Return the matrix with learned directions as rows and true ones as columns.

    Blue is positive, vermilion negative, a full colour is 1 and an empty cell 0.  Wide and tall
    matrices keep square cells.

    Parameters
    ----------
    cosines : list of list of float
        Rows in matched order, so that a recovery is a diagonal.
    label : str
        What is read aloud.
    """
    matrix = np.nan_to_num(np.asarray(cosines, np.float64))
    n_rows, n_columns = matrix.shape
    cell = SIDE / max(n_rows, n_columns)
    width, height = cell * n_columns, cell * n_rows
    picture = element(
        "image",
        href=f"data:image/png;base64,{_png(matrix)}",
        width=width,
        height=height,
        preserveAspectRatio="none",
    )
    border = element(
        "rect", x=0.5, y=0.5, width=width - 1, height=height - 1, fill="none", class_="grid"
    )
    return figure(SIDE, max(height, 1), label, picture, border, class_="small heat")


def _png(matrix: np.ndarray) -> str:
    pixels = np.empty((*matrix.shape, 4), np.uint8)
    pixels[..., :3] = np.where((matrix >= 0)[..., None], _POSITIVE, _NEGATIVE)
    pixels[..., 3] = np.round(255 * np.clip(np.abs(matrix), 0, 1))
    stream = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(stream, format="png", optimize=True)
    return base64.b64encode(stream.getvalue()).decode("ascii")
