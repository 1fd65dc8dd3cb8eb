import numpy as np
import pyarrow as pa
import pytest

from training.joined_types import joined


def test_a_column_without_values_in_one_part_keeps_the_type_of_the_others():
    parts = [
        pa.table({"x": [1.25], "never": pa.nulls(1)}),
        pa.table({"x": pa.nulls(2), "never": pa.nulls(2)}),
    ]
    for order in (parts, parts[::-1]):
        table = joined(order)
        assert table.schema.field("x").type == pa.float64()
        assert sorted(table["x"].to_pylist(), key=str) == [1.25, None, None]
        assert table["never"].null_count == 3


@pytest.mark.parametrize(
    ("one", "other", "kind", "values"),
    [
        (pa.array([1]), pa.array([2.5]), pa.float64(), [1.0, 2.5]),
        (pa.array([1], pa.int8()), pa.array([2**40]), pa.int64(), [1, 2**40]),
        (pa.array([0.5], pa.float32()), pa.array([0.1]), pa.float64(), [0.5, 0.1]),
        (pa.array([2**53 + 1]), pa.array([0.5]), pa.string(), ["9007199254740993", "0.5"]),
        (pa.array(["a"]), pa.array(["b"], pa.large_string()), pa.string(), ["a", "b"]),
        (pa.array([True]), pa.array(["b"]), pa.string(), ["true", "b"]),
        (pa.array([7]), pa.array(["b"]), pa.string(), ["7", "b"]),
    ],
)
def test_two_types_become_the_one_that_loses_nothing(one, other, kind, values):
    table = joined([pa.table({"x": one}), pa.table({"x": other}), pa.table({"y": np.arange(1)})])
    assert table.schema.field("x").type == kind
    assert table["x"].to_pylist() == [*values, None]
