"""Forced photometry in light curves: what it is known by, what it wins over, and what is published for it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.alert import DETECTION, FORCED, REFUSED
from broker.state.light_curve import LightCurve, band_series, merge
from tests.broker.epochs import alert, epoch, forced_epoch

DAY_MS = 86_400_000


def merged(*alerts, start=None):
    curve, bands = start or LightCurve.empty(), []
    for one in alerts:
        curve, changed = merge(curve, one)
        bands.append(changed)
    return curve, bands


def points(curve, band="g"):
    """Exposure and magnitude of what counts, forced ones with an f."""
    series = band_series(curve, band)
    names = [f"{e}f" if f else f"{e}" for e, f in zip(series.exposure, series.forced, strict=True)]
    return dict(zip(names, np.round(series.mag, 3).tolist(), strict=True))


def ztf(source_id, *forced, **more):
    """An alert whose forced photometry fills; its detection is in an exposure of that number."""
    return alert(epoch(source_id, **more), forced=forced)


def lsst(day, *forced, history=(), band="g", **more):
    """An alert of a day, whose forced photometry wins; its source and exposure have the day's number."""
    rows = [row.copy() for row in forced]
    for row in rows:
        row["source_id"] = 0 if row["withdrawn"][0] else day * DAY_MS
    return alert(epoch(day, band=band), *history, forced=rows, forced_wins=True, **more)


def refused(exposure, **more):
    row = forced_epoch(exposure, kind=REFUSED, **more)
    for name in ("mjd", "mag", "mag_err"):
        row[name] = 0.0
    row["offset"] = 0
    return row


def withdrawn(exposure, **more):
    row = refused(exposure, **more)
    row["kind"], row["withdrawn"] = FORCED, True
    return row


class TestFilling:
    """ZTF's: a detection of the exposure wins."""

    def test_it_fills_exposures_without_a_detection(self):
        curve, bands = merged(ztf(9, forced_epoch(3, mag=15.2), forced_epoch(4, mag=15.3, band="r")))
        assert points(curve) == {"3f": 15.2, "9": 15.0}
        assert points(curve, "r") == {"4f": 15.3}
        assert bands == [["g", "r"]]

    def test_in_one_packet_the_detection_wins(self):
        curve, _ = merged(alert(epoch(9), epoch(3), forced=[forced_epoch(3, mag=15.2)]))
        assert points(curve) == {"3": 15.0, "9": 15.0}
        assert curve.epochs.size == 2

    def test_a_detection_wins_whenever_it_comes_and_its_place_is_the_same(self):
        filled = ztf(9, forced_epoch(3, mag=15.2))
        curve, bands = merged(filled, alert(epoch(10), epoch(3, mag=15.25)), filled)
        assert points(curve) == {"3": 15.25, "9": 15.0, "10": 15.0}
        assert bands == [["g"], ["g"], []]
        assert (curve.epochs["kind"] == DETECTION).all()

    def test_a_detection_of_another_band_is_another_point(self):
        curve, _ = merged(alert(epoch(9), epoch(3, band="r"), forced=[forced_epoch(3, mag=15.2)]))
        assert points(curve) == {"3f": 15.2, "9": 15.0}

    def test_forced_rows_are_not_known_by_a_source_id(self):
        """Two of them have none, and a detection may have any."""
        curve, _ = merged(ztf(9, forced_epoch(3), forced_epoch(4)))
        assert len(points(curve)) == 3
        assert not curve.holds(0)

    @pytest.mark.parametrize("order", list(itertools.permutations([10, 20, 30])))
    def test_of_several_rows_of_an_exposure_the_one_nearest_to_the_star_stays(self, order):
        alerts = [ztf(off, forced_epoch(3, mag=15.0 + off / 100, offset=off)) for off in order]
        assert points(merged(*alerts)[0])["3f"] == 15.1

    def test_of_two_rows_equally_near_the_held_one_stays(self):
        curve, bands = merged(ztf(8, forced_epoch(3, mag=15.1)), ztf(8, forced_epoch(3, mag=15.9)))
        assert points(curve)["3f"] == 15.1
        assert bands[1] == []

    def test_a_change_below_rounding_publishes_nothing(self):
        start, _ = merged(ztf(8, forced_epoch(3, mag=15.1, offset=20)))
        curve, bands = merged(ztf(8, forced_epoch(3, mag=15.1 + 5e-5, offset=10)), start=start)
        assert bands == [[]]
        assert curve.epochs["offset"].max() == 10


