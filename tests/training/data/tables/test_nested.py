"""Light curves in nested columns: lists of structs, structs of lists, and what may be missing in them."""

import fastavro
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training.data.light_curves import Columns
from training.data.read import read_light_curves
from training.errors import SettingsError, TrainingError

EPOCHS = {
    "a": [(3.25, 15.5, 0.1, "g"), (1.125, 15.0, 0.1, "g"), (2.75, 14.5, 0.2, "r")],
    "b": [(7.5, 12.0, 0.2, "g")],
}
NAMES = Columns.parse("time=lc.mjd,mag=lc.m,err=lc.e,band=")


def structs(names=("mjd", "m", "e", "filter")):
    return [
        {"object_id": star, "lc": [dict(zip(names, epoch, strict=True)) for epoch in epochs]}
        for star, epochs in EPOCHS.items()
    ]


def lists(names=("mjd", "m", "e", "filter")):
    return [
        {"object_id": star, "lc": dict(zip(names, map(list, zip(*epochs, strict=True)), strict=True))}
        for star, epochs in EPOCHS.items()
    ]


def write(path, records):
    pq.write_table(pa.Table.from_pylist(records), path)
    return path


def assert_read(stars):
    assert stars.columns["object_id"].tolist() == ["a", "b"]
    assert stars.curves.time.tolist() == [1.125, 2.75, 3.25, 7.5]
    assert stars.curves.mag.tolist() == [15.0, 14.5, 15.5, 12.0]
    assert stars.curves.err.tolist() == [0.1, 0.2, 0.1, 0.2]


@pytest.mark.parametrize("records", [structs(), lists()], ids=["list of structs", "struct of lists"])
def test_fields_are_named_with_or_without_their_column(tmp_path, records):
    path = write(tmp_path / "stars.parquet", records)
    assert_read(read_light_curves(path, NAMES))
    assert_read(read_light_curves(path, Columns(time="mjd", mag="m", err="e")))
    stars = read_light_curves(path, Columns(time="mjd", mag="m", err="e", band="lc.filter"))
    assert stars.columns["band"].tolist() == ["g", "r", "g"]
    assert stars.curves.n_epochs.tolist() == [2, 1, 1]


def test_default_names_are_found_deeper_down(tmp_path):
    records = [
        {"object_id": each["object_id"], "sources": {"all": each["lc"]}}
        for each in lists(("time", "mag", "err", "band"))
    ]
    stars = read_light_curves(write(tmp_path / "stars.parquet", records))
    assert stars.columns["band"].tolist() == ["g", "r", "g"]


@pytest.mark.parametrize(
    "kind",
    [pa.large_list, lambda item: pa.list_(item, 1), pa.list_view],
    ids=["large", "of one length", "view"],
)
def test_lists_of_every_kind(tmp_path, kind):
    item = pa.struct([("mjd", pa.float64()), ("m", pa.float32()), ("e", pa.float64())])
    column = pa.array([[{"mjd": 2.5, "m": 15.5, "e": 0.1}], [{"mjd": 3.5, "m": 16.5, "e": 0.1}]], kind(item))
    table = pa.table({"object_id": ["a", "b"], "lc": column})
    try:
        pq.write_table(table, tmp_path / "stars.parquet")
    except pa.ArrowNotImplementedError:
        pytest.skip("this pyarrow cannot write them")
    assert read_light_curves(tmp_path / "stars.parquet", NAMES).curves.mag.tolist() == [15.5, 16.5]


def test_avro_records_within_records(tmp_path):
    kinds = {"mjd": "double", "m": ["null", "double"], "e": "double", "filter": "string"}
    fields = [{"name": name, "type": kind} for name, kind in kinds.items()]
    epochs = {"type": "array", "items": {"type": "record", "name": "epoch", "fields": fields}}
    schema = {
        "type": "record",
        "name": "star",
        "fields": [{"name": "object_id", "type": "string"}, {"name": "lc", "type": epochs}],
    }
    with (tmp_path / "stars.avro").open("wb") as file:
        fastavro.writer(file, schema, structs())
    assert_read(read_light_curves(tmp_path / "stars.avro", NAMES))


def test_what_is_missing_is_told_by_row_and_point(tmp_path):
    records = structs()
    records[0]["lc"][1]["m"] = None
    path = write(tmp_path / "stars.parquet", records)
    with pytest.raises(TrainingError, match=r"row 1 point 2: lc\.m must be a magnitude .* got nothing"):
        read_light_curves(path, NAMES)
    records[0]["lc"][2] = None  # a struct that is null has fields that are null
    write(path, records)
    assert read_light_curves(path, NAMES, skip_bad_rows=True).curves.time.tolist() == [3.25, 7.5]
    for nothing in (None, []):
        write(path, [*structs(), {"object_id": "c", "lc": nothing}])
        with pytest.raises(TrainingError, match="row 3 point 1: has empty arrays"):
            read_light_curves(path, NAMES)
        stars = read_light_curves(path, NAMES, skip_bad_rows=True)
        assert_read(stars)
        assert stars.left_out == {"row": 1}


def test_a_field_that_two_columns_have_must_be_said(tmp_path):
    records = [{**each, "old": each["lc"]} for each in lists()]
    path = write(tmp_path / "stars.parquet", records)
    with pytest.raises(SettingsError, match=r"mjd may be lc\.mjd or old\.mjd: .*--columns"):
        read_light_curves(path, Columns(time="mjd", mag="m", err="e"))
    assert_read(read_light_curves(path, NAMES))


def test_the_unit_of_a_field_is_used(tmp_path):
    fields = [
        pa.field("mjd", pa.list_(pa.float64()), metadata={"unit": "h"}),
        pa.field("m", pa.list_(pa.float64())),
        pa.field("e", pa.list_(pa.float64()), metadata={"units": "mmag"}),
    ]
    column = pa.array([{"mjd": [24.0, 60.0], "m": [15.0, 16.0], "e": [20.0, 30.0]}], pa.struct(fields))
    pq.write_table(
        pa.table(
            [pa.array(["a"]), column], schema=pa.schema([("object_id", pa.string()), ("lc", column.type)])
        ),
        tmp_path / "stars.parquet",
    )
    for names in (NAMES, Columns(time="mjd", mag="m", err="e")):
        curves = read_light_curves(tmp_path / "stars.parquet", names).curves
        assert curves.time.tolist() == [1.0, 2.5]
        assert curves.err == pytest.approx([0.02, 0.03])


def test_nested_columns_that_nobody_needs_are_left_alone(tmp_path):
    flat = pa.table(
        {
            "object_id": ["a", "a"],
            "time": np.array([1.0, 2.0]),
            "mag": [15.0, 15.5],
            "err": [0.1, 0.1],
            "host": [{"ra": 1.0, "dec": 2.0, "label": "Sb"}] * 2,
            "cutouts": [[{"stamp": b"\xff"}]] * 2,
            "bytes": [b"\xff\xfe"] * 2,
        }
    )
    pq.write_table(flat, tmp_path / "stars.parquet")
    assert set(read_light_curves(tmp_path / "stars.parquet").columns) == {"object_id"}
