"""The table of predictions: a row a light curve, and one for all bands of a star, in the words of records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features import BLOCKING, FEATURE_NAMES, status_names
from schemas.model.artifact import Artifact
from schemas.model.verdict import ABSTAINED, BELOW_MIN_EPOCHS, NOVEL
from training.data.filters import ALL_BANDS
from training.data.light_curves import LabelledCurves
from training.data.stars_in_bands import bands_of
from training.examples.feature_table import View
from training.examples.star_features import Features
from training.measure.answers import Prediction, predict

PERIOD = FEATURE_NAMES.index("period")
WITHOUT_LABEL = (*status_names(int(BLOCKING)), BELOW_MIN_EPOCHS, NOVEL, ABSTAINED)
"""Why a light curve may have no label; of several reasons the first is told."""


@dataclass(frozen=True, slots=True)
class PredictionRows:
    """Rows of some stars, and what they come to.

    Attributes
    ----------
    table : pyarrow.Table
        Of n rows, see `rows_schema`.
    view : (n,) int8
        `View` of each: a band by itself, or all together.
    labels : Counter
        Rows by label.
    reasons : Counter
        Those without one by `WITHOUT_LABEL`.
    """

    table: pa.Table
    view: NDArray[np.int8]
    labels: Counter[str]
    reasons: Counter[str]


def rows_schema(classes: tuple[str, ...], *, name_survey: bool) -> pa.Schema:
    """Columns of the table: what is known and measured, what the model says, then ``p_CLASS`` of each class.

    ``status`` says why there is no label. What is not there is null: a band that the file does not name,
    the period of what could not be measured, all that a model says of what it was not asked about.
    ``survey``, its name, is the last column.
    """
    text, number = pa.string(), pa.float64()
    columns = [
        ("object_id", text),
        ("band", text),
        ("n_epochs", pa.int64()),
        ("baseline_d", number),
        ("period_d", number),
        ("period_probability", number),
        ("label", text),
        ("probability", number),
        ("novelty", number),
        ("status", text),
        *((f"p_{name}", number) for name in classes),
        *([("survey", text)] if name_survey else []),
    ]
    return pa.schema(columns)


def prediction_rows(
    artifact: Artifact, survey: LabelledCurves, chunks: Iterable[Features], *, name_survey: bool
) -> Iterator[PredictionRows]:
    """Ask the model about the stars of a file as they are measured.

    A star in several bands has a row of band ``all`` after those of its bands, if it was measured so.

    Parameters
    ----------
    survey : LabelledCurves
        What was read from a file, or from those of its bands.
    chunks : iterable of Features
        Of its light curves, one after the other, measured as the model wants.
    name_survey : bool
        Give each row the name of the survey.
    """
    names, bands = survey.columns["object_id"].astype(np.str_), bands_of(survey)
    for measured in chunks:
        yield _rows(artifact, survey.name if name_survey else None, names, bands, measured)


def _rows(
    artifact: Artifact,
    survey: str | None,
    names: NDArray[np.str_],
    bands: NDArray[np.str_],
    measured: Features,
) -> PredictionRows:
    everything = predict(artifact, measured.table())
    told = measured.view != View.AT_JOINT
    said, measured = everything.take(told), measured.take(told)
    merged = measured.view == View.MERGED
    schema = rows_schema(said.classes, name_survey=survey is not None)
    n = len(measured.status)
    band = np.where(merged, ALL_BANDS, bands[measured.curve])
    words = said.status_words
    columns = [
        names[measured.curve],
        [each or None for each in band.tolist()],
        measured.n_used,
        measured.baseline_d,
        measured.values[:, PERIOD],
        measured.p_period,
        said.labels,
        said.verdicts.probability,
        said.verdicts.novelty,
        ["|".join(each) for each in words],
        *said.verdicts.probabilities.T,
        *([[survey] * n] if survey is not None else []),
    ]
    arrays = [
        pa.array(column, field.type, from_pandas=True) for column, field in zip(columns, schema, strict=True)
    ]
    return PredictionRows(pa.table(arrays, schema=schema), measured.view, *_counted(said))


def _counted(said: Prediction) -> tuple[Counter[str], Counter[str]]:
    labels = said.labels
    without = [words for label, words in zip(labels, said.status_words, strict=True) if label is None]
    return (
        Counter(label for label in labels if label is not None),
        Counter(next(reason for reason in WITHOUT_LABEL if reason in words) for words in without),
    )
