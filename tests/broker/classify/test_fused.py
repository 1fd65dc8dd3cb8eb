"""The records of all bands of a star together, beside those of its bands."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import features
from broker.classify.derivation import derivation_of
from broker.errors import ConfigError
from broker.ingest.vetting import VettingRules
from broker.ingest.vetting_digest import vetting_digest
from broker.pipeline import Pipeline
from broker.state.star_series import star_series
from broker.state.store import MemoryStore
from features import extract_together
from schemas.classification import CLASSIFICATION_VERSION
from tests.broker.epochs import alert, epoch, forced_epoch
from tests.broker.streams import (
    FUSED,
    Scripted,
    annotator,
    classifier,
    decoder,
    fusing,
    packets,
    reliability_bin,
    simulated,
    timeless,
)

VETTED = {survey: vetting_digest(VettingRules(), survey) for survey in ("ztf", "lsst")}
OWN = ("band", "bands", "derivation")
"""What tells the record of a star of one band from that of the band."""

BANDS = "ugrizy"
PERIOD_D = 0.61
MESSAGES = packets([a.payload for a in simulated()][:150])


def pulsating(source_id, band, *, mag=None, **more):
    """One epoch of a star that pulsates in all bands, half a day after the one before."""
    day = source_id * 0.53
    amplitude = {"g": 0.5, "r": 0.35}.get(band, 0.3)
    own = 15.0 + BANDS.index(band) / 10 + amplitude * math.sin(2 * math.pi * day / PERIOD_D)
    return epoch(source_id, mjd=59_000.0 + day, mag=own if mag is None else mag, band=band, **more)


def records(*alerts, model=None, at_once=True, **kinds):
    """All that is published of these alerts."""
    line = Pipeline(Scripted(*alerts), annotator(model or fusing(), **kinds), store := MemoryStore())
    made = []
    for count in [len(alerts)] if at_once else [1] * len(alerts):
        batch = line.annotate(packets([b""] * count))
        store.commit(batch.curves, batch.offsets)
        made += batch.annotations
    return made


def of_star(made):
    return [a.record for a in made if a.record["band"] == "all"]


def of_bands(made):
    return [a.record for a in made if a.record["band"] != "all"]


@pytest.fixture(scope="module")
def stream():
    batch = Pipeline(decoder(), annotator(fusing()), MemoryStore()).annotate(MESSAGES)
    return batch.annotations


@pytest.fixture(scope="module")
def two_bands():
    """A star that alternates between two bands, and comes to 12 and 12 epochs."""
    return [alert(pulsating(number, "gr"[number % 2])) for number in range(24)]


@pytest.fixture(scope="module")
def last_word(two_bands):
    """What is said of that star in the end."""
    return of_star(records(*two_bands))[-1]


def test_every_alert_of_a_band_that_counts_has_one_record_of_the_star_after_those_of_its_bands(stream):
    last = {}
    for place, annotation in enumerate(stream):
        last.setdefault((annotation.key, annotation.record["source_id"]), []).append(place)
    for places in last.values():
        assert places == list(range(places[0], places[-1] + 1))
        bands = [stream[place].record["band"] for place in places]
        assert bands.count("all") <= 1
        assert "all" not in bands[:-1]
        counts = [stream[place].record["n_epochs"] for place in places]
        assert ("all" in bands) == (max(counts) > 1)


def test_a_star_of_one_band_has_that_band_s_record_to_the_bit():
    model = fusing(reliability=(reliability_bin(10, None),), abstain_below=0.25)
    history = [alert(pulsating(number, "r")) for number in range(40)]
    stars = of_star(records(*history, model=model, annotate_bands=False))
    bands = of_bands(records(*history, model=model, annotate_fused=False))[1:]  # of one epoch no star is made
    assert len(stars) == len(bands) == 39
    assert sum(record["label"] is not None for record in bands) > 5
    for star, band in zip(stars, bands, strict=True):
        assert {k: v for k, v in star.items() if k not in (*OWN, "ingest_time_us")} == {
            k: v for k, v in band.items() if k not in (*OWN, "ingest_time_us")
        }
        (only,) = star["bands"]
        assert (only["band"], only["n_epochs"]) == ("r", band["n_epochs"])
        assert band["bands"] is None


def measurements(monkeypatch, *alerts, **kinds):
    """All that is published of these alerts, and how many light curves were measured for it."""
    counts = []
    for name in ("extract", "extract_together"):

        def counted(*series, name=name, **chosen):
            counts.append(len(series[-1]) - 1)
            return getattr(features, name)(*series, **chosen)

        monkeypatch.setattr(f"broker.classify.classifier.{name}", counted)
    return records(*alerts, **kinds), sum(counts)


@pytest.mark.parametrize("at_once", [True, False])
def test_a_star_of_one_band_is_measured_once_for_both_of_its_records(monkeypatch, at_once):
    """As is one with a second band of one epoch, which is measured by itself."""
    history = [alert(pulsating(number, "r")) for number in range(20)]
    last = alert(pulsating(30, "r"), pulsating(29, "i"))
    made, count = measurements(monkeypatch, *history, last, at_once=at_once)
    assert [record["band"] for record in (a.record for a in made)] == [
        "r",
        *["r", "all"] * 19,
        "i",
        "r",
        "all",
    ]
    assert count == 20 + 2


def test_a_star_of_two_bands_is_measured_beside_its_bands(monkeypatch, two_bands):
    """From its second epoch in the one on, and in the other: 24 records of bands and 22 of the star."""
    made, count = measurements(monkeypatch, *two_bands)
    assert (len(of_bands(made)), len(of_star(made))) == (24, 22)
    assert count == 24 + 22 - 1  # the star with its first band alone


def test_records_of_both_kinds_are_those_of_each_by_itself():
    """Also of epochs that the measurement leaves out: repeats, and errors that are not known."""
    twice = [epoch(number, mjd=59_000.5, mag=15.2, band="g", exposure=number) for number in range(2)]
    odd = [pulsating(number, "g", mag_err=math.nan if number % 5 == 0 else 0.01) for number in range(2, 30)]
    alerts = [alert(one) for one in (*twice, *odd, *(pulsating(number, "r") for number in range(30, 33)))]
    both = records(*alerts)
    assert [record["n_epochs"] for record in of_bands(both)[:2] + of_star(both)[:1]] == [1, 1, 0]
    assert timeless([a for a in both if a.record["band"] == "all"]) == timeless(
        records(*alerts, annotate_bands=False)
    )
    assert timeless([a for a in both if a.record["band"] != "all"]) == timeless(
        records(*alerts, annotate_fused=False)
    )


def test_a_star_of_several_bands_is_answered_by_merged_curve_and_bands():
    """By the formula, from the features of its points and the graph's answers to them."""
    model = fusing()
    star = [pulsating(number, "gri"[number % 3]) for number in range(60)]
    line = Pipeline(Scripted(alert(star[-1], *star[:-1])), annotator(model), store := MemoryStore())
    batch = line.annotate(packets([b""]))
    store.commit(batch.curves, batch.offsets)
    (record,) = of_star(batch.annotations)
    series = star_series(store.curves["ztf:star"])
    measured = extract_together(series.time, series.mag, series.mag_err, series.number, [0, series.time.size])
    ask = model._artifact.score
    (merged,) = ask(measured.merged.values, np.array([True])).probabilities
    bands = ask(measured.bands.values[1:4], np.ones(3, bool)).probabilities
    joint = np.sqrt(merged.astype(float) * bands.astype(float).mean(axis=0)) ** (1 / FUSED["temperature"])
    assert list(record["probabilities"].values()) == pytest.approx(joint / joint.sum(), abs=1e-7)
    assert list(record["features"].values()) == measured.merged.values[0].tolist()
    assert record["n_epochs"] == measured.merged.n_used[0]
    assert [each["band"] for each in record["bands"]] == ["g", "r", "i"]
    for number, each in enumerate(record["bands"], start=1):
        assert each["n_epochs"] == measured.bands.n_used[number]
        assert each["level"] == measured.level[0, number]
        assert each["amplitude_ratio"] == measured.amplitude_ratio[0, number]


