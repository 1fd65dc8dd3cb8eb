"""Every alert is judged by the model of its survey, whatever it shares its batch with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from broker.classify.annotator import Annotator
from broker.classify.classifier import Classifier, load_classifier, load_classifiers
from broker.errors import ConfigError
from broker.ingest.decoder import SURVEYS
from broker.settings.config import ModelConfig
from broker.state.light_curve import BandSeries
from tests.broker.epochs import alert, epoch, made_series
from tests.broker.streams import annotator, classifier, timeless


def wave(n: int, period_d: float, seed: int) -> BandSeries:
    rng = np.random.default_rng(seed)
    time = 59_000.0 + np.sort(rng.uniform(0.0, 200.0, n))
    mag = 16.0 + 0.4 * np.sin(2 * np.pi * time / period_d) + rng.normal(0.0, 0.02, n)
    return made_series("r", time, mag, np.full(n, 0.02))


def changed(survey: str, series: BandSeries, number: int):
    """A band of an object of this survey, as its alert changed it."""
    one = replace(alert(epoch(number), object_id=f"star{number}"), survey=survey)
    return one, series


@pytest.fixture(scope="module")
def each() -> Annotator:
    return Annotator(load_classifiers(ModelConfig()))


@pytest.fixture(scope="module")
def mixed():
    """Bands of both surveys, one after the other, some of them too short to be scored."""
    lengths = [60, 40, 5, 80, 7, 25, 30, 50]
    return [
        changed(("ztf", "lsst", "lsst")[number % 3], wave(n, 0.4 + 0.1 * number, number), number)
        for number, n in enumerate(lengths)
    ]


def test_a_batch_of_both_surveys_is_judged_by_the_model_of_each(each, mixed):
    made = each.annotate(mixed)
    for (one, _), annotation in zip(mixed, made, strict=True):
        record = annotation.record
        assert (record["survey"], record["object_id"]) == (one.survey, one.object_id)
        assert record["model"]["name"] == f"varstream-{one.survey}"
        assert "OTHER_SURVEY" not in record["status"]


def test_an_annotation_is_the_same_alone_and_in_a_batch_of_both_surveys(each, mixed):
    together = each.annotate(mixed)
    alone = [a for one in mixed for a in each.annotate([one])]
    assert timeless(alone) == timeless(together)
    assert [a.id for a in alone] == [a.id for a in together]


def test_without_the_unscored_the_others_keep_their_order(mixed):
    made = annotator(annotate_unscored=False).annotate(mixed)
    long_enough = [one.object_id for one, series in mixed if series.time.size >= 10]
    assert [a.record["object_id"] for a in made] == long_enough


def test_nothing_is_made_of_nothing(each):
    assert each.annotate([]) == []


def test_a_survey_without_a_model_is_no_silent_loss(mixed):
    with pytest.raises(KeyError, match="lsst"):
        Annotator({"ztf": classifier()}).annotate(mixed)


@pytest.mark.parametrize(
    ("model", "survey", "said"),
    [
        ("varstream-ztf", "ztf", False),
        ("varstream-ztf", "lsst", True),
        ("varstream-lsst", "ztf", True),
        ("varstream-source", "ztf", False),
        ("varstream-source", "lsst", False),
    ],
)
@pytest.mark.parametrize("n", [5, 60])
def test_a_record_says_when_its_model_was_made_for_another_survey(model, survey, said, n):
    judge = annotator(load_classifier(model))
    (made,) = judge.annotate([changed(survey, wave(n, 0.5, 1), 1)])
    assert ("OTHER_SURVEY" in made.record["status"]) == said


def test_every_survey_that_is_read_has_a_model():
    assert load_classifiers(ModelConfig()).keys() == {projection.survey for projection, _ in SURVEYS}


def test_one_model_can_be_named_for_all_surveys_or_one_for_each():
    def names(**model: str) -> list[str]:
        return [each.manifest.name for each in load_classifiers(ModelConfig(**model)).values()]

    assert names() == ["varstream-ztf", "varstream-lsst"]
    assert names(path="varstream-source") == ["varstream-source"] * 2
    assert names(lsst="varstream-source") == ["varstream-ztf", "varstream-source"]
    assert names(ztf="varstream-source", lsst="varstream-ztf") == ["varstream-source", "varstream-ztf"]


def test_one_model_for_all_surveys_is_loaded_once():
    ztf, lsst = load_classifiers(ModelConfig(path="varstream-source", min_epochs=20)).values()
    assert isinstance(ztf, Classifier)
    assert ztf is lsst
    assert ztf.min_epochs == 20


@pytest.mark.parametrize("own", ["ztf", "lsst"])
def test_one_model_for_all_and_one_for_a_survey_contradict_each_other(own):
    with pytest.raises(ConfigError, match=r"model.path = 'a' .* model.ztf and model.lsst"):
        ModelConfig(**{"path": "a", own: "varstream-ztf"})


def test_a_model_that_is_not_there_is_refused_before_the_start():
    with pytest.raises(ConfigError, match="shipped models are varstream-lsst, varstream-source"):
        load_classifiers(ModelConfig(lsst="varstream-lsts"))
