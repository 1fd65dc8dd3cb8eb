"""Ablations: networks that see less, or learn from other numbers of stars (section 3.5, Appendix)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from features import FEATURE_NAMES
from training.measure.metrics import class_scores
from training.report.html import Section, Table
from training.reproduce.bench import Bench
from training.reproduce.labelled_sets import Target
from training.reproduce.paper.source_set import (
    COMPARED_COLUMNS,
    F8,
    PAPER_STARS,
    chosen_settings,
    compared,
    described,
    run,
)

PERIOD_RELATED = ("phase_eta", "phase_cusum", "slope_per90", "slope_per10")
"""Features of the folded light curve (section 3.5)."""


def without_period(bench: Bench, target: Target, values: F8) -> Section:
    """Section 3.5: networks that do not see the period, or nothing that follows from it."""
    period = (FEATURE_NAMES.index("period"),)
    related = tuple(FEATURE_NAMES.index(name) for name in PERIOD_RELATED)
    cases = {
        "all 16 features": ((), "0.90"),
        "without the period": (period, "0.87"),
        "without the period and what is folded with it": (period + related, "0.82"),
    }
    chosen = chosen_settings(bench.scale)
    rows = []
    for name, (left_out, paper) in cases.items():
        own = replace(chosen, left_out=left_out, follow_training=not left_out)
        rows.append(compared(name, run(bench, target, values, own), paper))
    return Section(
        "Without the period (section 3.5)",
        (
            f"{described(target)} {PAPER_STARS} Folded features: {', '.join(PERIOD_RELATED)}. They are "
            "computed with the period all the same in the second row.",
        ),
        (Table(f"Mean test Mc of {bench.scale.repeats} repeats", COMPARED_COLUMNS, tuple(rows)),),
    )


def imbalance(bench: Bench, target: Target, values: F8) -> Section:
    """Appendix: stars of rare classes repeated, or weighted in the loss (eq. 12)."""
    chosen = chosen_settings(bench.scale)
    cases = {
        "as they are": chosen,
        "rare classes over-sampled": replace(chosen, oversampled=True, follow_training=False),
        "weighted loss (eq. 12)": replace(chosen, weighted=True, follow_training=False),
    }
    cells = {name: run(bench, target, values, settings) for name, settings in cases.items()}
    rows = []
    for name, cell in cells.items():
        recalls = [score.recall for score in class_scores(cell.confusion) if score.recall is not None]
        rows.append((*compared(name, cell, "-"), f"{np.mean(recalls):.4f}", f"{min(recalls):.4f}"))
    counts = np.bincount(target.label)
    return Section(
        "Classes of unequal size (Appendix)",
        (
            f"{described(target)} The largest class has {counts.max() / counts.min():.0f} times as many "
            "as the smallest; in the paper's set 179 times. The paper describes both remedies, without "
            "numbers.",
        ),
        (
            Table(
                f"Test stars of {bench.scale.repeats} repeats",
                (*COMPARED_COLUMNS, "mean recall of the classes", "lowest recall"),
                tuple(rows),
                note="Recalls at the training epochs that validation chose, which goes by Mc in every row.",
            ),
        ),
    )
