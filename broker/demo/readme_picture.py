"""The picture of the README: one simulated star, told apart as its epochs arrive."""

from __future__ import annotations

from collections import Counter

from broker.alert import Origin, Packet
from broker.classify.annotator import Annotator
from broker.classify.classifier import Classifier
from broker.demo.picture import draw
from broker.errors import ConfigError
from broker.ingest.decoder import Decoder
from broker.ingest.vetting import VettingRules
from broker.pipeline import Pipeline
from broker.simulator.sky import simulate_sky
from broker.simulator.stars import CLASSES
from broker.simulator.stream import alerts_of
from broker.state.light_curve import band_series
from broker.state.star_series import ALL_BANDS
from broker.state.store import MemoryStore
from features import SURVEY_BANDS


def draw_story(classifier: Classifier, *, true_class: str, seed: int) -> str:
    """Send one star's alerts through the pipeline and draw what it said, as SVG.

    That is of all bands together, where the model says that, or of the band that was scored most often.

    Parameters
    ----------
    true_class : str
        What the star is, of `broker.simulator.stars.CLASSES`.
    seed : int
        Of the star, and of the nights it is seen in.

    Raises
    ------
    ConfigError
        If there is no such class, or the star was never seen often enough to be scored.
    """
    if true_class not in CLASSES:
        raise ConfigError(f"no simulated star is a {true_class!r}: choose one of {', '.join(CLASSES)}")
    (star,) = simulate_sky(1, seed, "ztf", mix={true_class: 1.0})
    rules = VettingRules()
    pipeline = Pipeline(Decoder(None, rules), Annotator({"ztf": classifier}), MemoryStore())
    batch = pipeline.annotate([Packet(alert.payload, Origin()) for alert in alerts_of(star)])
    records = [a.record for a in batch.annotations if a.record["probabilities"] is not None]
    if not records:
        raise ConfigError(f"this {true_class} was seen in too few epochs to be scored: try another --seed")
    counts = Counter(record["band"] for record in records)
    band = ALL_BANDS if ALL_BANDS in counts else counts.most_common(1)[0][0]
    (curve,) = batch.curves.values()
    bands = sorted({bytes(name).decode() for name in curve.epochs["band"]}, key=SURVEY_BANDS.index)
    story = [a.record for a in batch.annotations if a.record["band"] == band]
    return draw(story, [band_series(curve, name) for name in bands], title=None)
