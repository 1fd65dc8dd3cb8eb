"""Columns of several tables, each in the one type that holds what all of them have."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Put tables one after the other; what one lacks is null.

    A column without any value anywhere in a table takes the type that it has in the others; whole numbers
    and fractions are fractions if none loses a digit; whatever else differs is text.
    """
    kinds: dict[str, set[pa.DataType]] = {}
    for table in tables:
        for field in table.schema:
            kinds.setdefault(field.name, set()).add(field.type)
    chosen = {name: _one_type(name, tables, types) for name, types in kinds.items()}
    alike = [
        pa.table({name: table[name].cast(chosen[name]) for name in table.column_names}) for table in tables
    ]
    return pa.concat_tables(alike, promote_options="default")


def _one_type(name: str, tables: Sequence[pa.Table], types: set[pa.DataType]) -> pa.DataType:
    known = {kind for kind in types if not pa.types.is_null(kind)}
    if len(known) < 2:
        return next(iter(known), pa.null())
    if all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in known):
        whole = all(pa.types.is_integer(kind) for kind in known)
        number = pa.int64() if whole else pa.float64()
        if all(_holds(table[name], number) for table in tables if name in table.column_names):
            return number
    return pa.string()


def _holds(column: pa.ChunkedArray, kind: pa.DataType) -> bool:
    try:
        column.cast(kind)
    except pa.ArrowException:
        return False
    return True
