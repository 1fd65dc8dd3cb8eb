import csv
import gzip
import random

import fastavro
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training.errors import SettingsError, TrainingError
from training.light_curve_files import read_light_curves
from training.light_curves import Columns

NAMES = ("object_id", "time", "mag", "err", "label", "band", "ra", "dec", "catalogue")
ROWS = [  # two stars, one of them in two bands, epochs and stars mixed
    ("b", 2458003.25, 15.25, 0.01, "RRab", "g", 10.5, -3.25, "X1"),
    ("a", 2458001.5, 12.5, 0.02, "EA", "g", 200.0, 45.0, "X2"),
    ("b", 2458001.125, 15.125, 0.01, "RRab", "g", 10.5, -3.25, "X1"),
    ("b", 2458002.0, 14.5, 0.03, "RRab", "r", 10.5, -3.25, "X1"),
    ("a", 2458000.5, 12.625, 0.02, "EA", "g", 200.0, 45.0, "X2"),
]


def write(path, rows=ROWS, names=NAMES):
    """Write rows of the columns above, as the suffix says."""
    if path.suffix == ".parquet":
        pq.write_table(pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))), path)
    elif path.suffix == ".avro":
        fields = [{"name": name, "type": ["null", "string", "double"]} for name in names]
        schema = {"type": "record", "name": "epoch", "fields": fields}
        with path.open("wb") as file:
            fastavro.writer(file, schema, [dict(zip(names, row, strict=True)) for row in rows])
    else:
        with gzip.open(path, "wt") if path.suffix == ".gz" else path.open("w", newline="") as file:
            csv.writer(file).writerows([names, *rows])
    return path


def changed(row, **values):
    """The rows above with some values of one of them replaced."""
    new = dict(zip(NAMES, ROWS[row], strict=True)) | values
    return [*ROWS[:row], tuple(new.values()), *ROWS[row + 1 :]]


TABLES = ("stars.csv", "stars.csv.gz", "stars.parquet", "stars.avro")


@pytest.mark.parametrize("name", TABLES)
def test_a_table_holds_what_an_npz_of_the_same_stars_holds(tmp_path, name):
    np.savez(
        tmp_path / "stars.npz",
        time=[2458001.125, 2458003.25, 2458000.5, 2458001.5, 2458002.0],
        mag=[15.125, 15.25, 12.625, 12.5, 14.5],
        err=[0.01, 0.01, 0.02, 0.02, 0.03],
        offsets=[0, 2, 4, 5],
        object_id=["b", "a", "b"],
        label=["RRab", "EA", "RRab"],
        band=["g", "g", "r"],
        ra=[10.5, 200.0, 10.5],
        dec=[-3.25, 45.0, -3.25],
        catalogue=["X1", "X2", "X1"],
    )
    table, npz = read_light_curves(write(tmp_path / name)), read_light_curves(tmp_path / "stars.npz")
    assert table.name == npz.name == "stars"
    for series in ("time", "mag", "err", "offsets"):
        ours, theirs = getattr(table.curves, series), getattr(npz.curves, series)
        assert ours.dtype == theirs.dtype
        assert ours.tolist() == theirs.tolist()
    assert table.columns.keys() == npz.columns.keys()
    for key, values in npz.columns.items():
        assert table.columns[key].dtype == values.dtype
        assert table.columns[key].tolist() == values.tolist()


@pytest.mark.parametrize("kind", ["avro", "parquet"])
def test_a_record_may_hold_a_whole_light_curve(tmp_path, kind):
    records = [
        {
            "object_id": "b",
            "time": [2.0, 1.0, 3.0],
            "mag": [15.0, 15.5, 15.25],
            "err": [0.1] * 3,
            "label": "RR",
        },
        {"object_id": "a", "time": [7.0], "mag": [12.0], "err": [0.2], "label": "EA"},
    ]
    path = tmp_path / f"stars.{kind}"
    write_records(path, records)
    stars = read_light_curves(path)
    assert stars.curves.time.tolist() == [1.0, 2.0, 3.0, 7.0]
    assert stars.curves.mag.tolist() == [15.5, 15.0, 15.25, 12.0]
    assert stars.curves.n_epochs.tolist() == [3, 1]
    assert stars.labels("label").tolist() == ["RR", "EA"]
    records[0]["mag"][1] = 99.999
    write_records(path, records)
    with pytest.raises(TrainingError, match=r"row 1 point 2: mag must be .* got 99\.999"):
        read_light_curves(path)
    records[1]["err"] = []
    write_records(path, records)
    with pytest.raises(TrainingError, match="row 1 point 2: mag"):
        read_light_curves(path)
    del records[0]
    write_records(path, records)
    with pytest.raises(
        TrainingError, match="row 1 point 1: has empty arrays, or arrays of different lengths"
    ):
        read_light_curves(path)


def write_records(path, records):
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(records), path)
        return
    series = {"type": "array", "items": "double"}
    kinds = {"object_id": "string", "time": series, "mag": series, "err": series, "label": "string"}
    fields = [{"name": name, "type": kind} for name, kind in kinds.items()]
    with path.open("wb") as file:
        fastavro.writer(file, {"type": "record", "name": "star", "fields": fields}, records)


