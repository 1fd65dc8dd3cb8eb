"""An explanation is of what the worker says of the object, in the band that was asked for."""

from __future__ import annotations

import math

import pytest

from broker.errors import ConfigError, VarstreamError
from broker.pipeline import Pipeline
from broker.state.store import MemoryStore
from tests.broker.epochs import alert
from tests.broker.explain.stars import PERIOD_D, star, why
from tests.broker.streams import Scripted, annotator, classifier, fusing, packets

FIELDS = ("label", "probability", "probabilities", "status", "features", "p_period", "n_epochs", "novelty")


def records(model, found):
    """The last record of every band of a star, as the worker makes them."""
    rows = [found.curve.epochs[place : place + 1] for place in range(found.curve.epochs.size)]
    line = Pipeline(Scripted(alert(rows[-1], *rows[:-1])), annotator(model), MemoryStore())
    return {a.record["band"]: a.record for a in line.annotate(packets([b""])).annotations}


@pytest.mark.parametrize("band", ["all", "g", "r"])
def test_it_explains_what_the_worker_says(band):
    said = why(band=band)
    record = records(fusing(), star())[band]
    assert {name: said.answer[name] for name in FIELDS} == {name: record[name] for name in FIELDS}
    assert said.best == max({*record["probabilities"]} - {"OTHER"}, key=record["probabilities"].__getitem__)
    probability = record["probability"]
    assert said.shapley.answer == pytest.approx(math.log(probability / (1.0 - probability)), abs=1e-4)
    assert said.shapley.values.sum() + said.shapley.background_mean == pytest.approx(said.shapley.answer)


def test_by_default_it_is_of_all_bands_where_the_model_says_that_and_otherwise_of_the_longest():
    assert why().band == "all"
    assert why(model=classifier()).band == "g"
    assert why(star(61, "rgr"), model=classifier()).band == "r"


def test_a_star_of_one_band_is_explained_as_that_band():
    together, alone = why(star(40, "r"), band="all"), why(star(40, "r"), band="r")
    assert together.shapley.values.tolist() == alone.shapley.values.tolist()
    assert together.answer["features"]["period"] == pytest.approx(PERIOD_D, rel=1e-3)


def test_a_band_without_epochs_is_refused_with_those_there_are():
    with pytest.raises(ConfigError, match=r"no epochs in band 'i'; epochs: 30 in g, 30 in r"):
        why(band="i")


def test_all_bands_are_refused_where_the_model_does_not_answer_so():
    with pytest.raises(ConfigError, match=r"cannot be asked about in all bands: .* not measured together"):
        why(band="all", model=classifier())
    with pytest.raises(ConfigError, match="no band with two epochs to put together; epochs: 1 in g, 1 in r"):
        why(star(2), band="all")


@pytest.mark.parametrize(
    ("n", "band", "message"),
    [
        (5, "g", "not scored in band g, .*: TOO_FEW, .*used: 3, that .* asks for: 10"),
        (18, "g", "not scored in band g, .*BELOW_MIN_EPOCHS; .*used: 9, that .* asks for: 10"),
        (12, "all", "not scored in all bands, .*BELOW_MIN_EPOCHS; .*used: 12, that .* asks for: 15"),
    ],
)
def test_what_is_not_scored_is_said_with_the_reason(n, band, message):
    with pytest.raises(VarstreamError, match=message) as refused:
        why(star(n), band=band)
    assert not isinstance(refused.value, ConfigError)