class TestWinning:
    """LSST's: where it is usable it wins over the detection."""

    def test_it_takes_the_place_of_the_detection(self):
        curve, bands = merged(lsst(9, forced_epoch(9, mag=15.4), history=[epoch(3)]))
        assert points(curve) == {"3": 15.0, "9f": 15.4}
        curve, bands = merged(lsst(10, forced_epoch(3, mag=15.2, band="r"), forced_epoch(9, mag=15.4)))
        assert points(curve, "r") == {"3f": 15.2}
        assert bands == [["g", "r"]]

    def test_it_wins_whatever_number_the_detection_has(self):
        """Ids of detections are larger than any time."""
        curve, _ = merged(lsst(9, forced_epoch(3, mag=15.2), history=[epoch(10**17, exposure=3)]))
        assert points(curve) == {"3f": 15.2, "9": 15.0}

    def test_a_refused_row_leaves_the_detection_in_place(self):
        curve, _ = merged(lsst(9, refused(9), refused(3), history=[epoch(3)]))
        assert points(curve) == {"3": 15.0, "9": 15.0}

    def test_a_newer_alert_judges_anew_and_the_detection_is_there_again(self):
        curve, bands = merged(lsst(9, forced_epoch(9, mag=15.4)), lsst(11, refused(9), band="r"))
        assert points(curve) == {"9": 15.0}
        assert bands[1] == ["g", "r"]

    def test_an_older_alert_brings_no_row_back(self):
        new, old = lsst(11, refused(3)), lsst(9, forced_epoch(3, mag=15.2))
        for order in ((new, old), (old, new)):
            assert points(merged(*order)[0]) == {"9": 15.0, "11": 15.0}
        assert merged(new, old)[1][1] == ["g"]  # its own detection

    def test_the_newest_judges_though_it_says_what_was_said_before(self):
        """Between two that agree, one that came late does not."""
        used, late = (lsst(day, forced_epoch(3, mag=15.2)) for day in (9, 13))
        between = lsst(11, refused(3))
        for order in itertools.permutations([used, late, between]):
            assert points(merged(*order)[0])["3f"] == 15.2

    def test_ids_do_not_say_what_is_newer(self):
        january = lsst(9, forced_epoch(3, mag=15.2))
        january.detection["source_id"] = 10**18
        for order in itertools.permutations([january, lsst(20, refused(3))]):
            assert "3f" not in points(merged(*order)[0])

    def test_absence_of_a_row_says_nothing(self):
        curve, _ = merged(lsst(9, forced_epoch(3, mag=15.2)), lsst(11))
        assert points(curve)["3f"] == 15.2

    def test_a_withdrawn_row_leaves_and_never_comes_back(self):
        taken_back = lsst(9, withdrawn(3))
        rows = [lsst(day, forced_epoch(3, mag=15.2)) for day in (8, 12)]
        for order in itertools.permutations([taken_back, *rows]):
            curve, _ = merged(*order)
            assert "3f" not in points(curve)
        curve, bands = merged(rows[0], lsst(8, withdrawn(3)))
        assert bands[1] == ["g"]

    def test_a_withdrawn_detection_withdraws_no_row(self):
        row = forced_epoch(3, mag=15.2)
        first = lsst(9, row, history=[epoch(3)])
        for order in itertools.permutations([first, lsst(11, row, withdrawn=np.array([3]))]):
            assert points(merged(*order)[0])["3f"] == 15.2
        _, bands = merged(first, lsst(11, row, withdrawn=np.array([3]), band="r"))
        assert bands[1] == ["r"]  # it was below the row

    def test_the_judges_time_is_no_detections_id(self):
        curve, _ = merged(lsst(9, forced_epoch(3)))
        assert not curve.holds(9 * DAY_MS)
        curve, _ = merged(alert(epoch(10), withdrawn=np.array([9 * DAY_MS])), start=curve)
        assert "3f" in points(curve)


@pytest.mark.parametrize("make", [ztf, lsst])
def test_a_repeated_alert_changes_nothing(make):
    first = make(9, forced_epoch(3), forced_epoch(4, band="r"), forced_epoch(9))
    curve, _ = merged(first)
    again, bands = merge(curve, first)
    assert bands == []
    assert again.epochs is curve.epochs


def test_another_band_is_published_for_an_exposure_more_and_not_for_one_measured_again():
    first = lsst(9, forced_epoch(3, band="r", mag=15.2), forced_epoch(4, band="i", mag=15.2))
    news = [forced_epoch(3, band="r", mag=15.7), forced_epoch(4, band="i"), forced_epoch(5, band="i")]
    curve, bands = merged(first, lsst(11, *news))
    assert bands == [["g", "i", "r"], ["g", "i"]]
    assert points(curve, "r") == {"3f": 15.7}  # it did change


def test_another_band_is_published_for_a_detection_measured_again():
    first = lsst(9, history=[epoch(3, band="r")])
    _, bands = merged(first, lsst(11, history=[epoch(3, band="r", mag=15.5)]))
    assert bands[1] == ["g", "r"]
    hidden = lsst(9, forced_epoch(3, band="r"), history=[epoch(3, band="r")])
    _, bands = merged(hidden, lsst(11, history=[epoch(3, band="r", mag=15.5)]))
    assert bands[1] == ["g"]  # below forced photometry nobody sees it


def test_an_alerts_own_band_is_published_though_its_point_was_there():
    """Its detection is new, below forced photometry that came earlier with a newer alert."""
    newer = lsst(11, forced_epoch(9, mag=15.2))
    curve, bands = merged(newer, lsst(9, forced_epoch(9, mag=15.2)))
    assert bands == [["g"], ["g"]]
    assert points(curve) == {"9f": 15.2, "11": 15.0}


