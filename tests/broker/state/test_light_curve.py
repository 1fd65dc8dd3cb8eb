from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.alert import EPOCH
from broker.state.light_curve import LightCurve, band_series, merge
from tests.broker.epochs import alert, epoch


def merged(*alerts, start=None):
    curve, bands = start or LightCurve.empty(), []
    for one in alerts:
        curve, changed = merge(curve, one)
        bands.append(changed)
    return curve, bands


def ids(curve):
    """Source ids of the epochs that count."""
    return sorted(curve.epochs["source_id"][~curve.epochs["withdrawn"]].tolist())


def test_a_record_is_forty_bytes_so_that_stored_curves_stay_readable():
    assert EPOCH.itemsize == 40


def test_a_first_alert_brings_its_history_with_it():
    curve, bands = merged(alert(epoch(3), epoch(1), epoch(2, band="r")))
    assert ids(curve) == [1, 2, 3]
    assert bands == [["g", "r"]]


def test_an_alert_that_is_sent_again_changes_nothing():
    once = alert(epoch(2), epoch(1))
    curve, bands = merged(once, once)
    assert ids(curve) == [1, 2]
    assert bands == [["g"], []]


def test_a_resent_epoch_with_other_last_digits_is_no_change():
    curve, bands = merged(
        alert(epoch(1, mag=15.0)), alert(epoch(2), epoch(1, mag=15.0 + 5e-5, mjd=59_001 + 1e-5))
    )
    assert curve.epochs["mag"][0] == np.float32(15.0)
    assert bands == [["g"], ["g"]]
    assert merge(curve, alert(epoch(2), epoch(1, mag=15.0 + 5e-5)))[1] == []


def test_a_remeasured_epoch_replaces_the_held_one_and_counts_as_a_change():
    curve, bands = merged(alert(epoch(1, mag=15.0)), alert(epoch(1, mag=15.3)))
    assert curve.epochs["mag"].tolist() == [np.float32(15.3)]
    assert bands[1] == ["g"]


def test_an_epoch_whose_band_is_corrected_changes_both_bands():
    _, bands = merged(alert(epoch(1, band="g")), alert(epoch(1, band="r")))
    assert bands[1] == ["g", "r"]


@pytest.mark.parametrize("order", list(itertools.permutations([11, 12, 13])))
def test_of_several_detections_in_one_exposure_the_largest_id_stays_in_any_order(order):
    curve, _ = merged(*(alert(epoch(source_id, exposure=7)) for source_id in order))
    assert ids(curve) == [13]


def test_a_detection_that_does_not_stay_changes_nothing_however_often_it_comes():
    curve, _ = merged(alert(epoch(12, exposure=7)))
    again, bands = merge(curve, alert(epoch(11, exposure=7)))
    assert bands == []
    assert again.epochs is curve.epochs


def test_detections_of_one_exposure_in_two_bands_are_two_points():
    curve, _ = merged(alert(epoch(1, exposure=7, band="g")), alert(epoch(2, exposure=7, band="r")))
    assert ids(curve) == [1, 2]


def test_several_detections_of_one_exposure_inside_one_packet_are_one_point():
    curve, _ = merged(alert(epoch(5), epoch(3, exposure=7), epoch(4, exposure=7), epoch(2, exposure=7)))
    assert ids(curve) == [4, 5]


def test_a_withdrawn_detection_leaves_and_its_band_changes():
    curve, bands = merged(
        alert(epoch(2, band="g"), epoch(1, band="r")), alert(epoch(3), withdrawn=np.array([1]))
    )
    assert ids(curve) == [2, 3]
    assert bands[1] == ["g", "r"]


def test_a_withdrawn_trigger_is_not_taken_in():
    curve, bands = merged(alert(epoch(1)), alert(epoch(1), withdrawn=np.array([1])))
    assert ids(curve) == []
    assert bands[1] == ["g"]


def test_a_withdrawn_detection_does_not_come_back_with_an_older_packet():
    withdrawal = alert(epoch(3), withdrawn=np.array([1]))
    older = alert(epoch(2), epoch(1))
    assert ids(merged(alert(epoch(1)), withdrawal, older)[0]) == [2, 3]
    assert ids(merged(withdrawal, older)[0]) == [2, 3]  # even if it was never held
    assert merged(withdrawal, withdrawal)[1] == [["g"], []]


