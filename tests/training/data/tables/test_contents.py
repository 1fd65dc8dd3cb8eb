import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.training.data.tables.written import NAMES, ROWS, TABLES, write, write_records
from training.data.light_curves import Columns
from training.data.read import read_light_curves
from training.errors import SettingsError, TrainingError


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
    with pytest.raises(SettingsError, match=r"no column 'label'.*it has object_id: name it with --label"):
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


def test_numbers_are_read_to_the_last_digit(tmp_path):
    values = np.random.default_rng(1).uniform(-2, 2, 500) * 10.0 ** np.arange(500) ** 0.1
    texts = [repr(float(value)) for value in values] + ["+1.5", " 2.5 ", "1e1", "5.", ".5"]
    rows = [("a", text, "15", "0.1") for text in texts]
    stars = read_light_curves(write(tmp_path / "stars.csv", rows, NAMES[:4]))
    assert stars.curves.time.tolist() == sorted(float(text) for text in texts)


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
