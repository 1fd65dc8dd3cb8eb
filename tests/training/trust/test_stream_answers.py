"""One answer an object, from records in every form and from tables, as the model gave it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features import FEATURE_NAMES
from schemas.classification import classification_schema
from schemas.model.manifest import Manifest
from schemas.model.priors import with_priors
from training.errors import SettingsError, TrainingError
from training.trust.stream_answers import collect

CLASSES = ("LEFT", "RIGHT", "OTHER")
MADE_FOR = {"LEFT": 0.5, "RIGHT": 0.3, "OTHER": 0.2}
FUSED = {"min_epochs": 15, "temperature": 1.0, "abstain_below": 0.5, "reliability": ()}
OF_FUSED = {"LEFT": 0.2, "RIGHT": 0.2, "OTHER": 0.6}
TWO_BANDS = [{"band": band, "n_epochs": 20, "level": None, "amplitude_ratio": None} for band in "gr"]
SHA256 = "ab" * 32


def manifest(**stated: Any) -> Manifest:
    fields: dict[str, Any] = {
        "priors": MADE_FOR,
        "fused": {**FUSED, "priors": OF_FUSED},
        "training": {"data": [{"observed_as": "ztf"}]},
        **stated,
    }
    return Manifest(
        name="made-up",
        version="1.0.0",
        sha256=SHA256,
        classes=CLASSES,
        features=FEATURE_NAMES,
        convention="robust",
        min_epochs=10,
        **fields,
    )


def record(object_id: str, p: tuple[float, ...] | None, **more: Any) -> dict[str, Any]:
    """A published record, of which only what is asked for is not made up."""
    return {
        "survey": "ztf",
        "object_id": object_id,
        "source_id": "1",
        "band": "g",
        "mjd": 60_000.0,
        "time_scale": "UTC",
        "ra": 10.0,
        "dec": 20.0,
        "n_epochs": 30,
        "baseline_d": 100.0,
        "probabilities": None if p is None else dict(zip(CLASSES, p, strict=True)),
        "status": [],
        "out_of_range": [],
        "features": dict.fromkeys(FEATURE_NAMES, 1.0),
        "model": {"name": "made-up", "version": "1.0.0", "sha256": SHA256},
        "convention": "robust",
        "schema_version": "1.4",
        "source": {"offset": 0},
        "ingest_time_us": 1,
        "publish_time_us": 2,
        **more,
    }


def write_json(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in records))
    return path


def write_avro(path: Path, records: list[dict[str, Any]]) -> Path:
    with path.open("wb") as file:
        fastavro.writer(file, classification_schema(), records, codec="deflate")
    return path


def write_parquet(path: Path, records: list[dict[str, Any]]) -> Path:
    """With maps, as Spark writes what it reads from a topic."""
    shares = pa.map_(pa.string(), pa.float64())
    model = pa.struct([(name, pa.string()) for name in ("name", "version", "sha256")])
    bands = pa.list_(pa.struct([("band", pa.string()), ("n_epochs", pa.int32())]))
    columns = {
        **dict.fromkeys(("survey", "object_id", "band"), pa.string()),
        **dict.fromkeys(("mjd",), pa.float64()),
        **dict.fromkeys(("n_epochs", "ingest_time_us"), pa.int64()),
        **dict.fromkeys(("probabilities", "priors"), shares),
        "model": model,
        "bands": bands,
    }
    arrays = {}
    for name, kind in columns.items():
        values = [each.get(name) for each in records]
        if kind == shares:
            values = [None if each is None else list(each.items()) for each in values]
        arrays[name] = pa.array(values, kind)
    pq.write_table(pa.table(arrays), path)
    return path


def write_structs(path: Path, records: list[dict[str, Any]]) -> Path:
    """With structures in the place of maps, as pandas writes dictionaries."""
    kept = ("survey", "object_id", "band", "mjd", "n_epochs", "probabilities", "priors", "model", "bands")
    pq.write_table(pa.Table.from_pylist([{name: each.get(name) for name in kept} for each in records]), path)
    return path


def table_row(object_id: str, band: str | None, n_epochs: int, p: tuple[float, ...] | None) -> dict[str, Any]:
    shares = (None,) * len(CLASSES) if p is None else p
    return {
        "object_id": object_id,
        "band": band,
        "n_epochs": n_epochs,
        "status": "",
        **{f"p_{name}": share for name, share in zip(CLASSES, shares, strict=True)},
    }


def write_table(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
        return path
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


RECORDS = [
    record("A", (0.7, 0.2, 0.1)),
    record("A", (0.6, 0.3, 0.1), mjd=60_010.0),
    record("A", (0.1, 0.8, 0.1), band="r", n_epochs=40),
    record("B", (0.2, 0.2, 0.6)),
    record("B", (0.1, 0.1, 0.8), band="all", n_epochs=50, bands=TWO_BANDS),
    record("C", None, n_epochs=3, status=["TOO_FEW"]),
    record("D", (0.3, 0.3, 0.4), band="all", bands=TWO_BANDS[:1]),
]


@pytest.mark.parametrize("write", [write_json, write_avro, write_parquet, write_structs])
def test_records_say_the_same_in_every_form(tmp_path, write):
    """A by its band with most epochs, B by all bands, D by all, of which one is usable; C has none."""
    said = collect([write(tmp_path / "records", RECORDS)], manifest())
    assert said.survey == "ztf"
    assert said.probabilities == pytest.approx(np.array([[0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.3, 0.3, 0.4]]))
    of_band, of_fused = ([priors[name] for name in CLASSES] for priors in (MADE_FOR, OF_FUSED))
    assert said.made_for.tolist() == [of_band, of_fused, of_band]
    assert dict(said.bands) == {"r": 1, "all": 2}
    assert said.n_unscored == 1


@pytest.mark.parametrize(
    ("band", "expected"),
    [("g", [[0.6, 0.3, 0.1], [0.2, 0.2, 0.6]]), ("r", [[0.1, 0.8, 0.1]]), ("all", [[0.1, 0.1, 0.8]] * 1)],
)
def test_a_band_may_be_chosen_and_its_latest_record_counts(tmp_path, band, expected):
    said = collect([write_json(tmp_path / "r", RECORDS[:6])], manifest(), band=band)
    assert said.probabilities == pytest.approx(np.array(expected))
    assert dict(said.bands) == {band: len(expected)}


def test_a_record_without_a_score_does_not_hide_an_earlier_one(tmp_path):
    late = record("A", None, mjd=60_020.0)
    said = collect([write_json(tmp_path / "r", [RECORDS[0], late])], manifest())
    assert said.probabilities == pytest.approx(np.array([[0.7, 0.2, 0.1]]))


def test_several_files_are_one_stream(tmp_path):
    files = [write_json(tmp_path / f"{n}.jsonl", [each]) for n, each in enumerate(reversed(RECORDS[:2]))]
    assert collect(files, manifest()).probabilities == pytest.approx(np.array([[0.6, 0.3, 0.1]]))


@pytest.mark.parametrize(
    "told", [{"LEFT": 0.9, "RIGHT": 0.05, "OTHER": 0.05}, {"OTHER": 0.7}, {"RIGHT": 0.01, "LEFT": 0.9}]
)
@pytest.mark.parametrize(("band", "own"), [("g", MADE_FOR), ("all", OF_FUSED)])
def test_answers_under_other_priors_are_given_back(tmp_path, told, band, own):
    model = np.array([0.2, 0.5, 0.3])
    published = with_priors(model[None], own, told)[0].round(7)
    line = record("A", tuple(published), priors=told, band=band, bands=TWO_BANDS if band == "all" else None)
    said = collect([write_json(tmp_path / "r", [line])], manifest())
    assert said.probabilities[0] == pytest.approx(model, abs=2e-5)  # of seven decimals, times up to 60


def test_answers_of_which_a_part_is_lost_are_refused(tmp_path):
    told = {"OTHER": 0.0}
    line = record("A", (0.5, 0.5, 0.0), priors=told)
    with pytest.raises(TrainingError, match="the record of A was made with a prior of 0 for OTHER, whose"):
        collect([write_json(tmp_path / "r", [line])], manifest())


@pytest.mark.parametrize(
    ("stated", "what"),
    [
        ({"priors": {}}, r"\(priors of its manifest\)"),
        ({"fused": FUSED}, r"\(fused.priors of its manifest\)"),
    ],
)
def test_a_model_that_does_not_state_its_priors_is_refused_with_the_remedy(tmp_path, stated, what):
    with pytest.raises(SettingsError, match=rf"does not state which priors .* {what}: make it again"):
        collect([write_json(tmp_path / "r", RECORDS)], manifest(**stated))


def test_records_of_another_model_are_refused(tmp_path):
    other = record("A", (1.0, 0.0, 0.0), model={"name": "other", "version": "2", "sha256": "cd" * 32})
    with pytest.raises(TrainingError, match=r"record 2, of A, is by other 2 \(cdcdcdcdcdcd\.\.\.\), not by"):
        collect([write_json(tmp_path / "r", [RECORDS[0], other])], manifest())


def test_records_of_other_streams_are_left_out_and_counted(tmp_path):
    path = write_json(tmp_path / "r", [RECORDS[0], record("L", (0.1, 0.8, 0.1), survey="lsst")])
    said = collect([path], manifest())
    assert (said.survey, len(said), said.n_other_surveys) == ("ztf", 1, 1)
    said = collect([path], manifest(), survey="lsst")
    assert (said.survey, len(said), said.n_other_surveys) == ("lsst", 1, 1)
    with pytest.raises(SettingsError, match="the records are of lsst, ztf: give --survey"):
        collect([path], manifest(training={}))


def test_other_streams_may_be_judged_by_other_models(tmp_path):
    other = {"name": "other", "version": "2", "sha256": "cd" * 32}
    of_lsst = record("L", None, survey="lsst", model=other) | {"probabilities": {"QSO": 1.0}}
    said = collect([write_json(tmp_path / "r", [of_lsst, RECORDS[0]])], manifest())
    assert (len(said), said.n_other_surveys) == (1, 1)
    with pytest.raises(TrainingError, match="record 1, of L, is by other 2"):
        collect([tmp_path / "r"], manifest(), survey="lsst")


def test_the_records_of_a_model_for_any_survey_say_which_it_is(tmp_path):
    path = write_json(tmp_path / "r", [record("L", (0.1, 0.8, 0.1), survey="lsst")])
    assert collect([path], manifest(training={})).survey == "lsst"


ROWS = [
    table_row("A", "g", 40, (0.6, 0.3, 0.1)),
    table_row("A", "r", 20, (0.1, 0.8, 0.1)),
    table_row("B", "g", 10, (0.2, 0.2, 0.6)),
    table_row("B", "r", 30, (0.3, 0.3, 0.4)),
    table_row("B", "all", 40, (0.1, 0.1, 0.8)),
    table_row("C", "g", 30, (0.5, 0.4, 0.1)),
    table_row("C", "r", 3, None),
    table_row("C", "all", 30, (0.5, 0.4, 0.1)),
    table_row("D", None, 5, None),
]


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_tables_say_what_records_do(tmp_path, name):
    """C has a single usable band: all together have its answer, made for the priors of a band."""
    said = collect([write_table(tmp_path / name, ROWS)], manifest())
    expected = [[0.6, 0.3, 0.1], [0.1, 0.1, 0.8], [0.5, 0.4, 0.1]]
    assert said.probabilities == pytest.approx(np.array(expected))
    assert said.made_for[:, 0].tolist() == [0.5, 0.2, 0.5]
    assert dict(said.bands) == {"g": 1, "all": 2}
    assert said.n_unscored == 1


def test_stars_that_are_called_as_missing_values_are_two(tmp_path):
    """As `predict` writes them: texts are quoted, and what is missing is not there."""
    path = tmp_path / "t.csv"
    lines = [f'"{name}",,40,"",0.6,0.3,0.1' for name in ("NA", "null")]
    path.write_text("\n".join([",".join(ROWS[0]), *lines, ""]))
    said = collect([path], manifest())
    assert len(said) == 2
    assert dict(said.bands) == {"": 2}


def test_stars_of_several_files_are_not_one_for_their_names(tmp_path):
    rows = [{**row, "survey": file} for file in ("one", "two") for row in ROWS[:1]]
    assert len(collect([write_table(tmp_path / "t.csv", rows)], manifest())) == 2


def test_tables_do_not_say_which_stream_it_is(tmp_path):
    path = write_table(tmp_path / "t.csv", ROWS)
    with pytest.raises(SettingsError, match="tables do not say it: give --survey"):
        collect([path], manifest(training={}))
    assert collect([path], manifest(training={}), survey="lsst").survey == "lsst"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot read .* as CSV"),
        (b"object_id,band\nA,g\n", "neither a file of records nor a table .*: it lacks n_epochs, p_LEFT"),
        (b"object_id,band,n_epochs,p_LEFT,p_RIGHT,p_OTHER,p_X\nA,g,1,1,0,0,0\n", "it has p_LEFT, p_RIGHT"),
        (
            b"object_id,band,n_epochs,p_LEFT,p_RIGHT,p_OTHER\nA,g,9,a,b,c\n",
            "the probabilities are no numbers",
        ),
        (b'{"survey": "ztf"\n', "line 1 is not JSON"),
        (b"{}\n[1]\n", "record 1 is none of varstream's: KeyError 'model'"),
        (b'{"model": 3}\n', "record 1 is none of varstream's: TypeError"),
        (b"PAR1 and no more", "cannot read .* as Parquet"),
        (b"Obj\x01 and no more", "cannot read .*, an Avro object container"),
    ],
)
def test_a_file_that_is_none_of_ours_is_named_in_one_line(tmp_path, content, message):
    path = tmp_path / "answers"
    path.write_bytes(content)
    with pytest.raises(TrainingError, match=message) as refusal:
        collect([path], manifest())
    assert str(path) in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1


def test_probabilities_that_are_none_are_refused(tmp_path):
    with pytest.raises(TrainingError, match="record 1 is none of varstream's: ValueError probabilities do"):
        collect([write_json(tmp_path / "r", [record("A", (0.9, 0.9, 0.9))])], manifest())


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"cannot read .*none\.jsonl: No such file"):
        collect([tmp_path / "none.jsonl"], manifest())


def test_without_a_single_score_there_is_nothing_to_say(tmp_path):
    path = write_json(tmp_path / "r", [RECORDS[5]])
    with pytest.raises(TrainingError, match="no object of ztf has an answer with probabilities: there are 1"):
        collect([path], manifest())
    path = write_json(tmp_path / "r", RECORDS)
    with pytest.raises(TrainingError, match="probabilities in band z: there are 4 objects"):
        collect([path], manifest(), band="z")