def test_another_detection_may_take_the_exposure_of_a_withdrawn_one():
    curve, bands = merged(
        alert(epoch(5, exposure=7)), alert(epoch(6), withdrawn=np.array([5])), alert(epoch(4, exposure=7))
    )
    assert ids(curve) == [4, 6]
    assert bands[2] == ["g"]


def test_the_series_of_a_band_is_sorted_by_corrected_time():
    curve, _ = merged(
        alert(epoch(1, mjd=10.0, mag=1.0, correction_s=86_400.0)),
        alert(epoch(2, mjd=10.5, mag=2.0)),
        alert(epoch(3, mjd=9.0, mag=3.0, band="r")),
    )
    series = band_series(curve, "g")
    assert series.time.tolist() == [10.5, 11.0]
    assert series.mag.tolist() == [2.0, 1.0]
    gone, _ = merged(alert(epoch(4, band="r"), withdrawn=np.array([1])), start=curve)
    assert band_series(gone, "g").mag.tolist() == [2.0]


def test_merging_leaves_the_former_curve_as_it_was():
    before, _ = merged(alert(epoch(2), epoch(1)))
    before.epochs.setflags(write=False)
    copy = before.epochs.copy()
    merged(alert(epoch(1, mag=19.0)), alert(epoch(3, exposure=2)), start=before)
    assert (before.epochs == copy).all()


def test_replacing_a_sealed_epoch_unseals_the_curve_and_appending_does_not():
    curve = LightCurve(np.concatenate([epoch(1), epoch(2)]), n_sealed=2)
    assert merge(curve, alert(epoch(3)))[0].n_sealed == 2
    assert merge(curve, alert(epoch(1, mag=18.0)))[0].n_sealed == 0
    assert merge(curve, alert(epoch(3), withdrawn=np.array([1])))[0].n_sealed == 0


@given(
    st.lists(
        st.tuples(st.integers(1, 12), st.integers(1, 6), st.sampled_from("gr")), min_size=1, max_size=20
    ).flatmap(lambda rows: st.tuples(st.just(rows), st.permutations(rows)))
)
def test_the_curve_holds_the_same_points_whatever_order_alerts_come_in(orders):
    # one detection has one exposure and band: which is what makes it one detection
    def points(rows):
        fixed = {source_id: (exposure, band) for source_id, exposure, band in sorted(orders[0])}
        curve, _ = merged(*(alert(epoch(s, exposure=fixed[s][0], band=fixed[s][1])) for s, _, _ in rows))
        return sorted(curve.epochs[["source_id", "exposure", "band"]].tolist())

    assert points(orders[0]) == points(orders[1])


ROWS = st.tuples(st.integers(1, 8), st.sampled_from([15.0, 15.0, 15.00004, 15.5]))
ALERTS = st.lists(st.tuples(st.lists(ROWS, min_size=1, max_size=8), st.sets(st.integers(1, 8), max_size=2)))


def one_by_one(alerts):
    """The rules for detections, row by row: source id -> (exposure, magnitude), of those that count."""
    held, gone = {}, set()
    for rows, withdrawn in alerts:
        gone |= withdrawn
        held = {number: row for number, row in held.items() if number not in gone}
        before = dict(held)
        for number, exposure, mag in rows:
            same = number in before and abs(before[number][1] - mag) < 1e-3
            if number in gone or same:
                continue
            rival = next((n for n, (e, _) in held.items() if e == exposure and n != number), None)
            if number in held or rival is None or rival < number:
                held.pop(rival, None)
                held[number] = exposure, mag
    return {number: (exposure, np.float32(mag)) for number, (exposure, mag) in held.items()}


@given(ALERTS)
def test_many_rows_at_a_time_are_merged_as_they_would_be_one_by_one(made):
    # two ids share an exposure: the larger one is a second look at it
    made = [([(number, number // 2, mag) for number, mag in rows], gone) for rows, gone in made]
    curve = LightCurve.empty()
    for rows, gone in made:
        *history, trigger = [epoch(number, exposure=exposure, mag=mag) for number, exposure, mag in rows]
        curve, _ = merge(curve, alert(trigger, *history, withdrawn=np.array(sorted(gone), np.int64)))
    counts = curve.epochs[~curve.epochs["withdrawn"]]
    found = {e["source_id"].item(): (e["exposure"].item(), e["mag"].item()) for e in counts}
    assert len(found) == counts.size
    assert found == one_by_one(made)
