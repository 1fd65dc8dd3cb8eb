"""Files of a model's answers: published records, and the tables that `varstream-train predict` writes.

Records are JSON lines or an Avro object container, as `varstream classify --output` writes them, or Parquet,
as consumers of the topic keep them. What a file is, its first bytes and its columns say.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet
from numpy.typing import NDArray

from schemas.model.manifest import Manifest
from training.data.tables.records import AVRO_ERRORS, PARQUET_ERRORS
from training.errors import SettingsError, TrainingError

ALL_BANDS = "all"
"""Band of an answer about all bands of an object together."""

RECORD_FIELDS = (
    *("survey", "object_id", "band", "mjd", "n_epochs", "bands"),
    *("probabilities", "priors", "model", "ingest_time_us"),
)
P_COLUMN = "p_"
TABLE_COLUMNS = ("object_id", "band", "n_epochs")


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said of one object in one band, or in all together.

    Attributes
    ----------
    survey : str or None
        Of the stream; None in a table, which does not say it.
    source : str
        What object ids are unique in: the survey, or the file of light curves that a table was made of.
    object_id, band : str
        `ALL_BANDS` is the band of all together; empty where a table names no band.
    order : tuple of float
        Later answers have a higher one.
    n_epochs : int
        That were used.
    fused : bool
        Whether it is an answer of several bands, with terms of its own.
    probabilities : (k,) float64 or None
        In the order of the model's classes; None where it was not asked.
    priors : mapping of str to float
        That a worker was told, of some or all classes; empty for the model's own.
    """

    survey: str | None
    source: str
    object_id: str
    band: str
    order: tuple[float, ...]
    n_epochs: int
    fused: bool
    probabilities: NDArray[np.float64] | None
    priors: Mapping[str, float]


def read_answers(path: Path, manifest: Manifest, survey: str | None = None) -> Iterator[Answer]:
    """Read the answers of a model, one after the other.

    Parameters
    ----------
    survey : str, optional
        Of the stream that is meant: records of others, which may be by other models, are without
        probabilities.

    Raises
    ------
    SettingsError
        If there is no such file.
    TrainingError
        If it cannot be read, or its answers are of another model.
    """
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as exc:
        raise SettingsError(f"cannot read {path}: {exc.strerror or exc}") from exc
    if start == b"Obj\x01":
        yield from _of_records(path, _avro(path), manifest, survey)
    elif start == b"PAR1":
        yield from _of_parquet(path, manifest, survey)
    elif start.lstrip()[:1] == b"{":
        yield from _of_records(path, _json_lines(path), manifest, survey)
    else:
        yield from _of_table(path, _csv(path), manifest)


