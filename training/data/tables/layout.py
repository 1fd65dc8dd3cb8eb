"""The layout of a text table: encoding, names of columns, what separates them, where rows begin."""

from __future__ import annotations

import codecs
import csv
import gzip
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TextIO

from training.data.light_curves import NEEDED_KEYS, SERIES, Columns
from training.data.units import WANTED, is_unit, units_in
from training.errors import SettingsError, TrainingError

NUMBER_PATTERN = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eEdD][+-]?[0-9]+)?$"

SEPARATORS = (",", ";", "\t", "|", " ")
"""The last one stands for any white space."""

MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)

IPAC_TYPES = r"^\|( *(int|long|float|double|real|char|date|[ilfdrc]) *\|)+\s*$"
"""The line under the names of an IPAC table."""

GZIP = b"\x1f\x8b"
IPAC = "an IPAC table: save it as CSV"
OTHER_KINDS = {
    b"PAR1": "Parquet: call it .parquet",
    b"Obj\x01": "Avro: call it .avro",
    b"PK\x03\x04": "a zip archive, as Excel's workbooks are: save it as CSV",
    b"\xd0\xcf\x11\xe0": "a workbook of Excel: save it as CSV",
    b"SIMPLE  =": "FITS: write its table as CSV or Parquet",
    b"BZh": "compressed by bzip2: unpack it",
    b"\xfd7zXZ": "compressed by xz: unpack it",
    b"\x28\xb5\x2f\xfd": "compressed by zstd: unpack it",
    b"\x89HDF": "HDF5: write its table as CSV or Parquet",
    b"\x93NUMPY": "a NumPy array: save light curves with numpy.savez as .npz",
    b"<": "XML or HTML, as a VOTable or an error page is: write the table as CSV",
    b"\\": IPAC,
    GZIP: "packed by gzip twice: unpack it once",
    b"{": "JSON: write the table as CSV or Parquet",
    b"[{": "JSON: write the table as CSV or Parquet",
}
"""What files are that begin like this."""

OF_ONE = ", and give --columns object_id= if all is one star, which is then called as the file"
"""What may be said of light curves in three columns."""

LONGEST_HEAD = 100_000
"""Lines before the names of the columns."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a text table is laid out.

    Attributes
    ----------
    encoding : str
        As Python calls it.
    compressed : bool
        Whether the file is packed by gzip.
    separator : str
        One character; a space for any white space.
    names : list of str
        Of the columns; '' for none.
    n_before : int
        Lines before the first row.
    has_rows : bool
        Whether there is any line after those.
    units : dict of str to str
        Of columns, by comments or a line of units under the names.
    """

    encoding: str
    compressed: bool
    separator: str
    names: list[str]
    n_before: int
    has_rows: bool
    units: dict[str, str] = field(default_factory=dict)


def read_layout(path: Path, columns: Columns) -> Layout:
    """Look at the head of a text file.

    Raises
    ------
    TrainingError
        If it is no text, or nothing that we read.
    SettingsError
        If it has no line of column names.
    """
    compressed, encoding = _encoding(path)
    wanted = columns.items()
    needed = [wanted[key] for key in NEEDED_KEYS if wanted[key]]
    with open_text(path, compressed=compressed, encoding=encoding) as file:
        comments: list[str] = []
        n_lines, first = 0, ""
        for line in islice(file, LONGEST_HEAD):
            text = line.strip("\r\n")
            told = n_lines == 0 and re.match(r"^sep=.$", text)  # for Excel; the names show it as well
            if text.strip() and not text.lstrip().startswith("#") and not told:
                first = text
                break
            n_lines += 1
            if text.strip():
                comments.append(text.strip().lstrip("#").strip("\r\n"))
        names, separator, is_comment = _names(first, comments, needed)
        if not is_comment:
            _refuse_numbers(path, names, separator, needed, first)
            n_lines += 1
        under = list(islice(_rest(file, first if is_comment else None), 3))
        if re.match(IPAC_TYPES, under[0] if under else ""):
            raise TrainingError(f"cannot read {path} as text: it is {IPAC}")
        more, units = _under(under, separator, names, wanted)
    units = units_in(comments) | units
    return Layout(encoding, compressed, separator, names, n_lines + max(more, 0), more >= 0, units)


