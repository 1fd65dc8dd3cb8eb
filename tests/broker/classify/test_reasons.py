"""Records that name what speaks for and against their class, where they are asked to."""

from __future__ import annotations

import io

import fastavro
import numpy as np
import pytest

from broker.classify.classifier import load_classifier
from broker.classify.derivation import derivation_of
from broker.classify.encoding import encoder, published
from broker.classify.reasons import load_explainers
from broker.errors import ConfigError
from broker.ingest.vetting import VettingRules
from broker.ingest.vetting_digest import vetting_digest
from broker.pipeline import Pipeline
from broker.settings.clusters import OutputConfig
from broker.settings.config import ModelConfig
from broker.state.store import MemoryStore
from features import FEATURE_NAMES
from schemas.explanation.explainer import NAMED, OF_A_RECORD, Explainer
from tests.broker.explaining import background, explainer, model_with_background, model_without_background
from tests.broker.streams import annotator, classifier, decoder, fusing, packets, simulated, timeless

MESSAGES = packets([a.payload for a in simulated()][:120])
VETTED = vetting_digest(VettingRules(), "ztf")


def records(model, why=None):
    by_survey = {} if why is None else {"ztf": why, "lsst": why}
    line = Pipeline(decoder(), annotator(model, explainers=by_survey), MemoryStore())
    return line.annotate(MESSAGES).annotations


@pytest.fixture(scope="module")
def silent():
    return records(fusing())


@pytest.fixture(scope="module")
def speaking():
    return records(fusing(), explainer())


def test_nothing_is_said_unless_asked_for(silent):
    assert OutputConfig().explain is False
    assert {str(a.record["explanation"]) for a in silent} == {"None"}


def test_what_is_said_beside_changes_nothing_else_but_the_derivation(silent, speaking):
    own = ("explanation", "derivation")
    assert [{k: v for k, v in record.items() if k not in own} for record in timeless(silent)] == [
        {k: v for k, v in record.items() if k not in own} for record in timeless(speaking)
    ]
    assert not {a.id for a in silent} & {a.id for a in speaking}


def test_every_scored_record_names_at_most_three_features_for_and_against_its_class(speaking):
    bands = {"all": 0, "one": 0}
    for annotation in speaking:
        record = annotation.record
        said = record["explanation"]
        assert (said is None) == (record["probabilities"] is None)
        if said is not None:
            bands["all" if record["band"] == "all" else "one"] += 1
            assert said.keys() == {"speaks_for", "speaks_against"}
            assert not set(said["speaks_for"]) & set(said["speaks_against"])
            for names in said.values():
                assert len(set(names)) == len(names) <= NAMED
                assert set(names) <= set(FEATURE_NAMES)
    assert min(bands.values()) > 10


def test_of_one_band_they_are_those_of_its_features_and_its_class(speaking):
    why = explainer()
    classes = classifier().manifest.classes
    scored = [a.record for a in speaking if a.record["band"] != "all" and a.record["explanation"]]
    for record in scored[::7]:
        row = np.array([list(record["features"].values())])
        best = max({*record["probabilities"]} - {"OTHER"}, key=record["probabilities"].__getitem__)
        values = why.explain(row, classes.index(best), effort=OF_A_RECORD).values
        first = FEATURE_NAMES[int(values.argmax())]
        assert record["explanation"]["speaks_for"][0] == first


def test_a_record_says_the_same_alone_and_in_a_batch(speaking):
    store = MemoryStore()
    why = {"ztf": explainer(), "lsst": explainer()}
    line = Pipeline(decoder(), annotator(fusing(), explainers=why), store)
    alone = []
    for message in MESSAGES:
        batch = line.annotate([message])
        store.commit(batch.curves, batch.offsets)
        alone += batch.annotations
    assert timeless(alone) == timeless(speaking)


@pytest.mark.parametrize("form", ["avro", "json"])
def test_messages_of_every_format_hold_it(speaking, form):
    annotation = next(a for a in speaking if a.record["explanation"])
    message = encoder(form)(published(annotation))
    if form == "avro":
        (record,) = fastavro.reader(io.BytesIO(message))
        assert record["explanation"] == annotation.record["explanation"]
    else:
        assert annotation.record["explanation"]["speaks_for"][0].encode() in message


def test_the_background_is_in_the_derivation_and_workers_agree_on_it():
    one, same = (derivation_of(fusing(), VETTED, explainer=explainer()) for _ in range(2))
    assert one == same != derivation_of(fusing(), VETTED)
    other = Explainer(fusing().artifact, background()[:50])
    assert derivation_of(fusing(), VETTED, explainer=other) != one


def test_a_worker_that_is_to_say_why_needs_models_with_a_background(tmp_path):
    without = model_without_background(tmp_path / "without")
    judge = load_classifier(without)
    with pytest.raises(ConfigError, match=r"came without background\.npz"):
        load_explainers(ModelConfig(path=without), {"ztf": judge, "lsst": judge})
    folder = model_with_background(tmp_path / "model")
    judge = load_classifier(folder)
    loaded = load_explainers(ModelConfig(path=folder), {"ztf": judge, "lsst": judge})
    assert loaded.keys() == {"ztf", "lsst"}
    assert (loaded["ztf"].background == background()).all()