def _json_lines(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as exc:
                raise TrainingError(f"{path} line {number} is not JSON: {str(exc)[:200]}") from exc
            if not isinstance(record, dict):
                raise TrainingError(f"{path} line {number} is no record: it is not a JSON object")
            yield record


def _avro(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        with path.open("rb") as file:
            for record in fastavro.reader(file):
                if not isinstance(record, dict):
                    raise TrainingError(f"{path} has no records, but {type(record).__name__}")
                yield record
    except AVRO_ERRORS as exc:
        raise TrainingError(f"cannot read {path}, an Avro object container: {str(exc)[:200]}") from exc


def _of_parquet(path: Path, manifest: Manifest, survey: str | None) -> Iterator[Answer]:
    try:
        with pa_parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            if "probabilities" in names:
                fields = [name for name in RECORD_FIELDS if name in names]
                batches = (batch.to_pylist() for batch in file.iter_batches(columns=fields))
                records = (record for batch in batches for record in batch)
                yield from _of_records(path, records, manifest, survey)
                return
            table = file.read()
    except PARQUET_ERRORS as exc:
        raise TrainingError(f"cannot read {path} as Parquet: {str(exc)[:200]}") from exc
    yield from _of_table(path, table, manifest)


def _csv(path: Path) -> pa.Table:
    texts = {name: pa.string() for name in ("object_id", "band", "survey", "label", "status")}
    options = pa_csv.ConvertOptions(
        column_types=texts, strings_can_be_null=True, quoted_strings_can_be_null=False
    )
    try:
        return pa_csv.read_csv(path, convert_options=options)
    except PARQUET_ERRORS as exc:
        raise TrainingError(f"cannot read {path} as CSV: {str(exc)[:200]}") from exc


def _of_records(
    path: Path, records: Iterator[Mapping[str, Any]], manifest: Manifest, survey: str | None
) -> Iterator[Answer]:
    for number, record in enumerate(records, start=1):
        try:
            yield _of_record(path, number, record, manifest, survey)
        except (KeyError, TypeError, ValueError) as exc:
            raise TrainingError(
                f"{path}: record {number} is none of varstream's: {type(exc).__name__} {str(exc)[:100]}"
            ) from exc


def _of_record(
    path: Path, number: int, record: Mapping[str, Any], manifest: Manifest, survey: str | None
) -> Answer:
    model = dict(record["model"])
    meant = survey is None or record["survey"] == survey
    if meant and model["sha256"] != manifest.sha256:
        raise TrainingError(
            f"{path}: record {number}, of {record['object_id']}, is by {model['name']} {model['version']} "
            f"({str(model['sha256'])[:12]}...), not by {manifest.name} {manifest.version} "
            f"({manifest.sha256[:12]}...): give the model that made the records"
        )
    stated = _map(record["probabilities"])
    probabilities = None
    if meant and stated is not None:
        probabilities = _vector([stated[name] for name in manifest.classes])
    usable = record.get("bands")
    return Answer(
        survey=str(record["survey"]),
        source=str(record["survey"]),
        object_id=str(record["object_id"]),
        band=str(record["band"]),
        order=(float(record["mjd"]), float(record.get("ingest_time_us") or 0), float(number)),
        n_epochs=int(record["n_epochs"]),
        fused=record["band"] == ALL_BANDS and (usable is None or len(usable) > 1),
        probabilities=probabilities,
        priors={name: float(share) for name, share in (_map(record.get("priors")) or {}).items()},
    )


def _of_table(path: Path, table: pa.Table, manifest: Manifest) -> Iterator[Answer]:
    wanted = [f"{P_COLUMN}{name}" for name in manifest.classes]
    there = [name for name in table.column_names if name.startswith(P_COLUMN)]
    missing = sorted({*wanted, *TABLE_COLUMNS} - {*table.column_names})
    if missing or {*there} != {*wanted}:
        lacking = f"it lacks {', '.join(missing[:5])}" if missing else f"it has {', '.join(there)}"
        raise TrainingError(
            f"{path} is neither a file of records nor a table that `varstream-train predict` wrote with "
            f"{manifest.name} {manifest.version}: {lacking}"
        )
    known = {name: table[name].to_pylist() for name in TABLE_COLUMNS}
    source = table["survey"].to_pylist() if "survey" in table.column_names else [""] * table.num_rows
    try:
        p = np.stack([table[name].to_numpy().astype(np.float64) for name in wanted], axis=1)
    except PARQUET_ERRORS as exc:
        raise TrainingError(f"{path}: the probabilities are no numbers: {str(exc)[:100]}") from exc
    of_bands: dict[tuple[str, str], list[NDArray[np.float64]]] = {}
    for row, (name, band) in enumerate(zip(known["object_id"], known["band"], strict=True)):
        if band != ALL_BANDS:
            of_bands.setdefault((str(source[row]), str(name)), []).append(p[row])
    for row, (name, band) in enumerate(zip(known["object_id"], known["band"], strict=True)):
        scored = bool(np.isfinite(p[row]).all())
        own = of_bands.get((str(source[row]), str(name)), [])
        n_epochs = int(known["n_epochs"][row])
        yield Answer(
            survey=None,
            source=str(source[row]),
            object_id=str(name),
            band="" if band is None else str(band),
            order=(float(n_epochs), float(row)),
            n_epochs=n_epochs,
            # of a single usable band, all together have that band's own answer
            fused=band == ALL_BANDS and not any(np.array_equal(p[row], each) for each in own),
            probabilities=_vector(p[row]) if scored else None,
            priors={},
        )


def _vector(values: Any) -> NDArray[np.float64]:
    vector: NDArray[np.float64] = np.asarray(values, np.float64)
    if not ((vector >= 0.0) & (vector <= 1.0)).all() or not abs(vector.sum() - 1.0) < 1e-3:
        raise ValueError("probabilities do not add up to 1")
    shares: NDArray[np.float64] = vector / vector.sum()
    return shares


def _map(value: Any) -> dict[str, Any] | None:
    """Return a map as Avro and JSON have it, or as pairs or a structure, as Parquet has it."""
    if value is None:
        return None
    pairs = value.items() if isinstance(value, Mapping) else value
    return {name: each for name, each in pairs if each is not None}
