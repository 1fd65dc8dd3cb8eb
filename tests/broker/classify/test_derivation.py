"""The id of an annotation: the same for the same, another for a correction."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.alert import Origin, Packet
from broker.classify import derivation
from broker.classify.classifier import Classifier, load_classifier
from broker.classify.derivation import derivation_of, digest_of
from broker.ingest.vetting import VettingRules
from broker.ingest.vetting_digest import vetting_digest
from broker.pipeline import Pipeline
from broker.state.light_curve import LightCurve, band_series, merge
from broker.state.store import MemoryStore
from schemas.model.artifact import Artifact
from tests.broker.epochs import alert, epoch, made_series
from tests.broker.streams import Scripted, annotator, classifier

RULES = VettingRules()
VETTED = vetting_digest(RULES, "ztf")


def had_it_stated(**changes) -> Classifier:
    """The shipped model, had its manifest stated this."""
    artifact = classifier()._artifact
    return Classifier(Artifact(replace(artifact.manifest, **changes), artifact._session))


def test_a_derivation_is_a_hash_that_equal_settings_agree_on():
    one = derivation_of(load_classifier("varstream-ztf"), VETTED)
    rules = VettingRules(programids=frozenset([1]), max_mag_err=1, max_distnr_arcsec=1.4)
    other = derivation_of(load_classifier("varstream-ztf", min_epochs=10), vetting_digest(rules, "ztf"))
    assert one == other
    assert re.fullmatch("[0-9a-f]{64}", one)


def test_another_vetting_is_another_derivation():
    assert derivation_of(classifier(), VETTED) != derivation_of(classifier(), "another")


@pytest.mark.parametrize(
    "changes",
    [{"sha256": "0" * 64}, {"clip_sigma": 4.0}, {"abstain_below": 0.7}, {"min_epochs": 12}],
    ids=lambda changes: next(iter(changes)),
)
def test_the_graph_and_the_terms_of_its_use_are_in_it(changes):
    assert derivation_of(had_it_stated(**changes), VETTED) != derivation_of(classifier(), VETTED)


def test_what_a_record_states_of_reliability_is_in_it_and_no_more():
    """A model that was measured again, on other stars, says something else of the same light curves."""
    bins = classifier().manifest.reliability
    worse, more_stars = (
        had_it_stated(reliability=({**bins[0], **changes}, *bins[1:]))
        for changes in ({"accuracy": bins[0]["accuracy"] / 2}, {"n_stars": bins[0]["n_stars"] + 1})
    )
    same = derivation_of(classifier(), VETTED)
    assert derivation_of(worse, VETTED) != same
    assert derivation_of(more_stars, VETTED) == same


def test_what_a_model_is_called_is_not():
    named = had_it_stated(name="other", licence="none", metrics={})
    assert derivation_of(named, VETTED) == derivation_of(classifier(), VETTED)


def test_the_fewest_epochs_that_are_asked_for_are_in_it():
    strict = Classifier(classifier()._artifact, min_epochs=25)
    assert derivation_of(strict, VETTED) != derivation_of(classifier(), VETTED)


@pytest.mark.parametrize(
    ("name", "value"), [("source_hash", lambda: "other code"), ("CLASSIFICATION_VERSION", "2.0")]
)
def test_the_code_and_the_major_version_of_the_record_are_in_it(monkeypatch, name, value):
    before = derivation_of(classifier(), VETTED)
    monkeypatch.setattr(derivation, name, value)
    assert derivation_of(classifier(), VETTED) != before


def test_a_minor_version_of_the_record_is_not(monkeypatch):
    before = derivation_of(classifier(), VETTED)
    monkeypatch.setattr(derivation, "CLASSIFICATION_VERSION", "1.99")
    assert derivation_of(classifier(), VETTED) == before


ONE_EPOCH = st.builds(
    lambda mag, mag_err, mjd: (mag, mag_err, mjd),
    st.floats(5.0, 22.0, width=32),
    st.one_of(st.just(np.nan), st.floats(0.0078125, 0.5, width=32)),
    st.integers(0, 40).map(lambda day: 59_000.0 + day / 4),  # some in one moment
)
COLUMNS = ("time", "mag", "mag_err", "mjd", "forced")
CURVES = st.lists(ONE_EPOCH, min_size=1, max_size=12)


def curve_in_order(epochs, order) -> LightCurve:
    """Light curve of these epochs, each with an alert of its own, in this order of arrival."""
    curve = LightCurve.empty()
    for number in order:
        mag, mag_err, mjd = epochs[number]
        curve, _ = merge(curve, alert(epoch(number + 1, mag=mag, mag_err=mag_err, mjd=mjd)))
    return curve


@given(data=st.data(), epochs=CURVES)
def test_epochs_that_come_in_another_order_have_the_same_digest(data, epochs):
    order = data.draw(st.permutations(range(len(epochs))))
    ours = digest_of(band_series(curve_in_order(epochs, range(len(epochs))), "g"))
    assert digest_of(band_series(curve_in_order(epochs, order), "g")) == ours


@given(data=st.data(), epochs=CURVES)
def test_a_value_that_changes_or_an_epoch_that_leaves_changes_the_digest(data, epochs):
    curve = band_series(curve_in_order(epochs, range(len(epochs))), "g")
    place = data.draw(st.integers(0, len(epochs) - 1))
    column = data.draw(st.sampled_from(["time", "mag", "mag_err", "mjd"]))
    values = getattr(curve, column).copy()
    values[place] = 0.25 if np.isnan(values[place]) else np.nextafter(values[place], np.inf)
    fewer = {name: np.delete(getattr(curve, name), place) for name in COLUMNS}
    kind = curve.forced.copy()
    kind[place] = not kind[place]
    digests = {
        digest_of(curve),
        digest_of(replace(curve, **{column: values})),
        digest_of(replace(curve, forced=kind)),
        digest_of(replace(curve, **fewer)),
    }
    assert len(digests) == 4


def test_unknown_errors_are_alike_whatever_their_bits():
    bits = np.array([0x7FF8000000000000, 0xFFF8000000000001], np.uint64).view(np.float64)
    time, mag = np.arange(2.0), np.full(2, 15.0)
    swapped = made_series("g", time, mag, bits[::-1].copy())
    assert digest_of(made_series("g", time, mag, bits)) == digest_of(swapped)


A_FILE = Origin(file="b.avro")


def annotations(*alerts, origin=A_FILE, at_once=True, vetting=VETTED):
    """What is published of these alerts."""
    store = MemoryStore()
    line = Pipeline(Scripted(*alerts, vetting=vetting), annotator(), store)
    made = []
    for count in [len(alerts)] if at_once else [1] * len(alerts):
        batch = line.annotate([Packet(b"", origin)] * count)
        store.commit(batch.curves, batch.offsets)
        made += batch.annotations
    return made


STAR = [alert(epoch(number, mag=15.0 + number % 3)) for number in range(1, 13)]
AGAIN = alert(epoch(12, mag=16.5), epoch(5, mag=15.5))
WITHDRAWAL = alert(epoch(12), withdrawn=np.array([12]))


@pytest.mark.parametrize("correction", [alert(epoch(12, mag=17.0)), AGAIN, WITHDRAWAL])
def test_a_correction_of_the_same_detection_is_no_repeat_of_it(correction):
    *_, before, after = annotations(*STAR, correction)
    for name in ("object_id", "source_id", "band", "derivation"):
        assert before.record[name] == after.record[name]
    assert before.id != after.id


def test_ids_do_not_know_of_batches_files_topics_and_times():
    ours = [a.id for a in annotations(*STAR, AGAIN)]
    assert len(set(ours)) == len(ours)
    assert [a.id for a in annotations(*STAR, AGAIN, at_once=False)] == ours
    topic = Origin(topic="alerts", partition=3, offset=17)
    assert [a.id for a in annotations(*STAR, AGAIN, origin=topic)] == ours
    assert [a.id for a in annotations(*STAR, AGAIN, origin=Origin(file="a.avro"))] == ours


def test_the_record_says_what_it_was_derived_from():
    (made,) = annotations(STAR[0])
    assert made.record["derivation"] == derivation_of(classifier(), VETTED)
    (other,) = annotations(STAR[0], vetting="another")
    assert other.record["derivation"] != made.record["derivation"]
    assert other.id != made.id
