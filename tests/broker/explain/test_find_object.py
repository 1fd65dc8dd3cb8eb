"""The light curve to explain is that of the packets of its object, in whatever order, or the store's."""

from __future__ import annotations

import random
from contextlib import closing
from dataclasses import replace

import pytest

from broker.alert import Skipped
from broker.errors import AlertError, ConfigError
from broker.explain.find_object import find_in_packets, find_in_store
from broker.pipeline import Pipeline
from broker.state.sqlite import SQLiteStore
from broker.state.store import MemoryStore
from tests.broker.epochs import alert, curve_of, epoch
from tests.broker.streams import Scripted, annotator, decoder, packets, simulated

PAYLOADS = [each.payload for each in simulated()][:80]


class Telling(Scripted):
    """A decoder that also raises what it is told to."""

    def read(self, packet):
        told = next(self._alerts)
        if isinstance(told, Exception):
            raise told
        return told


def found(asked, *told):
    return find_in_packets(asked, packets([b""] * len(told)), Telling(*told))


def test_it_is_the_light_curve_that_the_worker_comes_to():
    store = MemoryStore()
    batch = Pipeline(decoder(), annotator(), store).annotate(packets(PAYLOADS))
    for key, curve in batch.curves.items():
        survey, _, object_id = key.partition(":")
        for asked in (key, object_id):
            mine = find_in_packets(asked, packets(PAYLOADS), decoder())
            assert (mine.survey, mine.object_id) == (survey, object_id)
            assert (mine.curve.epochs == curve.epochs).all()


def test_others_and_what_cannot_be_used_are_passed_over():
    told = [alert(epoch(number)) for number in range(1, 6)]
    told += [alert(epoch(9), object_id="other"), Skipped("ztf", "not_public"), AlertError("empty", "nothing")]
    random.Random(0).shuffle(told)
    mine = found("star", *told)
    assert sorted(mine.curve.epochs["source_id"].tolist()) == [1, 2, 3, 4, 5]


def test_an_unknown_object_is_said_with_what_became_of_the_packets():
    told = [
        alert(epoch(9), object_id="other"),
        Skipped("ztf", "not_public"),
        Skipped("ztf", "not_public"),
        AlertError("empty", "message of zero bytes"),
    ]
    with pytest.raises(ConfigError) as refused:
        found("star", *told)
    assert str(refused.value) == (
        "no usable alert of an object 'star' among 4 packets, of which 2 not_public; 1 could not be read, "
        "the first for this: message of zero bytes"
    )


def test_an_id_of_two_surveys_is_to_be_told_apart():
    told = [alert(epoch(1)), replace(alert(epoch(2)), survey="lsst")]
    with pytest.raises(ConfigError, match=r"two surveys: ask for ztf:star or lsst:star"):
        found("star", *told)
    assert found("lsst:star", *told).curve.epochs["source_id"].tolist() == [2]


def test_in_a_store_it_is_found_by_its_id_with_or_without_the_survey(tmp_path):
    path = tmp_path / "state.sqlite"
    with closing(SQLiteStore(path)) as store:
        both = {"ztf:7": curve_of(1, 2), "lsst:7": curve_of(3), "lsst:8": curve_of(4)}
        store.commit(both, {})
    for asked in ("8", "lsst:8"):
        mine = find_in_store(asked, path)
        assert mine[:2] == ("lsst", "8")
        assert mine.curve.epochs["source_id"].tolist() == [4]
    with pytest.raises(ConfigError, match="two surveys: ask for ztf:7 or lsst:7"):
        find_in_store("7", path)
    with pytest.raises(ConfigError, match=r"no usable alert of an object '9' in the store .*state\.sqlite"):
        find_in_store("9", path)
