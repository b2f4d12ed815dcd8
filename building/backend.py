"""setuptools' build backend, which asks for a compiler as a package where the machine has none that works.

`pip install` then needs nothing but Python and its headers. See PEP 517 for the hooks.
"""

from typing import Any

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403

from building.compiler import PACKAGED, ZIGLANG, compiler


def _with_compiler(requirements: list[str]) -> list[str]:
    return [*requirements, ZIGLANG] if PACKAGED and compiler() is None else requirements


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    """What building a wheel needs besides the static requirements of pyproject.toml."""
    return _with_compiler(build_meta.get_requires_for_build_wheel(config_settings))


def get_requires_for_build_editable(config_settings: Any = None) -> list[str]:
    """What an editable install needs besides the static requirements of pyproject.toml."""
    return _with_compiler(build_meta.get_requires_for_build_editable(config_settings))
