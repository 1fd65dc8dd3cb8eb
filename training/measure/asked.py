"""What a model says of the stars of a file, of each band and of all bands together, as it is served."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from schemas.model.artifact import Artifact
from training.data.light_curves import LabelledCurves
from training.examples.cached_pool import LIGHT_CURVES_A_TASK, compute_chunks
from training.examples.feature_table import Extraction, View
from training.examples.fused_examples import FusedExamples
from training.examples.some_stars import SomeStars, in_pieces
from training.examples.star_features import Features, measure_stars
from training.measure.answers import Answers, answers_of, predict
from training.progress import Bars
from training.result_cache import Arrays


@dataclass(frozen=True, slots=True)
class Asked:
    """Answers about the n light curves of a file, and about its s stars in several bands.

    Attributes
    ----------
    answers : Answers
        Of n light curves, in the order of the file.
    first : (s,) int64
        First light curve of each star in several bands.
    one_band : (s,) bool
        Which of them have a single usable band, whose answer is theirs.
    fused, best_band : Answers
        Of s stars: of all bands together, and of the band with most epochs by itself. With so many first
        epochs these are the first over all bands, of whichever the band has its part.
    """

    answers: Answers
    first: NDArray[np.int64]
    one_band: NDArray[np.bool_]
    fused: Answers
    best_band: Answers


def ask(
    artifact: Artifact, survey: LabelledCurves, first_epochs: int | None = None, *, workers: int
) -> Asked:
    """Ask the model about all light curves of a survey, with a progress bar.

    Parameters
    ----------
    first_epochs : int, optional
        Show only so many first epochs: of each light curve, and of each star over all its bands.
    """
    manifest = artifact.manifest
    extraction = Extraction(convention=manifest.convention, clip_sigma=manifest.clip_sigma)
    together = manifest.fused is not None
    n = len(survey.curves)

    def work(some: SomeStars) -> Arrays:
        made = measure_stars(some, extraction, together=together, best_band=True, first_epochs=first_epochs)
        return {f.name: getattr(made, f.name) for f in fields(Features)}

    pieces = in_pieces(survey, np.arange(n), LIGHT_CURVES_A_TASK, by_star=together)
    parts = []
    with Bars() as progress, progress.bar(f"evaluating {survey.name}", n) as advance:
        tasks = ((some, "") for some in pieces)
        for arrays in compute_chunks(work, tasks, cache_folder=None, workers=workers):
            parts.append(_asked(artifact, Features(**arrays)))
            advance(len(parts[-1][1]))
    return _joined(parts)


def _asked(artifact: Artifact, made: Features) -> tuple[Asked, NDArray[np.int64]]:
    """Answers about some stars, and the light curves that they are of."""
    said = predict(artifact, made.table())
    answers = answers_of(said)
    examples = FusedExamples.of(made.table())
    own = made.view == View.OWN
    best = answers.take(examples.best_band)
    return (
        Asked(
            answers.take(own),
            made.curve[examples.merged],
            examples.one_band,
            answers.take(examples.merged),
            best,
        ),
        made.curve[own],
    )


def _joined(parts: Sequence[tuple[Asked, NDArray[np.int64]]]) -> Asked:
    order = np.argsort(np.concatenate([curves for _, curves in parts]))
    asked = [each for each, _ in parts]
    return Asked(
        Answers.join([each.answers for each in asked]).take(order),
        np.concatenate([each.first for each in asked]),
        np.concatenate([each.one_band for each in asked]),
        Answers.join([each.fused for each in asked]),
        Answers.join([each.best_band for each in asked]),
    )