def test_the_fewest_epochs_and_the_reliability_of_a_star_are_by_the_sum_over_its_bands(two_bands):
    bins = (reliability_bin(15, 19), reliability_bin(20, None, accuracy=0.7))
    model = fusing(
        fused=FUSED | {"reliability": bins}, reliability=(reliability_bin(10, None, accuracy=0.1),)
    )
    made = records(*two_bands, model=model)
    for record in of_star(made):
        assert record["n_epochs"] == sum(each["n_epochs"] for each in record["bands"])
        several = len(record["bands"]) > 1
        assert ("BELOW_MIN_EPOCHS" in record["status"]) == (record["n_epochs"] < (15 if several else 10))
        assert (record["probabilities"] is None) == ("BELOW_MIN_EPOCHS" in record["status"])
        accuracy = record["reliability"] and record["reliability"]["accuracy"]
        assert accuracy == (None if record["n_epochs"] < 15 else 0.8 if record["n_epochs"] < 20 else 0.7)
    assert of_star(made)[-1]["n_epochs"] == 24
    assert {r["reliability"]["accuracy"] for r in of_bands(made) if r["reliability"]} == {0.1}


def test_a_star_is_unsure_by_the_limit_of_fused_answers(two_bands):
    probability = of_star(records(*two_bands))[-1]["probability"]
    for limit, unsure in ((probability, False), (math.nextafter(probability, 1.0), True)):
        model = fusing(fused=FUSED | {"abstain_below": limit}, abstain_below=0.999)
        last = of_star(records(*two_bands, model=model))[-1]
        assert (last["label"] is None, "ABSTAINED" in last["status"]) == (unsure, unsure)
        assert last["probability"] == probability


