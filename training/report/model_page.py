"""What a new model is worth, on one page: confusion matrix, reliability, and what more labels would give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.model.manifest import Manifest
from training.crossfit.learning_curve import LearningCurve
from training.report.curve_plots import learning_curve_plot
from training.report.html import Figure, Section, Table, write_report
from training.report.model_card import said_of_pretraining
from training.report.plots import confusion_plot, reliability_plot

REPORT_FILE = "report.html"
FIGURES = "figures"
MORE_LABELS = "How much more labels would help"


def write_page(folder: Path, manifest: Manifest, curve: LearningCurve | None) -> Path:
    """Write ``report.html`` and its figures beside the model, and return its path.

    Without a learning curve it says why: a pretrained network that knows the stars has learnt from all of
    their labels already.
    """
    figures = folder / FIGURES
    figures.mkdir(parents=True, exist_ok=True)
    everything = manifest.metrics["all_surveys"]
    full = everything["all"]
    summary = (
        f"{len(manifest.classes)} classes from {len(manifest.features)} features of one band. Each star is "
        f"judged by a network that was not fitted to it: Mc = {full['mc']:.3f} ± {full['mc_error']:.3f} and "
        f"accuracy {full['accuracy']:.1%} of {full['n']:,} complete light curves of "
        f"{full['n_stars']:,} stars.",
        *filter(None, [said_of_pretraining(manifest.training)]),
        f"{manifest.training['method'].capitalize()}. Made by `{manifest.training['command']}`.",
    )
    path = folder / REPORT_FILE
    sections = (_confusion(figures, everything), _reliability(figures, manifest), _labels(figures, curve))
    write_report(path, f"{manifest.name} {manifest.version}", summary, sections)
    return path


def _confusion(figures: Path, everything: dict[str, Any]) -> Section:
    matrix, names = np.array(everything["confusion"]), everything["confusion_classes"]
    plot = confusion_plot(matrix, names, figures / "confusion.png", title="Complete light curves")
    rows = tuple(
        (name, str(score["n"]), *(_number(score[key]) for key in ("precision", "recall", "f1")))
        for name, score in everything["per_class"].items()
    )
    return Section(
        "Which classes are told apart",
        (),
        (Table("By class", ("class", "light curves", "precision", "recall", "F1"), rows),),
        (Figure(plot, "Share of each true class (row) that is given each label (column)."),),
    )


def _reliability(figures: Path, manifest: Manifest) -> Section:
    calibration = manifest.metrics["calibration"]
    curves = {_length(name): _bins(each["bins"]) for name, each in calibration.items() if each["bins"]}
    ece = {_length(name): each["calibration_error"] for name, each in calibration.items() if each["bins"]}
    plot = reliability_plot(curves, figures / "reliability.png", ece=ece)
    rows = tuple(
        (
            f"{each['n_epochs_min']} and more"
            if each["n_epochs_max"] is None
            else f"{each['n_epochs_min']} to {each['n_epochs_max']}",
            f"{each['mc']:.3f} ± {each['mc_error']:.3f}",
            f"{each['accuracy']:.1%}",
            f"{each['calibration_error']:.3f}",
            f"{each['abstained']:.0%}",
            _number(each["accuracy_when_sure"]),
        )
        for each in manifest.reliability
    )
    header = ("epochs", "Mc", "accuracy", "ECE", "no label", "accuracy of labels")
    return Section(
        "How far the probabilities can be trusted",
        (
            f"The model gives no label where its highest probability is below {manifest.abstain_below:g}. "
            "Every annotation carries the line of this table that its number of epochs falls in.",
            *_chance(calibration),
        ),
        (Table("By number of epochs", header, rows),),
        (Figure(plot, "On the diagonal a probability of 0.8 is right eight times in ten."),),
    )


def _chance(calibration: dict[str, Any]) -> tuple[str, ...]:
    """Say what the calibration error would be by chance alone."""
    if "all" not in calibration:
        return ()
    error, noise = calibration["all"]["calibration_error"], calibration["all"]["calibration_noise"]
    return (
        f"The calibration error (ECE) of complete light curves whose label names one class is {error:.3f}; "
        f"honest probabilities of as many would have about {noise:.3f} by chance.",
    )


def _labels(figures: Path, curve: LearningCurve | None) -> Section:
    if curve is None:
        return Section(
            MORE_LABELS,
            (
                "Not measured: the pretrained network has already learnt from labels of these stars, "
                "whatever share of them is shown again.",
            ),
        )
    now = int(curve.light_curves[-1])
    plot = learning_curve_plot(
        curve.light_curves,
        curve.mc,
        curve.error,
        figures / "labels.png",
        fitted=curve.forecast,
        now=now,
    )
    rows = tuple(
        (f"{n:,}", f"{mc:.3f} ± {error:.3f}")
        for n, mc, error in zip(curve.light_curves, curve.mc, curve.error, strict=True)
    )
    if curve.forecast is None:
        says = "The points follow no power law: no forecast is made."
    else:
        numbers, mc = curve.forecast
        says = (
            f"If the curve goes on as it went, Mc = {mc[-1]:.3f} with {numbers[-1]:,.0f} labelled light "
            f"curves, after {curve.mc[-1]:.3f} with {now:,}."
        )
    return Section(
        MORE_LABELS,
        (says,),
        (Table("Mc by number of labelled light curves", ("learnt from", "Mc"), rows),),
        (Figure(plot, "Mean over the folds; dashed the power law fitted to the points."),),
    )


def _bins(bins: list[dict[str, float]]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    confidence, accuracy = (np.array([each[key] for each in bins]) for key in ("confidence", "accuracy"))
    return confidence, accuracy, np.array([each["n"] for each in bins])


def _length(name: str) -> str:
    return "all epochs" if name == "all" else f"first {name} epochs"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
