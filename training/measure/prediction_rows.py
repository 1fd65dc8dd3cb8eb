"""The table of predictions: a row for every light curve of a file, in the words of the stream's records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features import BLOCKING, FEATURE_NAMES, status_names
from schemas.model.artifact import Artifact
from schemas.model.verdict import ABSTAINED, BELOW_MIN_EPOCHS
from training.data.light_curves import LabelledCurves
from training.examples.feature_file import Features
from training.measure.answers import Prediction, predict

PERIOD = FEATURE_NAMES.index("period")
WITHOUT_LABEL = (*status_names(int(BLOCKING)), BELOW_MIN_EPOCHS, ABSTAINED)
"""Why a light curve may have no label; of several reasons the first is told."""


@dataclass(frozen=True, slots=True)
class PredictionRows:
    """Rows of some light curves, and what they come to.

    Attributes
    ----------
    table : pyarrow.Table
        See `rows_schema`.
    labels : Counter
        Light curves by label.
    reasons : Counter
        Those without one by `WITHOUT_LABEL`.
    """

    table: pa.Table
    labels: Counter[str]
    reasons: Counter[str]


def rows_schema(classes: tuple[str, ...], *, name_survey: bool) -> pa.Schema:
    """Columns of the table: what is known and measured, what the model says, then ``p_CLASS`` of each class.

    What is not there is null: a band that the file does not name, the period of what could not be measured,
    all that a model says of what it was not asked about. ``survey``, the file's name, is the last column.
    """
    text, number = pa.string(), pa.float64()
    columns = [
        ("object_id", text),
        ("band", text),
        ("n_epochs", pa.int64()),
        ("baseline_d", number),
        ("period_d", number),
        ("label", text),
        ("probability", number),
        ("status", text),
        *((f"p_{name}", number) for name in classes),
        *([("survey", text)] if name_survey else []),
    ]
    return pa.schema(columns)


def prediction_rows(
    artifact: Artifact, survey: LabelledCurves, chunks: Iterable[Features], *, name_survey: bool
) -> Iterator[PredictionRows]:
    """Ask the model about the light curves of a file as they are measured.

    Parameters
    ----------
    survey : LabelledCurves
        The file.
    chunks : iterable of Features
        Of its light curves, one after the other, measured as the model wants.
    name_survey : bool
        Give each row the name of the file.
    """
    start = 0
    for measured in chunks:
        rows = slice(start, start + len(measured.status))
        yield _rows(artifact, survey, rows, measured, name_survey=name_survey)
        start = rows.stop


def _rows(
    artifact: Artifact, survey: LabelledCurves, rows: slice, measured: Features, *, name_survey: bool
) -> PredictionRows:
    said = predict(artifact, measured.values, measured.status, measured.n_used)
    schema = rows_schema(said.classes, name_survey=name_survey)
    n = len(measured.status)
    known = {
        name: survey.columns[name][rows].astype(np.str_)
        for name in ("object_id", "band")
        if name in survey.columns
    }
    words = said.status_words
    columns = [
        known["object_id"],
        known.get("band", pa.nulls(n, pa.string())),
        measured.n_used,
        measured.baseline_d,
        measured.values[:, PERIOD],
        said.labels,
        said.verdicts.probability,
        ["|".join(each) for each in words],
        *said.verdicts.probabilities.T,
        *([[survey.name] * n] if name_survey else []),
    ]
    arrays = [
        pa.array(column, field.type, from_pandas=True) for column, field in zip(columns, schema, strict=True)
    ]
    return PredictionRows(pa.table(arrays, schema=schema), *_counted(said))


def _counted(said: Prediction) -> tuple[Counter[str], Counter[str]]:
    labels = said.labels
    without = [words for label, words in zip(labels, said.status_words, strict=True) if label is None]
    return (
        Counter(label for label in labels if label is not None),
        Counter(next(reason for reason in WITHOUT_LABEL if reason in words) for words in without),
    )
