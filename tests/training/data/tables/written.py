"""Tables of light curves, written as their suffixes say."""

import csv
import gzip

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq

NAMES = ("object_id", "time", "mag", "err", "label", "band", "ra", "dec", "catalogue")
ROWS = [  # two stars, one of them in two bands, epochs and stars mixed
    ("b", 2458003.25, 15.25, 0.01, "RRab", "g", 10.5, -3.25, "X1"),
    ("a", 2458001.5, 12.5, 0.02, "EA", "g", 200.0, 45.0, "X2"),
    ("b", 2458001.125, 15.125, 0.01, "RRab", "g", 10.5, -3.25, "X1"),
    ("b", 2458002.0, 14.5, 0.03, "RRab", "r", 10.5, -3.25, "X1"),
    ("a", 2458000.5, 12.625, 0.02, "EA", "g", 200.0, 45.0, "X2"),
]
TABLES = ("stars.csv", "stars.csv.gz", "stars.parquet", "stars.avro")


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


def write_records(path, records):
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(records), path)
        return
    series = {"type": "array", "items": "double"}
    kinds = {"object_id": "string", "time": series, "mag": series, "err": series, "label": "string"}
    fields = [{"name": name, "type": kind} for name, kind in kinds.items()]
    with path.open("wb") as file:
        fastavro.writer(file, {"type": "record", "name": "star", "fields": fields}, records)