def test_an_incomplete_light_curve_can_be_skipped(tmp_path, capsys):
    records = [
        {"object_id": "a", "time": [1.0, 2.0], "mag": [15.0], "err": [0.1, 0.1], "label": "EA"},
        {"object_id": "b", "time": [1.0, 2.0], "mag": [15.0, 15.5], "err": [0.1, 0.1], "label": "RR"},
    ]
    write_records(tmp_path / "stars.avro", records)
    stars = read_light_curves(tmp_path / "stars.avro", skip_bad_rows=True)
    assert stars.columns["object_id"].tolist() == ["b"]
    assert "1 of 3 rows left out, the first at row 1" in capsys.readouterr().err


def test_columns_may_have_any_names_and_the_label_keeps_its_own(tmp_path):
    names = ("star", "hjd", "vmag", "e_v", "type", "filter", "raj2000", "dej2000", "catalogue")
    columns = Columns.parse("object_id=star,time=hjd,mag=vmag,err=e_v,label=type,ra=raj2000,dec=dej2000")
    stars = read_light_curves(write(tmp_path / "stars.csv", names=names), columns)
    assert stars.labels("type").tolist() == stars.labels("label").tolist() == ["RRab", "EA"]
    assert stars.columns["ra"].tolist() == [10.5, 200.0]
    assert stars.curves.n_epochs.tolist() == [3, 2]  # without --columns band=filter a star is one light curve
    assert "filter" not in stars.columns  # it changes within the light curve of b
    assert stars.columns["catalogue"].tolist() == ["X1", "X2"]


def test_only_star_time_magnitude_and_error_are_needed(tmp_path):
    rows = [row[:4] for row in ROWS]
    stars = read_light_curves(write(tmp_path / "stars.csv", rows, NAMES[:4]))
    assert set(stars.columns) == {"object_id"}
    with pytest.raises(SettingsError, match=r"stars has no column 'label'.*it has object_id"):
        stars.labels("label")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("date=hjd", "'date' is not known; .*object_id, time, mag, err, label, band, ra, dec"),
        ("time=", "'time' has no column"),
        ("time", "'time' has no column"),
        ("", "'' is not known"),
        ("time=hjd,time=jd", "'time' comes twice"),
        ("time=mag", "'mag' cannot mean two things"),
    ],
)
def test_what_is_no_choice_of_columns_is_told(text, message):
    with pytest.raises(SettingsError, match=message):
        Columns.parse(text)


BAD = [
    ({"mag": 99.999}, "mag", "99.999"),
    ({"mag": -99.0}, "mag", "-99.0"),
    ({"mag": float("nan")}, "mag", "nan"),
    ({"mag": None}, "mag", "nothing"),
    ({"time": float("inf")}, "time", "inf"),
    ({"err": 0.0}, "err", "0.0"),
    ({"err": -1.0}, "err", "-1.0"),
    ({"err": float("inf")}, "err", "inf"),
    ({"object_id": ""}, "object_id", "nothing"),
    ({"ra": float("inf"), "object_id": "c"}, "ra", "inf"),
]


@pytest.mark.parametrize("values", BAD, ids=lambda bad: f"{bad[1]}={bad[2]}")
@pytest.mark.parametrize("name", TABLES)
def test_a_bad_value_is_named_with_its_row_or_skipped(tmp_path, capsys, name, values):
    change, column, value = values
    path = write(tmp_path / name, changed(2, **change))
    place = "line 4" if "csv" in name else "row 3"
    with pytest.raises(TrainingError) as error:
        read_light_curves(path)
    said = str(error.value)
    assert said.startswith(f"{path}, {place}: {column} must")
    assert f"got {value}" in said.replace("'", "")
    assert said.endswith("remove the row, or give --skip-bad-rows")
    stars = read_light_curves(path, skip_bad_rows=True)
    assert stars.curves.n_epochs.tolist() == [1, 2, 1]
    assert stars.columns["object_id"].tolist() == ["b", "a", "b"]
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert f"1 of 5 rows left out, the first at {place}: {column}" in lines[0]


@pytest.mark.parametrize("text", ["15,25", "12.5.1", "1_5", "0x10", "fifteen", "1e", "--", "1 5"])
def test_text_that_is_no_number_is_no_number(tmp_path, text):
    path = write(tmp_path / "stars.csv", changed(0, mag=text))
    with pytest.raises(TrainingError, match=r"line 2: mag must .* got '"):
        read_light_curves(path)


def test_numbers_are_read_to_the_last_digit(tmp_path):
    values = np.random.default_rng(1).uniform(-2, 2, 500) * 10.0 ** np.arange(500) ** 0.1
    texts = [repr(float(value)) for value in values] + ["+1.5", " 2.5 ", "1e1", "5.", ".5"]
    rows = [("a", text, "15", "0.1") for text in texts]
    stars = read_light_curves(write(tmp_path / "stars.csv", rows, NAMES[:4]))
    assert stars.curves.time.tolist() == sorted(float(text) for text in texts)


