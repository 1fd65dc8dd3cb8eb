"""The file of light curves that a run over files leaves: every epoch that counts, as CSV or Parquet."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from broker.alert import FORCED, UNKNOWN_OFFSET, Place
from broker.cli.output_files import whole_file
from broker.errors import ConfigError, FatalError
from broker.state.epochs import seen
from broker.state.light_curve import LightCurve

COLUMNS = (
    "survey",
    "object_id",
    "band",
    "mjd",
    "mag",
    "err",
    "kind",
    "exposure",
    "source_id",
    "ra",
    "dec",
    "offset_arcsec",
)

Columns = dict[str, NDArray[Any]]
"""By name; what is not known is masked."""


class LightCurveFile:
    """Light curves of a run, written when it is over.

    Parameters
    ----------
    path : Path
        ``.csv`` or ``.parquet`` says in which form.

    Raises
    ------
    ConfigError
        If it is neither, or Parquet cannot be written here.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, Place] = {}
        forms = {".csv": _write_csv, ".parquet": _write_parquet}
        if path.suffix.lower() not in forms:
            raise ConfigError(f"--light-curves {path} is neither .csv nor .parquet: name it as one of them")
        self._write = forms[path.suffix.lower()]
        if self._write is _write_parquet:
            try:
                import pyarrow  # noqa: F401, PLC0415 - the worker does without
            except ImportError as exc:
                raise ConfigError(
                    f"--light-curves {path}: Parquet needs pyarrow, which is not installed: "
                    "pip install pyarrow, or name a .csv"
                ) from exc

    def note(self, places: Mapping[str, Place]) -> None:
        """Remember where objects are, the place of the latest alert of each."""
        for key, place in places.items():
            self._places[key] = place.or_later(self._places.get(key))

    def write(self, curves: Mapping[str, LightCurve]) -> None:
        """Write all light curves by their keys; the file is there whole or not at all.

        Raises
        ------
        FatalError
            If it cannot be written.
        """
        try:
            with whole_file(self._path) as path:
                self._write(path, self._tables(curves))
        except OSError as exc:
            raise FatalError(f"cannot write {self._path}: {exc.strerror or exc}") from exc

    def _tables(self, curves: Mapping[str, LightCurve]) -> Iterator[Columns]:
        for key in sorted(curves):
            survey, _, object_id = key.partition(":")
            table = columns_of(curves[key])
            size = table["mjd"].size
            if size:
                place = self._places[key]
                same = {"survey": survey, "object_id": object_id, "ra": place.ra, "dec": place.dec}
                table |= {name: np.ma.array(np.full(size, value)) for name, value in same.items()}
                yield {name: table[name] for name in COLUMNS}


def columns_of(curve: LightCurve) -> Columns:
    """Epochs of a light curve that count, by band, time and exposure, but for what is the same for all."""
    epochs = seen(curve.epochs)
    epochs = epochs[np.lexsort((epochs["exposure"], epochs["mjd"], epochs["band"]))]
    forced = epochs["kind"] == FORCED
    known_offset = forced & (epochs["offset"] != UNKNOWN_OFFSET)
    return {
        "band": np.ma.array(epochs["band"].astype("U1")),
        "mjd": np.ma.array(epochs["mjd"]),
        "mag": np.ma.array(epochs["mag"]),
        "err": np.ma.array(epochs["mag_err"], mask=~np.isfinite(epochs["mag_err"])),
        "kind": np.ma.array(np.where(forced, "forced", "detection")),
        "exposure": np.ma.array(epochs["exposure"]),
        "source_id": np.ma.array(epochs["source_id"].astype("U20"), mask=forced),
        "offset_arcsec": np.ma.array(epochs["offset"] / 100.0, mask=~known_offset),
    }


def _write_csv(path: Path, tables: Iterator[Columns]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        for table in tables:
            rows.writerows(zip(*map(_texts, table.values()), strict=True))


def _texts(column: NDArray[Any]) -> list[str]:
    """Write values in the fewest digits that read back as the same ones, what is masked as nothing."""
    texts: list[str] = np.where(np.ma.getmaskarray(column), "", np.ma.getdata(column).astype(str)).tolist()
    return texts


def _write_parquet(path: Path, tables: Iterator[Columns]) -> None:
    import pyarrow as pa  # noqa: PLC0415 - the worker does without
    import pyarrow.parquet as pq  # noqa: PLC0415

    kinds = {"mag": pa.float32(), "err": pa.float32(), "exposure": pa.int64()}
    kinds |= dict.fromkeys(("mjd", "ra", "dec", "offset_arcsec"), pa.float64())
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])

    def in_arrow(table: Columns) -> Any:
        return pa.table(
            [
                pa.array(np.ma.getdata(column), schema.field(name).type, mask=np.ma.getmaskarray(column))
                for name, column in table.items()
            ],
            schema=schema,
        )

    whole = pa.concat_tables([schema.empty_table(), *map(in_arrow, tables)])
    pq.write_table(whole.combine_chunks(), path)
