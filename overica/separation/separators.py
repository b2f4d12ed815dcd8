"""The methods of separation by name. A new one is a `Method` and a line here."""

from __future__ import annotations

from overica.separation.complex_codes import Binary, Codes
from overica.separation.ensemble import Gaussian
from overica.separation.rooms.convolutive import Convolutive
from overica.separation.separator import Method

METHODS: dict[str, Method] = {
    method.name: method for method in (Gaussian(), Codes(), Binary(), Convolutive())
}
"""By name: how sources are inferred once their directions are known, or from the spectra alone."""