def open_text(path: Path, *, compressed: bool, encoding: str) -> TextIO:
    """Open a text file, its line ends made alike."""
    if compressed:
        return gzip.open(path, "rt", encoding=encoding)
    return path.open(encoding=encoding)


def split_line(line: str, separator: str) -> list[str]:
    """Return the trimmed values of a line; '"' holds values with separators together."""
    if separator == " ":
        line = " ".join(line.split())
    words = next(csv.reader([line], delimiter=separator, skipinitialspace=separator == " "), [])
    return [word.strip() for word in words]


def _encoding(path: Path) -> tuple[bool, str]:
    with path.open("rb") as file:
        compressed = path.suffix == ".gz" or file.read(2) == GZIP
    with gzip.open(path, "rb") if compressed else path.open("rb") as file:
        head = file.read(4096)
    for start, kind in OTHER_KINDS.items():
        if head.startswith(start):
            raise TrainingError(f"cannot read {path} as text: it is {kind}")
    marked = next((name for mark, name in MARKS if head.startswith(mark)), None)
    if marked is not None:
        return compressed, marked
    if b"\0" in head:
        raise TrainingError(
            f"cannot read {path} as text in UTF-8: it holds zero bytes, as UTF-16 without its mark does: "
            "save it as UTF-8"
        )
    return compressed, "utf-8"


def _names(first: str, comments: list[str], needed: list[str]) -> tuple[list[str], str, bool]:
    """Names of the columns, what separates them, and whether they stand in a comment above the rows."""
    names, separator = _split_names(first, needed)
    if {*needed} <= {*names}:
        return names, separator, False
    for comment in reversed(comments):
        told, its_separator = _split_names(comment, needed)
        if {*needed} <= {*told} or (
            comment == comments[-1] and len(told) == len(names) and _some_number(names)
        ):
            if len(split_line(first, its_separator)) != len(told):
                fitting = [each for each in SEPARATORS if len(split_line(first, each)) == len(told)]
                its_separator = fitting[0] if fitting else its_separator
            return told, its_separator, True
    return names, separator, False


def _split_names(line: str, needed: list[str]) -> tuple[list[str], str]:
    ways = [(split_line(line, separator), separator) for separator in SEPARATORS]
    return max(ways, key=lambda way: (len({*needed} & {*way[0]}), len(way[0]) > 1))


def _some_number(words: Collection[str]) -> bool:
    return any(re.match(NUMBER_PATTERN, word) for word in words)


def _refuse_numbers(path: Path, words: list[str], separator: str, needed: list[str], first: str) -> None:
    """Refuse a line of values where names are needed, with the line that its values would need."""
    if not _some_number(words) or {*needed} & {*words}:
        return
    of_one = len(words) < len(NEEDED_KEYS) <= len(needed)
    names = needed[1:] if of_one else needed
    names = [*names, *(f"column{number}" for number in range(len(names) + 1, len(words) + 1))]
    raise SettingsError(
        f"{path} does not name its columns: its first line is {first.strip()[:60]!r}: put a line such as "
        f"{separator.join(names)!r} above it{OF_ONE if of_one else ''}"
    )


def _rest(file: TextIO, first: str | None) -> Iterator[str]:
    if first:
        yield first
    yield from file


def _under(
    lines: list[str], separator: str, names: list[str], wanted: dict[str, str]
) -> tuple[int, dict[str, str]]:
    """How many lines under the names are none of rows (-1 if there is none at all), and units in them."""
    split = [split_line(line.strip("\r\n"), separator) for line in lines]
    dashes = [
        len(words) == len(names) and all(re.match(r"^[-=]{2,}$", word) for word in words) for words in split
    ]
    n_under = next((k + 1 for k, is_line in enumerate(dashes[:2]) if is_line), 0)
    units: dict[str, str] = {}
    if split and len(split[0]) == len(names):
        told = dict(zip(names, split[0], strict=True))
        series = [told.get(wanted[key], "") for key in SERIES]
        of_units = any(map(is_unit, series)) and all(not unit or is_unit(unit) for unit in series)
        if n_under == 2 or of_units:
            units = {name: unit for name, unit in told.items() if unit}
            n_under = max(n_under, 1)
    return (n_under if lines else -1), {
        name: unit for name, unit in units.items() if name in {*WANTED.keys(), *wanted.values()}
    }
