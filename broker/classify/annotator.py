"""The annotator: light curves that changed -> scores -> records."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from broker.alert import Alert, Annotation, Packet
from broker.classify.annotation import RecordMaker
from broker.classify.classifier import Classifier
from broker.state.light_curve import BandSeries


class Annotator:
    """Scores light curves and makes their records.

    Parameters
    ----------
    annotate_unscored : bool
        Whether a band that cannot be scored yet gets a record with its status and no label.
    """

    def __init__(self, classifier: Classifier, *, annotate_unscored: bool = True) -> None:
        self._classifier = classifier
        self._records = RecordMaker(classifier.manifest)
        self._annotate_unscored = annotate_unscored

    def annotate(
        self, changed: Sequence[tuple[Packet, Alert, BandSeries]], *, ingest_time_us: int
    ) -> list[Annotation]:
        """Score changed bands as one batch and make their records, in order.

        A band's record is the same whatever else is scored with it.
        """
        if not changed:
            return []
        series = [s for _, _, s in changed]
        scores = self._classifier.score(
            np.concatenate([s.time for s in series]),
            np.concatenate([s.mag for s in series]),
            np.concatenate([s.mag_err for s in series]),
            np.cumsum([0, *(s.time.size for s in series)], dtype=np.int64),
        )
        return [
            self._records.make(packet, alert, one, scores, row, ingest_time_us=ingest_time_us)
            for row, (packet, alert, one) in enumerate(changed)
            if scores.scored[row] or self._annotate_unscored
        ]
