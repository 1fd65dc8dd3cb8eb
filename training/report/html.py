"""A report of training results as one HTML file that fetches nothing and runs nothing."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.errors import SettingsError, TrainingError

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"

NUMBER = re.compile(r"[-+\u2212]?\d[\d,]*(\.\d+)?([eE][-+]?\d+)?\s*%?")
"""A number as tables write it: 10,969 or -0.02 or 1.8e-3 or 96.5 %."""

NO_VALUE = {"", "-", "\u2013", "\u2014"}

CSS = """
:root { color-scheme: light dark; --ink: #1d2329; --soft: #58626c; --paper: #fdfdfc; --line: #d9dde1;
  --shade: #f1f3f5; --link: #00558a; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e7ea; --soft: #a3adb7; --paper: #16191d; --line: #363d45; --shade: #20252b;
    --link: #7cc0f0; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", "Liberation Sans", "DejaVu Sans", sans-serif; }
main { max-width: 75em; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.25; margin: 0 0 1rem; }
h2 { font-size: 1.35rem; margin: 3rem 0 0.8rem; padding-bottom: 0.3rem;
  border-bottom: 1px solid var(--line); }
p { max-width: 46em; margin: 0.7rem 0; }
a { color: var(--link); }
code { font: 0.9em ui-monospace, "Liberation Mono", "DejaVu Sans Mono", monospace; background: var(--shade);
  padding: 0.1em 0.3em; border-radius: 3px; }
nav { margin: 1.8rem 0; padding: 0.9rem 1.3rem; background: var(--shade); border-radius: 6px; }
nav ol { margin: 0; padding-left: 1.4rem; columns: 22em; }
.table { overflow-x: auto; margin: 1.5rem 0; }
table { border-collapse: collapse; }
caption { text-align: left; font-weight: 600; padding-bottom: 0.4rem; }
th, td { text-align: left; vertical-align: baseline; padding: 0.3rem 0.9rem 0.3rem 0.5rem; }
th { font-weight: 600; }
thead th { border-bottom: 2px solid var(--line); vertical-align: bottom; }
tbody tr { border-bottom: 1px solid var(--line); }
tbody th { font-weight: 400; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
thead .number { white-space: normal; }
.note { color: var(--soft); font-size: 0.9rem; margin: 0.5rem 0 0; }
figure { margin: 1.6rem 0; }
figure img { display: block; max-width: 100%; height: auto; padding: 0.8rem; background: #fff;
  border: 1px solid var(--line); border-radius: 6px; }
figcaption { color: var(--soft); max-width: 50em; margin-top: 0.5rem; font-size: 0.95rem; }
@media print { nav { display: none; } h2 { break-after: avoid; } figure, tr { break-inside: avoid; } }
"""


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
    contents = "\n".join(
        f'<li><a href="#section-{number}">{html.escape(section.title)}</a></li>'
        for number, section in enumerate(sections, start=1)
    )
    body = "\n".join(_section(number, section) for number, section in enumerate(sections, start=1))
    page = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<style>{CSS}</style>
</head>
<body>
<main>
<h1>{html.escape(title)}</h1>
{_paragraphs(summary)}
<nav aria-label="Contents">
<ol>
{contents}
</ol>
</nav>
{body}
</main>
</body>
</html>
"""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    except OSError as exc:
        raise SettingsError(f"cannot write the report {path}: {exc.strerror}") from exc


def _section(number: int, section: Section) -> str:
    parts = [
        f'<section id="section-{number}">',
        f"<h2>{html.escape(section.title)}</h2>",
        _paragraphs(section.paragraphs),
        *(_table(table) for table in section.tables),
        *(_figure(figure) for figure in section.figures),
        "</section>",
    ]
    return "\n".join(part for part in parts if part)


def _paragraphs(paragraphs: Sequence[str]) -> str:
    return "\n".join(f"<p>{_prose(paragraph)}</p>" for paragraph in paragraphs)


def _prose(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def _table(table: Table) -> str:
    numeric = [_is_numeric([row[column] for row in table.rows]) for column in range(len(table.header))]
    header = "".join(
        f'<th scope="col"{_alignment(right)}>{html.escape(name)}</th>'
        for name, right in zip(table.header, numeric, strict=True)
    )
    rows = "\n".join(_row(row, numeric) for row in table.rows)
    note = f'<p class="note">{_prose(table.note)}</p>\n' if table.note else ""
    return (
        f'<div class="table">\n<table>\n<caption>{_prose(table.caption)}</caption>\n'
        f"<thead><tr>{header}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n{note}</div>"
    )


def _row(row: tuple[str, ...], numeric: Sequence[bool]) -> str:
    first, *others = (
        f"{_alignment(right)}>{html.escape(cell)}" for cell, right in zip(row, numeric, strict=True)
    )
    return f'<tr><th scope="row"{first}</th>' + "".join(f"<td{cell}</td>" for cell in others) + "</tr>"


def _alignment(right: bool) -> str:
    return ' class="number"' if right else ""


def _is_numeric(cells: Sequence[str]) -> bool:
    """Whether the cells are numbers, with or without an error, or missing ones; not all missing."""
    values = [cell.strip() for cell in cells if cell.strip() not in NO_VALUE]
    parts = (part.strip() for value in values for part in re.split(r"\u00b1|\+-", value))
    return bool(values) and all(NUMBER.fullmatch(part) for part in parts)


def _figure(figure: Figure) -> str:
    try:
        png = figure.path.read_bytes()
    except OSError as exc:
        raise TrainingError(
            f"cannot read the figure {figure.path}: {exc.strerror}; draw it before the report"
        ) from exc
    if not png.startswith(PNG_MAGIC):
        raise TrainingError(f"the figure {figure.path} is not a PNG: write it as one")
    return (
        f'<figure>\n<img alt="{html.escape(figure.caption)}" '
        f'src="data:image/png;base64,{base64.b64encode(png).decode("ascii")}">\n'
        f"<figcaption>{_prose(figure.caption)}</figcaption>\n</figure>"
    )
