"""The annotator: bands that alerts changed -> their records, each by the model of its survey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from broker.alert import Alert, Annotation, Packet
from broker.classify.annotation import RecordMaker
from broker.classify.classifier import Classifier, Scores
from broker.classify.derivation import derivation_of
from broker.ingest.vetting import VettingRules
from broker.state.light_curve import BandSeries

Changed = tuple[Packet, Alert, BandSeries]
"""A packet, its alert, and a band that the alert changed as it stood right after it."""


class Annotator:
    """Scores light curves and makes their records.

    Parameters
    ----------
    classifiers : mapping of str to Classifier
        By survey.
    rules : VettingRules
        What the epochs were vetted by; a part of what a record follows from.
    annotate_unscored : bool
        Whether a band that cannot be scored yet gets a record with its status and no label.
    """

    def __init__(
        self,
        classifiers: Mapping[str, Classifier],
        rules: VettingRules,
        *,
        annotate_unscored: bool = True,
    ) -> None:
        self._classifiers = dict(classifiers)
        self._makers = {
            survey: RecordMaker(classifier.manifest, derivation_of(classifier, rules, survey))
            for survey, classifier in classifiers.items()
        }
        self._annotate_unscored = annotate_unscored

    def annotate(self, changed: Sequence[Changed], *, ingest_time_us: int) -> list[Annotation]:
        """Return the records of the changed bands, in their order; those of one model are scored at once."""
        annotations: dict[int, Annotation] = {}
        for survey in {alert.survey for _, alert, _ in changed}:
            places = [place for place, (_, alert, _) in enumerate(changed) if alert.survey == survey]
            scores = _score(self._classifiers[survey], [changed[place][2] for place in places])
            for row, place in enumerate(places):
                if scores.scored[row] or self._annotate_unscored:
                    annotations[place] = self._makers[survey].make(
                        *changed[place], scores, row, ingest_time_us=ingest_time_us
                    )
        return [annotations[place] for place in sorted(annotations)]


def _score(classifier: Classifier, series: Sequence[BandSeries]) -> Scores:
    return classifier.score(
        np.concatenate([one.time for one in series]),
        np.concatenate([one.mag for one in series]),
        np.concatenate([one.mag_err for one in series]),
        np.cumsum([0, *(one.time.size for one in series)], dtype=np.int64),
    )
