import pytest

from tests.training.data.tables.written import NAMES, ROWS, TABLES, changed, write, write_records
from training.data.read import read_light_curves
from training.errors import TrainingError

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


def test_an_incomplete_light_curve_can_be_skipped(tmp_path, capsys):
    records = [
        {"object_id": "a", "time": [1.0, 2.0], "mag": [15.0], "err": [0.1, 0.1], "label": "EA"},
        {"object_id": "b", "time": [1.0, 2.0], "mag": [15.0, 15.5], "err": [0.1, 0.1], "label": "RR"},
    ]
    write_records(tmp_path / "stars.avro", records)
    stars = read_light_curves(tmp_path / "stars.avro", skip_bad_rows=True)
    assert stars.columns["object_id"].tolist() == ["b"]
    assert "1 of 3 rows left out, the first at row 1" in capsys.readouterr().err


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


@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("mag", -12.5, "instrumental ones plus a constant, got '-12.5'"),
        ("time", "03/07/2018 23:06", "or a date as 2026-03-01T22:30:00, got '03/07/2018 23:06'"),
        ("time", 1.53e9, "seconds / 86400"),
        ("err", 99.99, "must be below 1 mag"),
    ],
)
def test_a_file_of_bad_rows_only_is_refused_by_what_can_be_done(tmp_path, skip, column, value, rule):
    rows = [dict(zip(NAMES, row, strict=True)) | {column: value} for row in ROWS]
    path = write(tmp_path / "stars.csv", [tuple(row.values()) for row in rows])
    with pytest.raises(TrainingError, match="no usable row: all 5 are bad, the first at line 2") as error:
        read_light_curves(path, skip_bad_rows=skip)
    assert rule in str(error.value)
    assert str(error.value).endswith("convert the values, or name other columns with --columns")


@pytest.mark.parametrize("value", ["6.86103E+14", "7E+17"])
@pytest.mark.parametrize("column", ["object_id", "label"])
def test_names_that_a_spreadsheet_has_rounded_are_refused(tmp_path, column, value):
    path = write(tmp_path / "stars.csv", changed(1, **{column: value}))
    with pytest.raises(TrainingError, match=rf"{column} holds '{value.replace('+', '.')}', a long number"):
        read_light_curves(path)


@pytest.mark.parametrize("value", ["1E2", "6.86103e", "E+14", "4.5E+1X", "WISE J1E+14"])
def test_names_that_only_look_so_are_names(tmp_path, value):
    path = write(tmp_path / "stars.csv", changed(1, object_id=value))
    assert value in read_light_curves(path).columns["object_id"].tolist()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"label": "RRc"}, "label of b is 'RRab' in line 2 and 'RRc' in line 5"),
        ({"label": ""}, "label of b is 'RRab' in line 2 and '' in line 5"),
        ({"ra": 11.5}, r"ra of b is 10\.5 in line 2 and 11\.5 in line 5"),
        ({"dec": -3.2}, r"dec of b is -3\.25 in line 2 and -3\.2 in line 5"),
    ],
)
def test_a_star_has_one_label_and_one_position_in_all_bands(tmp_path, values, message):
    path = write(tmp_path / "stars.csv", changed(3, **values))
    with pytest.raises(TrainingError, match=message):
        read_light_curves(path)
