"""Nested columns of Parquet and Avro, structs of lists and lists of structs, as columns of their own."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from training.data.tables.cells import one_array
from training.errors import SettingsError


def is_list(kind: pa.DataType) -> bool:
    """Whether values of the type are lists."""
    kinds = (
        *(pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list),
        *(pa.types.is_list_view, pa.types.is_large_list_view),
    )
    return any(is_kind(kind) for is_kind in kinds)


def opened(
    path: Path, table: pa.Table, asked: Collection[str], welcome: Collection[str]
) -> tuple[pa.Table, dict[str, str]]:
    """Open the nested columns that hold what a table has not by itself.

    ``lc.mjd`` is the field ``mjd`` of the nested column ``lc``. A name without a dot is looked for as a
    field too, where only one nested column has it; it is then the name of the column.

    Parameters
    ----------
    path : Path
        The file, for messages.
    table : pyarrow.Table
        Of which nested columns are opened.
    asked : collection of str
        Names that are looked for.
    welcome : collection of str
        Names of fields that are taken as well where a column is opened: the place of a star's host is not
        that of its light curve.

    Returns
    -------
    pyarrow.Table
        With the fields as columns.
    dict of str to str
        Under which name a field is found there, where it is not its own.

    Raises
    ------
    SettingsError
        If several nested columns have such a field.
    """
    leaves = {
        leaf: name
        for name in table.column_names
        for leaf in _leaves(table.schema.field(name).type, name)
        if leaf not in table.column_names
    }
    meant: dict[str, str] = {}
    for name in (*asked, *welcome):
        found = [name] if name in leaves else [leaf for leaf in leaves if leaf.endswith(f".{name}")]
        if name not in asked:
            found = [leaf for leaf in found if leaves[leaf] in {leaves[other] for other in meant}]
        if name in table.column_names:
            continue
        if len(found) > 1:
            raise SettingsError(
                f"{path}: {name} may be {' or '.join(found)}: give the whole name in --columns, as {found[0]}"
            )
        meant.update(dict.fromkeys(found, name))
    columns = {leaves[leaf] for leaf in meant}
    result = {}
    for name in table.column_names:
        if name not in columns:
            result[name] = table[name]
            continue
        for leaf, array in _fields(one_array(table[name]), name):
            result[meant.get(leaf, leaf)] = array
    return (pa.table(result) if columns else table), meant


def _leaves(kind: pa.DataType, name: str) -> Iterator[str]:
    """Names of the fields of a nested type, the fields of fields too."""
    if is_list(kind) and pa.types.is_struct(kind.value_type):
        kind = kind.value_type
    if pa.types.is_struct(kind):
        for field in kind:
            inner = f"{name}.{field.name}"
            nested = [*_leaves(field.type, inner)]
            yield from nested or [inner]


def _fields(array: pa.Array, name: str) -> Iterator[tuple[str, pa.Array]]:
    """Go through the fields of a nested column as columns; those of a list of structs are lists."""
    if pa.types.is_struct(array.type):
        for number, field in enumerate(array.type):
            yield from _fields(pc.struct_field(array, [number]), f"{name}.{field.name}")
    elif is_list(array.type) and pa.types.is_struct(array.type.value_type):
        lengths = pc.list_value_length(array).fill_null(0).cast(pa.int64())
        ends = pc.cumulative_sum(lengths)
        offsets = pa.concat_arrays([pa.array([0], pa.int64()), ends])
        for leaf, values in _fields(pc.list_flatten(array), name):
            yield leaf, pa.LargeListArray.from_arrays(offsets, values)
    else:
        yield name, array
