"""Packages that may be missing: known in one place, which says what setup.cfg says."""

import configparser
import re
import sys
from pathlib import Path

import pytest

from overica._extras import ALONE, EXTRAS, import_extra, install_line

ROOT = Path(__file__).parents[1]
OF_DEVELOPERS = {"test", "lint", "wheel", "bench", "docs"}


def test_the_extras_are_those_of_the_package():
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    extras = dict(config["options.extras_require"])
    assert set(extras) - OF_DEVELOPERS == EXTRAS.keys()
    for extra, modules in EXTRAS.items():
        packages = {re.split(r"[<>=;\s]", line)[0] for line in extras[extra].split("\n") if line}
        assert {package.replace("-", "_") for package in packages} == set(modules)


@pytest.mark.parametrize("module", [*(name for names in EXTRAS.values() for name in names), *ALONE])
def test_what_is_missing_is_told_with_the_line_that_installs_it(module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=re.escape(f"{module}, which is not installed: ")) as told:
        import_extra(module)
    assert str(told.value).endswith(install_line(module))


def test_no_other_place_tells_how_to_install():
    told = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "overica").rglob("*.py")
        if re.search(r"[\"'f].*pip install", path.read_text(encoding="utf-8"))
    }
    # The kernels are no extra: what is missing there is a compilation.
    assert told == {"overica/_extras.py", "overica/_kernels/__init__.py"}