def without_alert(record):
    """What a record says of the points that it is made of."""
    about_alert = ("source_id", "mjd", "source", "ingest_time_us")
    return {name: value for name, value in record.items() if name not in about_alert}


@settings(max_examples=15, deadline=None)
@given(order=st.permutations(range(24)), at_once=st.booleans())
def test_what_is_said_of_a_star_does_not_know_in_which_order_its_epochs_came(
    two_bands, last_word, order, at_once
):
    made = records(*(two_bands[place] for place in order), at_once=at_once)
    assert without_alert(of_star(made)[-1]) == without_alert(last_word)


@settings(max_examples=4, deadline=None)
@given(splits=st.lists(st.integers(0, len(MESSAGES)), max_size=8))
def test_any_split_into_batches_gives_the_same_records(stream, splits):
    line, made = Pipeline(decoder(), annotator(fusing()), store := MemoryStore()), []
    for start, stop in itertools.pairwise([0, *sorted(splits), len(MESSAGES)]):
        batch = line.annotate(MESSAGES[start:stop])
        store.commit(batch.curves, batch.offsets)
        made += batch.annotations
    assert timeless(made) == timeless(stream)
    assert [a.id for a in made] == [a.id for a in stream]


def test_ids_of_stars_are_their_own_and_the_same_in_every_run(stream):
    ids = [a.id for a in stream]
    assert len(set(ids)) == len(ids)


def test_a_band_of_one_epoch_changes_nothing_of_the_star_not_even_its_id(two_bands):
    before = records(*two_bands)[-1]
    after = records(alert(pulsating(100, "i")), *two_bands)[-1]
    assert after.record["band"] == "all"
    assert without_alert(after.record) == without_alert(before.record)
    assert after.id == before.id


def test_an_alert_in_a_band_of_one_epoch_says_nothing_new_of_the_star(two_bands):
    made = records(*two_bands, alert(pulsating(100, "i")))
    assert made[-1].record["band"] == "i"


def test_a_band_that_leaves_changes_the_star():
    history = [pulsating(number, "g") for number in range(20)]
    *others, last = [pulsating(number, "r") for number in range(30, 37)]
    back = alert(last, withdrawn=np.arange(31, 37))
    made = records(alert(history[-1], *history[:-1]), alert(last, *others), back)
    bands = [[each["band"] for each in record["bands"]] for record in of_star(made)]
    assert bands == [["g"], ["g", "r"], ["g"]]


