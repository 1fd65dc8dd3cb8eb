"""The comparison of our recipe with forests, and with what is left without each of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.crossfit.recipe import IN_CLASSES
from training.examples.feature_table import Extraction
from training.report.html import Section, Table
from training.reproduce.bench import Bench
from training.reproduce.cell import mean_and_error
from training.reproduce.labelled_sets import asas_8, css_12, hipparcos_20
from training.reproduce.ours.forests import boosting_on_shortened, forest_on_complete
from training.reproduce.ours.models import SHOWN_EPOCHS, Ground, ours, scores_of, variants_of
from training.reproduce.ours.pretraining import pretrain

F8 = NDArray[np.float64]


def recipes(bench: Bench, folder: Path, *, workers: int) -> Section:
    """Measure our recipe on three targets, beside a forest, and without each of its parts."""
    targets = {"ASAS-8": asas_8(folder), "Hipparcos-20": hipparcos_20(folder), "CSS-12": css_12(folder)}
    tables = {
        name: target.examples(
            IN_CLASSES,
            Extraction(),
            cache_folder=bench.cache_folder,
            workers=workers,
            progress=bench.progress,
        )
        for name, target in targets.items()
    }
    grounds = {
        name: Ground(
            target, tables[name], pretrain(folder, target, bench, workers=workers), TEST_SHARES[name]
        )
        for name, target in targets.items()
    }
    return Section(
        "Our recipe",
        (
            f"Mean of {bench.scale.recipe_repeats} fresh splits by star, and its standard error. Networks "
            "are pretrained on all surveys but the target's, on complete and on shortened light curves, then "
            "fitted to the stars of the target, shortened and not, and stars that do not vary; stars that "
            "other surveys share with the target's are left out. No training epoch is chosen: the schedule "
            "is fixed. The temperature is fitted to what networks of five folds say of training stars that "
            "they have not seen, as it is for every model. The forest is scikit-learn's own, on the complete "
            "light curves of the same training stars; boosting is its histogram-based gradient boosting, on "
            "the shortened ones as well. ECE is the mean gap of confidence and accuracy in 15 bins of equal "
            "mass; by chance is about what honest probabilities of as many test stars would have.",
        ),
        (*_beside_forests(bench, grounds), _without_each_part(bench, grounds["ASAS-8"])),
    )


def _beside_forests(bench: Bench, grounds: Mapping[str, Ground]) -> tuple[Table, Table]:
    """Measure the recipe by number of training stars, on complete light curves and on first epochs."""
    headline, early = [], []
    for name, wanted in TRAINING_SIZES:
        ground = grounds[name]
        n_curves = min(wanted, round((1.0 - ground.test) * len(ground.target)))
        scores = scores_of(
            bench, ground, ours(n_curves), n_curves=n_curves, repeats=bench.scale.recipe_repeats
        )
        forest = forest_on_complete(bench, ground, n_curves=n_curves)
        boosting = boosting_on_shortened(bench, ground, n_curves=n_curves)
        headline.append(
            (
                name,
                str(n_curves),
                mean_and_error(scores.mc[0]),
                mean_and_error(forest),
                mean_and_error(scores.mc[0, : len(forest)] - forest),
                f"{scores.calibration_error[0].mean():.3f}",
            )
        )
        early += [
            (
                name,
                str(n_curves),
                "all" if count is None else str(count),
                mean_and_error(scores.mc[place]),
                mean_and_error(boosting[place]),
                f"{scores.calibration_error[place].mean():.3f}",
                f"{scores.calibration_noise[place].mean():.3f}",
                f"{np.nanmean(scores.right[place]):.3f}",
                f"{scores.sure[place].mean():.2f}",
            )
            for place, count in enumerate(SHOWN_EPOCHS)
        ]
    return (
        Table(
            "Mc of complete light curves",
            ("target", "training stars", "ours", "forest", "ours - forest, paired", "ECE"),
            tuple(headline),
        ),
        Table(
            "By number of first epochs: right and sure are of stars with a probability above 0.9",
            ("target", "training stars", "epochs", "Mc", "boosting", "ECE", "by chance", "right", "sure"),
            tuple(early),
        ),
    )


def _without_each_part(bench: Bench, ground: Ground) -> Table:
    """Measure what is left of the recipe without each of its parts."""
    rows = []
    for n_curves in ABLATED_SIZES:
        for variant in variants_of(ours(n_curves)):
            each = scores_of(bench, ground, variant, n_curves=n_curves, repeats=bench.scale.recipe_repeats)
            rows.append(
                (
                    str(n_curves),
                    variant.name,
                    *(mean_and_error(each.mc[SHOWN_EPOCHS.index(count)]) for count in (None, 20, 80)),
                    *(
                        f"{each.calibration_error[SHOWN_EPOCHS.index(count)].mean():.3f}"
                        for count in (None, 20)
                    ),
                    f"{np.nanmean(each.right[SHOWN_EPOCHS.index(20)]):.3f}",
                    f"{each.sure[SHOWN_EPOCHS.index(20)].mean():.2f}",
                )
            )
    return Table(
        "ASAS-8, the recipe without each of its parts: right and sure are of the first 20 epochs",
        (
            "training stars",
            "variant",
            "Mc",
            "Mc, first 20",
            "Mc, first 80",
            "ECE",
            "ECE, first 20",
            "right",
            "sure",
        ),
        tuple(rows),
    )


TRAINING_SIZES = (
    ("ASAS-8", 263),
    ("ASAS-8", 877),
    ("ASAS-8", 1755),
    ("ASAS-8", 7000),
    ("Hipparcos-20", 434),
    ("CSS-12", 8000),
)
TEST_SHARES = {"ASAS-8": 0.2, "Hipparcos-20": 0.379, "CSS-12": 0.2}
"""Fraction of the stars to test on; of 699 of Hipparcos, a subset of 869, it leaves 434 to learn from."""
ABLATED_SIZES = (877,)