def test_lines_are_counted_as_an_editor_counts_them(tmp_path):
    path = tmp_path / "stars.csv"
    path.write_text(
        "\ufeffobject_id,time,mag,err\r\na,1,15,0.1\r\n\r\na,2,15\r\na,3,15,0.1,9\r\na,4,x,0.1\r\n\r\n"
    )
    with pytest.raises(TrainingError, match="line 4: has not the 4 values that the header names"):
        read_light_curves(path)
    path.write_text("object_id,time,mag,err\n\n\na,4,x,0.1\n")
    with pytest.raises(TrainingError, match="line 4: mag"):
        read_light_curves(path)


def test_rows_of_the_wrong_length_can_be_skipped(tmp_path, capsys):
    path = tmp_path / "stars.csv"
    path.write_text("object_id,time,mag,err\na,1,15,0.1\n\na,2,15\na,3,15,0.1,9\na,4,x,0.1\na,5,16,0.1\n\n")
    stars = read_light_curves(path, skip_bad_rows=True)
    assert stars.curves.time.tolist() == [1.0, 5.0]
    assert stars.curves.mag.tolist() == [15.0, 16.0]
    assert "3 of 5 rows left out, the first at line 4" in capsys.readouterr().err


def test_a_file_of_bad_rows_only_cannot_be_skipped(tmp_path):
    path = write(tmp_path / "stars.csv", changed(0, mag=99.0)[:1])
    with pytest.raises(TrainingError, match="no usable row: all 1 are bad, the first at line 2"):
        read_light_curves(path, skip_bad_rows=True)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"label": "RRc"}, "label of b is 'RRab' in line 2 and 'RRc' in line 5"),
        ({"label": ""}, "label of b is 'RRab' in line 2 and '' in line 5"),
        ({"ra": 11.5}, r"ra of b is 10\.5 in line 2 and 11\.5 in line 5"),
        ({"dec": ""}, r"dec of b is -3\.25 in line 2 and nan in line 5"),
    ],
)
def test_a_star_has_one_label_and_one_position_in_all_bands(tmp_path, values, message):
    path = write(tmp_path / "stars.csv", changed(3, **values))
    with pytest.raises(TrainingError, match=message):
        read_light_curves(path)


def test_a_position_may_be_unknown(tmp_path):
    rows = [(*row[:6], text, "", row[8]) for row, text in zip(ROWS, ["", "nan", "", "NaN", ""], strict=True)]
    stars = read_light_curves(write(tmp_path / "stars.csv", rows))
    assert np.isnan(stars.columns["ra"]).all()
    assert np.isnan(stars.columns["dec"]).all()


def test_whole_numbers_are_names_and_fractions_are_not(tmp_path):
    path = tmp_path / "stars.parquet"
    series = {"time": [1.0], "mag": [15], "err": pa.array([0.1], pa.float32())}
    pq.write_table(pa.table({"object_id": [4611686018427387905], "label": [3], "n": [7], **series}), path)
    stars = read_light_curves(path)
    assert stars.columns["object_id"].tolist() == ["4611686018427387905"]
    assert stars.labels("label").tolist() == ["3"]
    assert stars.columns["n"].dtype == np.int64
    pq.write_table(pa.table({"object_id": [4611686018427387905.0], **series}), path)
    with pytest.raises(TrainingError, match="object_id holds double numbers, which are no names"):
        read_light_curves(path)


def test_a_column_of_another_type_is_named(tmp_path):
    path = tmp_path / "stars.parquet"
    time = pa.array([0], pa.timestamp("us"))
    pq.write_table(pa.table({"object_id": ["a"], "time": time, "mag": [15.0], "err": [0.1]}), path)
    with pytest.raises(TrainingError, match=r"time holds timestamp\[us\], not numbers"):
        read_light_curves(path)
    mag = pa.array([[15.0]])
    pq.write_table(pa.table({"object_id": ["a"], "time": [1.0], "mag": mag, "err": [0.1]}), path)
    with pytest.raises(TrainingError, match="time holds double where others hold arrays"):
        read_light_curves(path)


def test_categories_decimals_and_nested_columns_of_parquet(tmp_path):
    rows = {
        "object_id": pa.array(["a", "b", "a"]).dictionary_encode(),
        "time": pa.array([1, 2, 3], pa.int32()),
        "mag": pa.array(["15.5", "16.5", "15.25"]).cast(pa.decimal128(5, 2)),
        "err": [0.1, 0.1, 0.1],
        "cutout": [{"x": 1}, {"x": 2}, {"x": 3}],
        "checked": [True, False, True],
        "redshift": [None, 0.5, None],
    }
    pq.write_table(pa.table(rows), tmp_path / "stars.parquet")
    stars = read_light_curves(tmp_path / "stars.parquet")
    assert stars.curves.mag.tolist() == [15.5, 15.25, 16.5]
    assert set(stars.columns) == {"object_id", "checked", "redshift"}
    assert stars.columns["checked"].tolist() == [True, False]
    assert stars.columns["redshift"].tolist() == pytest.approx([np.nan, 0.5], nan_ok=True)


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
    with pytest.raises(SettingsError, match="is not a file"):
        read_light_curves(path)


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