def test_a_star_whose_last_usable_band_leaves_is_said_to_have_none():
    first, second = pulsating(1, "g"), pulsating(2, "g")
    made = records(alert(first), alert(second), alert(second, withdrawn=np.array([2])))
    assert [record["n_epochs"] for record in of_star(made)] == [2, 0]
    last = of_star(made)[-1]
    assert (last["bands"], last["label"], last["n_nights"]) == ([], None, 0)
    assert {"TOO_FEW", "BELOW_MIN_EPOCHS"} <= {*last["status"]}


def test_forced_photometry_is_counted_in_the_band_and_in_the_star():
    forced = [forced_epoch(200 + number, band="r", mjd=59_100.3 + number, mag=15.2) for number in range(3)]
    alone = forced_epoch(300, band="i", mjd=59_120.3, mag=15.2)
    history = [pulsating(number, "gr"[number % 2]) for number in range(20)]
    made = records(alert(history[-1], *history[:-1], forced=[*forced, alone]))
    assert {r["band"]: r["n_forced"] for r in of_bands(made)} == {"g": 0, "i": 1, "r": 3}
    (star,) = of_star(made)
    assert (star["n_forced"], star["n_epochs"]) == (3, 23)


def test_an_outlier_is_named_by_its_band_and_the_time_that_the_survey_reports():
    """It is seen four minutes later at the Sun, and lies in the second of two stars of one batch."""
    late_s = 240.0
    star = [pulsating(number, "gr"[number % 2], correction_s=late_s) for number in range(80)]
    flare = pulsating(80, "r", mag=12.5, correction_s=late_s)
    quiet = [pulsating(number, "gr"[number % 2]) for number in range(30)]
    made = records(alert(quiet[-1], *quiet[:-1]), alert(flare, *star, object_id="flaring"))
    for record in (a.record for a in made):
        if record["object_id"] == "flaring" and record["band"] != "g":
            assert record["n_outliers"] == 1
            assert record["outlier"] == {"band": "r", "mjd": float(flare["mjd"][0]), "mag": 12.5}
        else:
            assert (record["n_outliers"], record["outlier"]) == (0, None)


def test_what_is_known_of_the_period_is_said_of_star_and_bands(stream):
    scored = [a.record for a in stream if a.record["probabilities"] is not None]
    for record in scored:
        assert (record["p_period"] is None) == ("LONG_PERIOD" in record["status"])
        assert 0.0 <= (record["p_period"] or 0.0) <= 1.0
    assert all(0.0 <= record["period_fap"] <= 1.0 for record in scored)
    unmeasured = [a.record for a in stream if a.record["features"]["period"] is None]
    assert unmeasured
    for name in ("p_period", "period_fap", "period_err_d", "period_rival_d"):
        assert any(record[name] is not None and record[name] >= 0 for record in scored)
        assert {record[name] for record in unmeasured} == {None}


def test_either_kind_of_record_can_be_switched_off_and_the_other_is_as_before(stream):
    def made(**kinds):
        return Pipeline(decoder(), annotator(fusing(), **kinds), MemoryStore()).annotate(MESSAGES).annotations

    stars, bands = made(annotate_bands=False), made(annotate_fused=False)
    assert timeless(stars) == timeless([a for a in stream if a.record["band"] == "all"])
    assert timeless(bands) == timeless([a for a in stream if a.record["band"] != "all"])
    assert [a.id for a in stars] == [a.id for a in stream if a.record["band"] == "all"]


def test_without_the_unscored_stars_that_cannot_be_scored_have_no_record(two_bands):
    everything = records(*two_bands)
    scored = records(*two_bands, annotate_unscored=False)
    assert timeless(scored) == timeless([a for a in everything if a.record["probabilities"] is not None])


UNABLE = [
    ({"convention": "refined"}, "of convention refined, in which bands are not measured together"),
    ({"fused": None}, "states nothing of fused answers"),
]


