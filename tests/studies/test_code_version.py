"""What a cell's figures depend on is part of its identity, and what they do not is not."""

import pytest

from overica.cli._study import KINDS, load
from overica.compare.bench import KnownTruthJob
from overica.lm.study.feature_bench import FeatureJob
from overica.photographs.basis_bench import PhotographJob
from overica.separation.separation_bench import SeparationJob
from overica.studies.code_version import code_version, imported

JOBS = {
    "known_truth": (KnownTruthJob, {"compare/bench.py", "compare/split.py", "compare/encoders.py"}),
    "activations": (FeatureJob, {"lm/features/agreement.py", "lm/substitution/substitution.py"}),
    "photographs": (PhotographJob, {"photographs/density.py", "photographs/regions.py"}),
    "separation": (SeparationJob, {"separation/ways.py", "separation/stft.py"}),
}


def test_every_kind_is_tried():
    assert JOBS.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", JOBS)
def test_cells_depend_on_what_examines_them_and_on_no_page(kind):
    job, some = JOBS[kind]
    found = {path.as_posix().rpartition("/overica/")[2] for path in imported(job.__module__)}
    assert some <= found
    assert not [path for path in found if "page" in path or "verdict" in path]
    assert code_version(job.__module__) != code_version()


@pytest.mark.parametrize("kind", KINDS)
def test_fits_are_examined_where_their_jobs_are(kind):
    """So that what is imported there is all that figures depend on."""
    study = load(kind)
    assert JOBS[kind][0].__module__.rpartition(".")[0] == study.__module__.rpartition(".")[0]


def test_jobs_of_others_depend_on_the_package_alone():
    assert imported("my.own.study") == set()
    assert code_version("my.own.study") == code_version()
