"""Options that several commands of ``varstream-train`` have."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

NOT_TOGETHER, ALL_TOGETHER, EACH_BAND_TOGETHER = "none", "all", "bands"

PATHS_HELP = (
    "npz files, tables (text, .parquet, .avro) with a row for every epoch or star, or folders of them"
)


def add_light_curves(sub: argparse.ArgumentParser) -> None:
    """Add labelled light curves, and how they are read."""
    sub.add_argument(
        "--light-curves",
        type=Path,
        nargs="+",
        required=True,
        metavar="PATH",
        help=PATHS_HELP,
    )
    add_reading(sub)
    add_labels(sub, without_map="each label is a class")


def add_labels(sub: argparse.ArgumentParser, *, without_map: str) -> None:
    """Add where labels stand, and what they mean; `without_map` says what they mean otherwise."""
    sub.add_argument(
        "--label",
        metavar="KEY",
        help="column of labels; not needed for tables and the surveys known by their file names",
    )
    sub.add_argument(
        "--class-map",
        type=Path,
        metavar="JSON",
        help=f"native label to class, several joined by '|' ({without_map})",
    )


def add_making(sub: argparse.ArgumentParser) -> None:
    """Add the new model, and how it is made."""
    sub.add_argument("--output", type=Path, required=True, metavar="DIR", help="the new model folder")
    sub.add_argument(
        "--name",
        type=some_text,
        default="custom",
        help="of the model, published with every score (%(default)s)",
    )
    sub.add_argument("--version", type=some_text, default="1.0.0", help="of the model (%(default)s)")
    sub.add_argument("--seed", type=int, default=0, help="of split, examples and fit (%(default)s)")
    sub.add_argument(
        "--training-epochs", type=positive, metavar="N", help="passes over the data (the recipe's)"
    )
    sub.add_argument(
        "--truncations", type=int, metavar="N", help="shortened versions of a star (the recipe's)"
    )
    sub.add_argument(
        "--without-non-variables",
        action="store_true",
        help="do not add a class NonVar of simulated stars that do not vary",
    )
    add_computing(sub, "feature tables")


def add_reading(sub: argparse.ArgumentParser) -> None:
    """Add how tables are read."""
    sub.add_argument(
        "--columns",
        metavar="KEY=NAME,...",
        help="what a table calls object_id, time, mag, err, label, band, ra, dec (those names); "
        "ra=,dec= for none, object_id= for one star, called as the file",
    )
    sub.add_argument(
        "--skip-bad-rows", action="store_true", help="leave out rows that are no measurement (refuse them)"
    )


def add_clip(sub: argparse.ArgumentParser) -> None:
    """Add the outlier cut of features."""
    sub.add_argument(
        "--clip-sigma",
        type=positive_number,
        metavar="K",
        help="cut outliers once at K sigma; not with robust features (no cut)",
    )


def add_first_epochs(sub: argparse.ArgumentParser) -> None:
    """Add how much of each star is shown."""
    sub.add_argument(
        "--first-epochs", type=positive, metavar="N", help="show only the first N epochs of each star"
    )


def add_together(sub: argparse.ArgumentParser) -> None:
    """Add what is written of stars in several bands."""
    sub.add_argument(
        "--together",
        choices=[NOT_TOGETHER, ALL_TOGETHER, EACH_BAND_TOGETHER],
        default=ALL_TOGETHER,
        help="of a star in several bands: no row of them together, one of band 'all', or one for each at "
        "their common period (%(default)s)",
    )


def add_computing(sub: argparse.ArgumentParser, kept: str) -> None:
    """Add where finished work is kept, and by how many threads it is done."""
    sub.add_argument(
        "--cache",
        type=Path,
        default=Path(".cache/features"),
        metavar="DIR",
        help=f"folder of {kept} (%(default)s)",
    )
    add_workers(sub)


def add_workers(sub: argparse.ArgumentParser) -> None:
    """Add by how many threads features are computed."""
    sub.add_argument("--workers", type=positive, metavar="N", help="threads (one a core)")


def some_text(text: str) -> str:
    """Return text that is not empty."""
    if not text.strip():
        raise argparse.ArgumentTypeError("must not be empty")
    return text


def positive(text: str) -> int:
    """Return a whole number above 0."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {value}")
    return value


def at_least_two(text: str) -> int:
    """Return a whole number above 1."""
    value = int(text)
    if value < 2:
        raise argparse.ArgumentTypeError(f"must be at least 2, got {value}")
    return value


def positive_number(text: str) -> float:
    """Return a finite number above 0."""
    value = float(text)
    if not 0.0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"must be a positive number, got {text}")
    return value
