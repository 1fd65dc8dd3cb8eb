import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.training.data.tables.written import NAMES, ROWS, TABLES, write, write_records
from training.data.light_curves import Columns
from training.data.read import read_light_curves
from training.errors import SettingsError, TrainingError


@pytest.mark.parametrize("name", TABLES)
def test_missing_columns_are_listed_with_a_remedy(tmp_path, name):
    path = write(tmp_path / name, [row[:2] for row in ROWS], ("star", "hjd"))
    with pytest.raises(
        SettingsError, match=r"no column object_id, time, mag, err; it has star, hjd: .*--columns"
    ):
        read_light_curves(path)
    with pytest.raises(SettingsError, match="no column type"):
        read_light_curves(write(path), Columns(label="type"))


def test_two_columns_of_one_name_are_refused(tmp_path):
    path = tmp_path / "stars.csv"
    path.write_text("object_id,time,mag,err,mag\na,1,15,0.1,16\n")
    with pytest.raises(TrainingError, match="two columns 'mag'"):
        read_light_curves(path)


def test_a_column_of_another_type_is_named(tmp_path):
    path = tmp_path / "stars.parquet"
    when = pa.array([0], pa.timestamp("us"))
    pq.write_table(pa.table({"object_id": ["a"], "time": [1.0], "mag": when, "err": [0.1]}), path)
    with pytest.raises(TrainingError, match=r"mag holds timestamp\[us\], not numbers"):
        read_light_curves(path)
    mag = pa.array([[15.0]])
    pq.write_table(pa.table({"object_id": ["a"], "time": [1.0], "mag": mag, "err": [0.1]}), path)
    with pytest.raises(TrainingError, match="time holds double where others hold arrays"):
        read_light_curves(path)


def test_files_without_rows(tmp_path):
    (tmp_path / "stars.csv").write_text("object_id,time,mag,err\n\n")
    empty = {"object_id": pa.array([], pa.string()), **{k: pa.array([], pa.float64()) for k in NAMES[1:4]}}
    pq.write_table(pa.table(empty), tmp_path / "stars.parquet")
    write_records(tmp_path / "stars.avro", [])
    for name in ("stars.csv", "stars.parquet", "stars.avro"):
        with pytest.raises(TrainingError, match="has no rows"):
            read_light_curves(tmp_path / name)


@pytest.mark.parametrize("name", [*TABLES, "stars.npz"])
def test_files_that_are_not_what_they_are_called(tmp_path, name):
    path = tmp_path / name
    path.touch()
    with pytest.raises(TrainingError, match="is an empty file"):
        read_light_curves(path)
    path.write_bytes(b"\x89PNG\xff\xfe\x00" * 40)
    with pytest.raises(TrainingError, match="cannot read"):
        read_light_curves(path)
    path.unlink()
    path.mkdir()
    for folder in (path, path.parent):
        with pytest.raises(SettingsError, match="is a folder: give a file in it"):
            read_light_curves(folder)


@pytest.mark.parametrize("name", ["stars.csv.gz", "stars.parquet", "stars.avro"])
def test_truncated_files_are_refused(tmp_path, name):
    path = write(tmp_path / name)
    whole = path.read_bytes()
    for length in (1, 4, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(TrainingError, match="cannot read"):
            read_light_curves(path)


@pytest.mark.parametrize("name", TABLES)
def test_flipped_bytes_are_one_error_or_none(tmp_path, name):
    path = write(tmp_path / name)
    whole, rng = path.read_bytes(), random.Random(3)
    errors = []
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        path.write_bytes(bytes(damaged))
        try:
            read_light_curves(path)
        except TrainingError as exc:
            errors.append(str(exc))
    assert len(errors) > 10
    assert not any("\n" in error for error in errors)