def test_an_alerts_own_band_is_published_for_forced_photometry_measured_again():
    start, _ = merged(ztf(9, forced_epoch(3, mag=15.2, offset=20), forced_epoch(4, band="r", offset=20)))
    again = [forced_epoch(3, mag=15.3, offset=10), forced_epoch(4, band="r", mag=14.0, offset=10)]
    assert merged(ztf(9, *again), start=start)[1] == [["g"]]
    assert merged(ztf(9, again[1]), start=start)[1] == [[]]


def test_a_series_says_which_points_are_forced_and_when_and_in_what_they_were_seen():
    detected = epoch(9, mjd=59_009.0, correction_s=864.0)
    curve, _ = merged(alert(detected, forced=[forced_epoch(3, mjd=59_010.0, correction_s=-864.0)]))
    series = band_series(curve, "g")
    assert series.forced.tolist() == [False, True]
    assert series.exposure.tolist() == [9, 3]
    assert series.mjd.tolist() == [59_009.0, 59_010.0]
    np.testing.assert_allclose(series.time, [59_009.01, 59_009.99], atol=1e-9)


def test_a_silent_change_unseals_what_it_changes_and_no_more():
    held = [epoch(1), epoch(2), forced_epoch(3, offset=20)]
    for n_sealed, kept in ((2, 2), (3, 0)):
        curve = LightCurve(np.concatenate(held), n_sealed)
        assert merge(curve, ztf(9, forced_epoch(3, offset=5)))[0].n_sealed == kept


EXPOSURES = st.integers(1, 6)
LSST_ROW = st.tuples(EXPOSURES, st.sampled_from(["used", "used", "refused", "withdrawn"]), st.integers(0, 3))


def seen_by_all(alerts):
    """Everything that any later reader could see of the curve: its points, and what is remembered."""
    curve, _ = merged(*alerts)
    state = curve.epochs[["source_id", "exposure", "mjd", "mag", "band", "withdrawn", "kind", "offset"]]
    return [points(curve, band) for band in "gr"], sorted(state.tolist())


@given(
    st.lists(
        st.tuples(st.lists(LSST_ROW, max_size=6), st.sets(EXPOSURES), st.booleans()), max_size=5
    ).flatmap(lambda days: st.tuples(st.just(days), st.permutations(range(len(days)))))
)
def test_where_forced_photometry_wins_any_order_of_packets_gives_the_same_curve(case):
    days, order = case
    alerts = []
    for day, (rows, sources, takes_back) in enumerate(days, start=10):
        made = {"used": forced_epoch, "refused": refused, "withdrawn": withdrawn}
        named = {exposure: (fate, value) for exposure, fate, value in rows}
        forced = [
            made[fate](exposure, **({"mag": 15.0 + value / 10} if fate == "used" else {}))
            for exposure, (fate, value) in named.items()
        ]
        ids = np.array([min(sources)] if takes_back and sources else [], np.int64)
        alerts.append(lsst(day, *forced, history=[epoch(s) for s in sorted(sources)], withdrawn=ids))
    ours, remembered = seen_by_all(alerts)
    theirs, also = seen_by_all([alerts[i] for i in order])
    assert ours == theirs
    # of withdrawn detections that were never held nothing is known but their id
    forced_only = [[row for row in state if row[-2] != DETECTION] for state in (remembered, also)]
    assert forced_only[0] == forced_only[1]


@given(
    st.lists(
        st.tuples(st.dictionaries(EXPOSURES, st.integers(1, 200), max_size=6), st.sets(EXPOSURES)),
        min_size=1,
        max_size=5,
    ).flatmap(lambda days: st.tuples(st.just(days), st.permutations(range(len(days)))))
)
def test_where_it_fills_any_order_gives_the_same_curve_as_far_as_rows_differ_in_distance(case):
    """Of rows equally near the first stays; here what is equally near is equal."""
    days, order = case
    alerts = [
        alert(
            epoch(day),
            *(epoch(s) for s in sorted(sources)),
            forced=[forced_epoch(e, mag=14.0 + off / 100, offset=off) for e, off in rows.items()],
        )
        for day, (rows, sources) in enumerate(days, start=10)
    ]
    assert seen_by_all(alerts) == seen_by_all([alerts[i] for i in order])


@given(st.lists(st.tuples(st.lists(LSST_ROW, max_size=5), st.sets(EXPOSURES)), min_size=1, max_size=5))
def test_any_alert_that_comes_again_at_once_changes_nothing(days):
    curve = LightCurve.empty()
    for day, (rows, sources) in enumerate(days, start=10):
        made = {"used": forced_epoch, "refused": refused, "withdrawn": withdrawn}
        named = {exposure: fate for exposure, fate, _ in rows}
        forced = [made[fate](exposure) for exposure, fate in named.items()]
        one = lsst(day, *forced, history=[epoch(s) for s in sorted(sources)])
        curve, _ = merge(curve, one)
        again, bands = merge(curve, one)
        assert bands == []
        assert again.epochs is curve.epochs
