"""What a format is to those who load: how its folders look, and what they become."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from overica.coding import Featuriser
from overica.formats.foreign_files import holds


class Format(ABC):
    """A way in which somebody writes a dictionary to a folder.

    Examples
    --------
    >>> from overica.formats import FORMATS
    >>> FORMATS["saelens"].name, all(kind.files for kind in FORMATS.values())
    ('saelens', True)
    """

    name: ClassVar[str]
    """Its name in `FORMATS`."""
    files: ClassVar[tuple[str, ...]]
    """What a folder must hold, for recognition and for messages."""

    def recognises(self, folder: Path) -> bool:
        """Whether a folder looks like one of these; damage is found by `read`."""
        return holds(folder, *self.files)

    @abstractmethod
    def read(self, folder: Path) -> Featuriser:
        """The fitted estimator in a folder that was recognised.

        Raises
        ------
        FileNotFoundError, ValueError
            Naming the file, and what was expected of it.
        """