@pytest.mark.parametrize(("stated", "reason"), UNABLE)
def test_a_model_that_cannot_fuse_says_nothing_of_stars_and_the_same_of_bands(two_bands, stated, reason):
    made = records(*two_bands, model=fusing(**stated))
    assert of_star(made) == []
    assert len(made) == len(two_bands)
    with pytest.raises(ConfigError, match=f"alerts of lsst and ztf would have no records.* {reason}"):
        annotator(fusing(**stated), annotate_bands=False)


@pytest.mark.parametrize(("stated", "reason"), UNABLE)
def test_a_worker_that_is_not_to_fuse_for_its_model_says_so_at_its_start(caplog, stated, reason):
    annotator(fusing(**stated)).say_what_is_not_fused()
    assert [(line.message, line.survey) for line in caplog.records] == [
        ("no fused records", "lsst"),
        ("no fused records", "ztf"),
    ]
    manifest = classifier().manifest
    for line in caplog.records:
        assert line.reason.startswith(f"model {manifest.name} {manifest.version} ")
        assert reason in line.reason


def test_a_worker_that_fuses_or_was_told_not_to_says_nothing(caplog):
    annotator(fusing()).say_what_is_not_fused()
    annotator(fusing(fused=None), annotate_fused=False).say_what_is_not_fused()
    assert caplog.records == []


def test_a_worker_of_neither_kind_of_record_does_not_start():
    with pytest.raises(ConfigError, match="single bands are switched off, and so are those of all bands"):
        annotator(fusing(), annotate_bands=False, annotate_fused=False)


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"fused": FUSED | {"min_epochs": 7}}, "fused answers from 7 epochs on; the features need 8"),
        ({"clip_sigma": 3.0}, "clip_sigma 3; its convention, robust, decides on outliers by itself"),
    ],
)
def test_terms_that_cannot_be_kept_are_refused(stated, message):
    with pytest.raises(ConfigError, match=message):
        fusing(**stated)


def test_what_is_stated_of_fused_answers_is_what_stars_follow_from_and_bands_do_not():
    def both(**changes):
        model = fusing(fused=FUSED | changes)
        return derivation_of(model, VETTED["ztf"]), derivation_of(model, VETTED["ztf"], fused=True)

    band, star = both()
    made = [
        both(min_epochs=16),
        both(temperature=1.6),
        both(abstain_below=0.4),
        both(reliability=(reliability_bin(15, None),)),
    ]
    assert {each for each, _ in made} == {band}
    assert len({star, band, *(each for _, each in made)}) == len(made) + 2
    assert derivation_of(fusing(abstain_below=0.1), VETTED["ztf"], fused=True) != star
    with pytest.raises(ValueError, match="states nothing of fused answers"):
        derivation_of(classifier(), VETTED["ztf"], fused=True)


def test_the_record_says_what_it_follows_from(stream):
    model = fusing()
    for annotation in stream:
        fused = annotation.record["band"] == "all"
        assert annotation.record["derivation"] == derivation_of(
            model, VETTED[annotation.record["survey"]], fused=fused
        )
        assert annotation.record["schema_version"] == CLASSIFICATION_VERSION == "1.4"


class Delicate(Pipeline):
    """A pipeline that some packets break where stars are scored."""

    def __init__(self, poison):
        super().__init__(decoder(), annotator(fusing()), MemoryStore())
        own = self._annotator.annotate

        def annotate(changed):
            stars = [alert for alert, series in changed if series.band == "all"]
            if any(alert.arrival.origin.offset in poison for alert in stars):
                raise ZeroDivisionError("a mistake of ours")
            return own(changed)

        self._annotator.annotate = annotate


def test_a_star_that_breaks_scoring_costs_its_packet_alone(stream):
    scored = sorted({a.record["source"]["offset"] for a in stream if a.record["band"] == "all"})
    poison = set(scored[5:12:3])
    batch = Delicate(poison).annotate(MESSAGES)
    assert {letter.packet.origin.offset for letter in batch.dead_letters} == poison
    rest = [replace(m) for m in MESSAGES if m.origin.offset not in poison]
    expected = Pipeline(decoder(), annotator(fusing()), MemoryStore()).annotate(rest)
    assert timeless(batch.annotations) == timeless(expected.annotations)
