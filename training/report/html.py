"""Report page: what was measured, as one HTML file that fetches nothing and runs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.errors import SettingsError, TrainingError
from training.report.rendering import render


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text; columns of numbers are aligned to the right.

    Raises
    ------
    TrainingError
        If a row has more or fewer cells than the header.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.header):
                raise TrainingError(
                    f"table {self.caption!r} has {len(self.header)} columns, but {len(row)} cells in the row "
                    f"{', '.join(row)}: give every row one cell a column"
                )


@dataclass(frozen=True, slots=True)
class Figure:
    """A PNG file and what it shows."""

    path: Path
    caption: str


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report, in the order it is shown. Paragraphs may hold `code` in backticks."""

    title: str
    paragraphs: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()


def as_text(section: Section) -> str:
    """Return the tables of a section as plain text, their columns one below the other."""
    lines = [section.title]
    for table in section.tables:
        cells = (table.header, *table.rows)
        widths = [max(len(row[column]) for row in cells) for column in range(len(table.header))]
        lines += ["", table.caption]
        lines += [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells
        ]
        lines += [table.note] if table.note else []
    return "\n".join(line.rstrip() for line in lines)


def write_report(path: Path, title: str, summary: Sequence[str], sections: Sequence[Section]) -> None:
    """Write a report as one HTML file that needs no other: figures are embedded.

    Parameters
    ----------
    path : Path
        The file to write.
    title : str
        Plain text, as are the titles of sections, headers and cells.
    summary : sequence of str
        Paragraphs above the table of contents. In all prose (paragraphs, captions, notes) text between
        backticks is shown as code; nothing else is markup.
    sections : sequence of Section
        At least one.

    Raises
    ------
    TrainingError
        If the PNG of a figure cannot be read.
    SettingsError
        If the report cannot be written.
    """
    write_html(path, render("report.html.jinja", title=title, summary=summary, sections=sections))


def write_html(path: Path, text: str) -> None:
    """Write the text of a page, in a new folder if need be.

    Raises
    ------
    SettingsError
        If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise SettingsError(f"cannot write the report {path}: {exc.strerror or exc}") from exc
