"""Pictures of pixels within the page, so that it stays one file."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from markupsafe import Markup

from overica.report.figures.svg import element

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def embed(drawn: Figure, label: str) -> Markup:
    """Return a figure of matplotlib as an image element that holds its own pixels; `label` is read aloud."""
    pixels = io.BytesIO()
    # Without the version of matplotlib, the same figure is the same file.
    drawn.savefig(pixels, format="png", metadata={"Software": None})
    data = base64.b64encode(pixels.getvalue()).decode("ascii")
    return element("img", src=f"data:image/png;base64,{data}", alt=label)
