"""The bands of a star as they are measured together: those of the band series, one after another."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from broker.state.light_curve import LightCurve, band_series, merge
from broker.state.star_series import joint_bands, star_series
from tests.broker.epochs import alert, epoch, forced_epoch

BANDS = "ugrizy"
COLUMNS = ("time", "mag", "mag_err", "forced", "mjd")

DETECTIONS = st.builds(
    lambda number, band, mag, correction_s: epoch(
        number, band=band, mag=mag, mjd=59_000.0 + number // 3, correction_s=correction_s
    ),
    st.integers(1, 60),
    st.sampled_from(BANDS),
    st.floats(12.0, 20.0, width=32),
    st.floats(-500.0, 500.0, width=32),
)
FORCED_ROWS = st.lists(
    st.builds(
        lambda exposure, band: forced_epoch(exposure, band=band), st.integers(1, 90), st.sampled_from(BANDS)
    ),
    max_size=4,
)
ALERTS = st.lists(st.tuples(DETECTIONS, FORCED_ROWS, st.booleans()), max_size=25)


@given(alerts=ALERTS)
def test_it_is_the_series_of_every_band_of_two_epochs_one_after_another(alerts):
    curve = LightCurve.empty()
    for detection, forced, is_withdrawn in alerts:
        gone = detection["source_id"] if is_withdrawn else np.empty(0, np.int64)
        curve, _ = merge(curve, alert(detection, forced=forced, withdrawn=gone))
    series = [one for band in BANDS if (one := band_series(curve, band)).time.size >= 2]
    star = star_series(curve)
    assert star.bands == joint_bands(curve) == {one.band for one in series}
    assert star.number.tolist() == [BANDS.index(one.band) for one in series for _ in one.time]
    for name in COLUMNS:
        expected = np.concatenate([np.empty(0), *(getattr(one, name) for one in series)])
        assert np.array_equal(getattr(star, name), expected, equal_nan=True)


def test_a_star_that_was_never_seen_has_no_bands():
    star = star_series(LightCurve.empty())
    assert (star.bands, star.time.size, star.number.dtype) == (set(), 0, np.int8)
    assert joint_bands(LightCurve.empty()) == set()
