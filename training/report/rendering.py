"""Rendering of the templates of pages and cards, and the filters that they write values with."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from training.errors import TrainingError

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

NUMBER_PATTERN = re.compile(r"[-+\u2212]?\d[\d,]*(\.\d+)?([eE][-+]?\d+)?\s*%?")
"""A number as tables write it: 10,969 or -0.02 or 1.8e-3 or 96.5 %."""

MISSING_VALUES = {"", "-", "\u2013", "\u2014"}
"""What tables write where there is no number."""


def render(template: str, **values: Any) -> str:
    """Return the text of a template in ``templates/``.

    Whatever is put into a template of HTML is escaped.

    Raises
    ------
    jinja2.UndefinedError
        If the template names a value that is not given.
    TrainingError
        If it shows a figure that cannot be read.
    """
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("training.report"),
        autoescape=select_autoescape(enabled_extensions=("html.jinja",), default=False),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.do"],
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters = (backticks, count, decimals, numeric_columns, one_line, percent, png_base64)
    environment.filters.update({each.__name__: each for each in filters})
    return environment


def decimals(value: float | None, places: int = 3) -> str:
    """Write a number with so many decimals; '' for none."""
    return "" if value is None else f"{value:.{places}f}"


def percent(value: float | None, places: int = 0) -> str:
    """Write a share as a percentage with so many decimals; '' for none."""
    return "" if value is None else f"{value:.{places}%}"


def count(value: float) -> str:
    """Write a number of things, rounded, with commas between thousands."""
    return f"{value:,.0f}"


def one_line(text: str) -> str:
    """Put wrapped prose on one line; what is markup stays markup."""
    return type(text)(" ").join(text.split())


def backticks(text: str) -> Iterator[tuple[bool, str]]:
    """Take prose apart: whether a part was between backticks, and the part without them."""
    for index, part in enumerate(re.split(r"`([^`]+)`", text)):
        yield index % 2 == 1, part


def numeric_columns(rows: Sequence[Sequence[str]], n_columns: int) -> list[bool]:
    """Whether each column of a table holds numbers, with or without an error, and not only missing ones."""
    return [_is_numeric([row[column] for row in rows]) for column in range(n_columns)]


def _is_numeric(cells: Sequence[str]) -> bool:
    values = [cell.strip() for cell in cells if cell.strip() not in MISSING_VALUES]
    parts = (part.strip() for value in values for part in re.split(r"\u00b1|\+-", value))
    return bool(values) and all(NUMBER_PATTERN.fullmatch(part) for part in parts)


def png_base64(path: Path) -> str:
    """Return the bytes of a PNG file as text, to embed them.

    Raises
    ------
    TrainingError
        If the file cannot be read or is no PNG.
    """
    try:
        png = path.read_bytes()
    except OSError as exc:
        raise TrainingError(
            f"cannot read the figure {path}: {exc.strerror or exc}; draw it before the report"
        ) from exc
    if not png.startswith(PNG_SIGNATURE):
        raise TrainingError(f"the figure {path} is not a PNG: write it as one")
    return base64.b64encode(png).decode("ascii")
