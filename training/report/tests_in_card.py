"""Tests of a model that is made: what was measured on real light curves goes into its manifest and card."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from schemas.model.manifest import Manifest, load_manifest, sha256_of
from training.crossfit.labelled_file import learnt_files
from training.errors import SettingsError
from training.measure.metrics import rounded
from training.report.model_card import card, write_card

TESTS = "tests"
"""Of a manifest's metrics: by the name of the test, what `evaluate` reported of it."""

STATED = (
    *("n", "n_stars", "n_unscored", "mc", "mc_error", "accuracy", "accuracy_of_scored", "labelled"),
    *("accuracy_of_labels", "abstained", "novel", "labelled_wrongly", "confident_wrongly"),
)
PARTS = ("fused", "in_no_class")
"""Of a report, each with the same fields."""

ABOUT = ("light_curves", "data", "label", "taxonomy", "first_epochs", "n_left_out", "by_days")


def check_card(folder: Path, manifest: Manifest, name: str, files: Sequence[Path]) -> None:
    """Refuse, before the work, a test that the card of a model could not state.

    Raises
    ------
    SettingsError
        If the model has no card, its folder cannot be written, a file is one that it learnt from, or the name
        cannot stand in a table.
    """
    if "how" not in manifest.metrics:
        raise SettingsError(f"{folder} is a model without a card: measure it without --card")
    if not os.access(folder, os.W_OK):
        raise SettingsError(f"cannot write to {folder}: copy the model to a folder of yours for --card")
    if not name.isprintable() or "|" in name:
        raise SettingsError(f"a test of a card is named in a table, which {name!r} would break: leave out |")
    learnt = learnt_files(manifest)
    for file in files:
        if sha256_of(file) in learnt:
            raise SettingsError(f"{manifest.name} learnt from {file}: a card states tests on other stars")


def add_test(folder: Path, name: str, report: Mapping[str, Any]) -> Manifest:
    """State a report of `training.measure.evaluate.evaluate` in the manifest and the card of its model.

    Parameters
    ----------
    folder : Path
        Of the model that was measured.
    name : str
        Of the test; one of this name that is there is replaced.

    Raises
    ------
    SettingsError
        If the folder cannot be written.
    """
    manifest = load_manifest(folder)
    stated = {key: report[key] for key in ABOUT if report.get(key) is not None} | _stated(report)
    stated |= {part: _stated(report[part]) for part in PARTS if part in report}
    tests = {**manifest.metrics.get(TESTS, {}), name: rounded(stated)}
    written = replace(manifest, metrics={**manifest.metrics, TESTS: tests})
    card(written)  # before anything is written
    try:
        written.save(folder)
        write_card(folder, written)
    except OSError as exc:
        raise SettingsError(f"cannot write to {folder}: {exc.strerror or exc}: copy the model first") from exc
    return written


def _stated(report: Mapping[str, Any]) -> dict[str, Any]:
    return {key: report[key] for key in STATED if key in report}
