"""Tests of a model that is made: what was measured on real light curves goes into its manifest and card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from schemas.model.manifest import Manifest, load_manifest
from training.errors import SettingsError
from training.measure.metrics import rounded
from training.report.model_card import write_card

TESTS = "tests"
"""Of a manifest's metrics: by the name of the test, what `evaluate` reported of it."""

STATED = (
    *("n", "n_stars", "n_unscored", "mc", "mc_error", "accuracy", "accuracy_of_scored", "labelled"),
    *("accuracy_of_labels", "abstained", "novel", "labelled_wrongly", "confident_wrongly"),
)
PARTS = ("fused", "in_no_class")
"""Of a report, each with the same fields."""

ABOUT = ("light_curves", "label", "taxonomy", "first_epochs", "n_left_out", "by_days")


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
        If the folder cannot be written, or the model has no card.
    """
    manifest = load_manifest(folder)
    if "how" not in manifest.metrics:
        raise SettingsError(f"{folder} is a model without a card: measure it without --card")
    stated = {key: report[key] for key in ABOUT if report.get(key) is not None} | _stated(report)
    stated |= {part: _stated(report[part]) for part in PARTS if part in report}
    tests = {**manifest.metrics.get(TESTS, {}), name: rounded(stated)}
    written = replace(manifest, metrics={**manifest.metrics, TESTS: tests})
    try:
        written.save(folder)
        write_card(folder, written)
    except OSError as exc:
        raise SettingsError(f"cannot write to {folder}: {exc.strerror or exc}: copy the model first") from exc
    return written


def _stated(report: Mapping[str, Any]) -> dict[str, Any]:
    return {key: report[key] for key in STATED if key in report}
