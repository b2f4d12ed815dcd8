"""The command line: ``overica COMMAND``, one file per command.

A command's file imports click alone; what it does is imported when it is called, so that
``--help`` and ``--version`` need not wait.
"""

import click

from overica._version import __version__
from overica.cli._command import Contents
from overica.cli.activations import activations
from overica.cli.compare import compare
from overica.cli.demo import demo
from overica.cli.doctor import doctor
from overica.cli.evaluate import evaluate
from overica.cli.export import export
from overica.cli.features_show import features
from overica.cli.fit import fit
from overica.cli.inspect import inspect
from overica.cli.photographs import photographs
from overica.cli.separate import separate
from overica.cli.study import study

CHAPTERS = {
    "Data": ("activations",),
    "Fit": ("fit", "demo"),
    "Compare": ("compare", "features", "photographs", "study"),
    "Separate": ("separate", "evaluate"),
    "Look at": ("inspect", "features show", "export"),
    "About": ("doctor",),
}
"""The table of contents."""


@click.group(
    cls=Contents,
    chapters=CHAPTERS,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
)
@click.version_option(__version__, prog_name="overica", message="%(prog)s %(version)s")
def main() -> None:
    """Overcomplete independent component analysis: learn more sources than there are sensors.

    Every command says more with --help. From Python: import overica.
    """


for command in (
    activations, compare, demo, doctor, evaluate, export, features, fit, inspect, photographs, separate, study,
):  # fmt: skip
    main.add_command(command)
