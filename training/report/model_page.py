"""One-page report of a new model: confusion matrix, reliability, and what more labels would give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.model.manifest import Manifest
from training.crossfit.learning_curve import LearningCurve
from training.report.curve_plots import learning_curve_plot
from training.report.html import write_html
from training.report.model_card import what_made_it, what_was_known
from training.report.plots import confusion_plot, reliability_plot
from training.report.rendering import render

REPORT_FILE = "report.html"
FIGURES_FOLDER = "figures"


def write_page(folder: Path, manifest: Manifest, curve: LearningCurve | None) -> Path:
    """Write ``report.html`` and its figures beside the model, and return its path.

    Without a learning curve it says why: a pretrained network that knows the stars has learnt from all of
    their labels already.
    """
    path, figures = folder / REPORT_FILE, folder / FIGURES_FOLDER
    page = render(
        "model_page.html.jinja",
        title=f"{manifest.name} {manifest.version}",
        model=manifest,
        code=what_made_it(manifest.training),
        pretraining=what_was_known(manifest.training),
        learning_curve=curve,
        confusion=_confusion(manifest.metrics["all_surveys"], figures / "confusion.png"),
        reliability=_reliability(manifest.metrics["calibration"], figures / "reliability.png"),
        labels=None if curve is None else _labels(curve, figures / "labels.png"),
    )
    write_html(path, page)
    return path


def _confusion(all_surveys: dict[str, Any], path: Path) -> Path:
    matrix = np.array(all_surveys["confusion"])
    return confusion_plot(matrix, all_surveys["confusion_classes"], path, title="Complete light curves")


def _reliability(calibration: dict[str, Any], path: Path) -> Path:
    shown = {_length(name): each for name, each in calibration.items() if each["bins"]}
    ece = {name: each["calibration_error"] for name, each in shown.items()}
    return reliability_plot({name: _bins(each["bins"]) for name, each in shown.items()}, path, ece=ece)


def _labels(curve: LearningCurve, path: Path) -> Path:
    return learning_curve_plot(
        curve.light_curves,
        curve.mc,
        curve.error,
        path,
        fitted=curve.forecast,
        now=int(curve.light_curves[-1]),
    )


def _bins(bins: list[dict[str, float]]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    confidence, accuracy = (np.array([each[key] for each in bins]) for key in ("confidence", "accuracy"))
    return confidence, accuracy, np.array([each["n"] for each in bins])


def _length(name: str) -> str:
    return "all epochs" if name == "all" else f"first {name} epochs"
