"""The study of a transformer's activations: ICA beside sparse autoencoders, fit by fit, resumed where it ended."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse
from tqdm.auto import tqdm

from overica._version import __version__
from overica.coding import Featuriser
from overica.compare.cell import finite
from overica.lm.features.encoders import packed_encoder
from overica.lm.store.activation_store import ActivationStore
from overica.lm.study.cells import FitResult, Record, Substitute, run_job
from overica.lm.study.data import StudyData
from overica.lm.study.feature_config import FeatureStudyConfig, Job
from overica.lm.study.feature_methods import FEATURE_METHODS
from overica.persistence import (
    FolderLock,
    read_arrays,
    read_json,
    replacing,
    write_arrays,
    write_atomically,
)

RESULTS = "results.jsonl"
HEADER = "study.json"


class FeatureStudy:
    """Overcomplete ICA beside sparse autoencoders on the same activations of a transformer.

    Every method learns from the same documents and is judged on others: explained variance and the change of the
    model's output at the same numbers of active features, the held-out evidence of ICA over its width, agreement
    between seeds and between methods, clusters of near-parallel features, and how well an exponential prior describes
    the codes of single features.

    Parameters
    ----------
    store : ActivationStore or path
        Activations with their tokens.
    config : FeatureStudyConfig, optional
        What to run; keywords may be given instead.
    **settings
        Of `FeatureStudyConfig`.

    Raises
    ------
    ValueError
        If a setting is impossible, before anything is fitted.
    FileNotFoundError
        If there is no store.

    Notes
    -----
    Autoencoders are trained for each level of sparsity. ICA is fitted once, and its features encode at the penalty that
    gives the level: exact codes, `SparseCoder`. These are not to be had in one matrix product, so the autoencoders'
    dictionaries are judged with such codes as well, at the middle level. Autoencoders see activations as they are, with
    their own bias; ICA subtracts the mean. Nothing is tuned on the held-out documents. Of the defaults, 1000 steps of
    an autoencoder and 150 of ICA take about the same CPU time at twice as many features as dimensions.

    Examples
    --------
    >>> from overica.lm import FeatureStudy
    >>> FeatureStudy("nowhere")
    Traceback (most recent call last):
    ...
    FileNotFoundError: `folder` must hold metadata.json, got 'nowhere' without it
    """

    def __init__(
        self,
        store: ActivationStore | str | os.PathLike[str],
        config: FeatureStudyConfig | None = None,
        **settings: Any,
    ) -> None:
        if config is not None and settings:
            raise ValueError(
                f"`config` must be None where settings are given, got {list(settings)}"
            )
        self.config = config or FeatureStudyConfig(**settings)
        self.store = store if isinstance(store, ActivationStore) else ActivationStore(store)
        least = round(self.config.widths[0] * self.store.n_features)
        if self.config.active[-1] >= least:
            raise ValueError(
                f"`active` must be below the number of features, {least} at the narrowest width, got "
                f"{self.config.active[-1]:g}"
            )

    def run(
        self, folder: str | os.PathLike[str], *, progress: bool = True, fresh: bool = False
    ) -> list[Record]:
        """Run all fits that have not ended well before.

        Parameters
        ----------
        folder : path
            For ``results.jsonl``, ``study.json``, dictionaries and codes; made if it is missing. What is there of other
            settings is dropped: a study has a folder of its own.
        progress : bool
            Show a bar over the fits.
        fresh : bool
            Run everything anew.

        Returns
        -------
        list of dict
            One record per method, width, level and seed.

        Raises
        ------
        BlockingIOError
            If another call runs in the same folder.
        """
        folder = Path(folder)
        (folder / "fits").mkdir(parents=True, exist_ok=True)
        with FolderLock(folder):
            return self._run(folder, progress=progress, fresh=fresh)

    def _run(self, folder: Path, *, progress: bool, fresh: bool) -> list[Record]:
        data = StudyData(self.store, self.config)
        jobs = self.config.jobs()
        found = {} if fresh else {record["cell"]: record for record in read_records(folder)}
        standing: dict[str, list[Record]] = {}
        for job in jobs:
            own = [found.get(f"{job.run}/{level:g}/{job.seed}") for level in job.levels]
            key = self.config.hash_of(job, data.facts())
            ended = all(r and r["status"] == "ok" and r["config"] == key for r in own)
            if ended and _is_kept(folder, job):
                standing[job.name] = [r for r in own if r]
        _write(folder / RESULTS, (r for records in standing.values() for r in records))
        pending = [job for job in jobs if job.name not in standing]
        substitute, why_not = None, None
        if pending and self.config.n_substituted:
            substitute, why_not = self._substitute(data)
        header = self._header(data, why_not)
        if not pending and (folder / HEADER).is_file():
            header["notices"] = read_header(folder).get("notices", [])
        write_atomically(folder / HEADER, json.dumps(finite(header), indent=1, default=str) + "\n")
        _save(folder / "fits" / "described.npy", data.described)
        _save(folder / "fits" / "covariance.npy", data.covariance().astype(np.float32))
        with tqdm(
            total=len(jobs), initial=len(standing), desc="features", unit="fit",
            disable=not progress, dynamic_ncols=True,
        ) as bar:  # fmt: skip
            for job in pending:
                bar.set_postfix_str(job.name)
                result = run_job(job, self.config, data, substitute)
                _keep(folder, job, result)
                standing[job.name] = result.records
                with (folder / RESULTS).open("a", encoding="utf-8") as file:
                    file.writelines(_line(record) for record in result.records)
                bar.update()
        return [record for job in jobs for record in standing[job.name]]

    def _substitute(self, data: StudyData) -> tuple[Substitute | None, str | None]:
        """How reconstructions are put back into the model; where that cannot be done, why."""
        from overica.lm.substitution.substitution import Substitution

        try:
            substitution = Substitution(
                self.store, documents=data.held_out_documents,
                max_tokens=self.config.n_substituted,
            )  # fmt: skip
        except (ImportError, OSError, ValueError, KeyError) as error:
            return None, f"the model could not be run again: {error}"

        def substitute(featuriser: Featuriser) -> dict[str, float]:
            loss = substitution(featuriser)
            figures = {"substituted_tokens": float(loss.n_tokens)}
            for name, measure in loss.measures.items():
                figures[f"loss_{name}"] = measure.loss
                figures[f"recovered_{name}"] = measure.recovered
                figures[f"loss_{name}_error"] = measure.standard_error
            return figures

        return substitute, None

    def _header(self, data: StudyData, why_not: str | None) -> dict[str, Any]:
        return {
            "study": asdict(self.config) | {"middle": self.config.middle},
            "store": data.facts() | {"folder": str(self.store.folder)},
            "fit_tokens": len(data.fit),
            "held_out_documents": int(data.held_out_documents.size),
            "described_tokens": len(data.described),
            "gaussian_evidence": data.gaussian_evidence(),
            "methods": {
                name: {"label": FEATURE_METHODS[name].label, "family": FEATURE_METHODS[name].family}
                for name in self.config.methods
            },
            "notices": [] if why_not is None else [f"No substitution loss: {why_not}"],
            "versions": {"overica": __version__, "python": platform.python_version()},
        }


def read_records(folder: Path) -> list[Record]:
    """The latest record of each cell; lines that are not whole are skipped."""
    path = folder / RESULTS
    records: dict[str, Record] = {}
    for line in (
        path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else ()
    ):
        try:
            record = json.loads(line)
            if "signed" in record:  # Its name before version 1.
                record["nonnegative"] = not record.pop("signed")
            records[record["cell"]] = record
        except (ValueError, RecursionError, KeyError, TypeError):
            continue
    return list(records.values())


def read_header(folder: Path) -> dict[str, Any]:
    """What ``study.json`` holds.

    Raises
    ------
    FileNotFoundError
        If the folder is not that of a study.
    """
    path = folder / HEADER
    if not path.is_file():
        raise FileNotFoundError(f"`folder` must hold {HEADER}, got {str(folder)!r} without it")
    header = read_json(path)
    if not isinstance(header, dict):
        raise ValueError(f"{path} must hold an object, got {type(header).__name__}")
    return header


def read_dictionary(folder: Path, job: str) -> np.ndarray:
    """The learned features of a fit, rows of unit norm, (n_components, n_features)."""
    return read_arrays(folder / "fits" / f"{job}.npz")["components"]


def read_codes(folder: Path, job: str) -> sparse.csc_matrix | None:
    """Codes of the described tokens, (n_described, n_components); None if the fit has none."""
    path = folder / "fits" / f"{job}-codes.npz"
    if not path.is_file():
        return None
    parts = read_arrays(path)
    return sparse.csc_matrix(
        (parts["data"], parts["indices"], parts["indptr"]), shape=tuple(parts["shape"])
    )


def _keep(folder: Path, job: Job, result: FitResult) -> None:
    if result.dictionary is not None:
        arrays = {"components": result.dictionary.components, "offset": result.dictionary.offset}
        write_arrays(
            folder / "fits" / f"{job.name}.npz",
            {name: array.astype(np.float32) for name, array in arrays.items()}
            | ({} if result.parents is None else {"parents": result.parents}),
        )
    if result.featuriser is not None:
        write_arrays(folder / "fits" / f"{job.name}-encoder.npz", packed_encoder(result.featuriser))
    if result.codes is not None:
        codes = result.codes.tocsc()
        write_arrays(
            folder / "fits" / f"{job.name}-codes.npz",
            {
                "data": codes.data,
                "indices": codes.indices,
                "indptr": codes.indptr,
                "shape": codes.shape,
            },
        )


def _is_kept(folder: Path, job: Job) -> bool:
    """Whether what `_keep` wrote is there and whole."""
    try:
        read_dictionary(folder, job.name)
        read_codes(folder, job.name)
    except (FileNotFoundError, ValueError):
        return False
    return True


def _save(path: Path, array: np.ndarray) -> None:
    with replacing(path) as part, part.open("wb") as file:
        np.save(file, array)


def _write(path: Path, records: Iterable[Record]) -> None:
    write_atomically(path, "".join(_line(record) for record in records))


def _line(record: Record) -> str:
    return json.dumps(finite(record), ensure_ascii=False) + "\n"
