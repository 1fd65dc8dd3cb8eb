"""Which light curves are the bands of one star, and what they are together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.data.tables.written import write
from training.data.filters import FILTERS, filter_of, numbered
from training.data.light_curves import LabelledCurves, LightCurves, offsets_of
from training.data.read import read_light_curves
from training.data.stars_in_bands import stars_in_bands


def survey_of(pairs, *, epochs=2, name="made", **columns):
    """A survey of light curves of these (object_id, band), each of so many epochs."""
    n = len(pairs)
    time = np.concatenate([i * 0.1 + np.arange(epochs) for i in range(n)]) if n else np.empty(0)
    mag = 15.0 + np.repeat(np.arange(n), epochs)
    curves = LightCurves(time, mag, np.full(n * epochs, 0.01), offsets_of(np.full(n, epochs)))
    ids, bands = (np.array([pair[i] for pair in pairs], np.str_) for i in (0, 1))
    return LabelledCurves(name, curves, {"object_id": ids, "band": bands, **columns})


def grouped(survey):
    stars = stars_in_bands(survey)
    return [stars.curves_of(star).tolist() for star in range(len(stars))]


@pytest.mark.parametrize(
    ("band", "wanted"),
    [
        ("g", "g"),
        ("ZTF g", "g"),
        ("LSST r (simulated)", "r"),
        ("V (CSS unfiltered, V_CSS)", "V"),
        ("I (OGLE-II)", "I"),
        ("Gaia G", "G"),
        ("EROS-1 blue", "EROS-1 blue"),
        ("ZTF g/r (see filterid)", "ZTF g/r (see filterid)"),
        ("1", "1"),
        ("", ""),
    ],
)
def test_a_band_is_called_after_a_filter_or_stays_what_it_is(band, wanted):
    assert filter_of(band) == wanted


def test_ugrizy_have_the_first_numbers_and_unknown_bands_the_last():
    bands = np.array(["y", "clear", "u", "B", "SDSS g", "r", "", "i", "z", "R"])
    number, names = numbered(bands)
    assert number[[2, 4, 5, 7, 8, 0]].tolist() == [0, 1, 2, 3, 4, 5]
    assert number[6] == -1
    assert 5 < number[3] < number[9] < len(FILTERS) <= number[1]  # R is not r, nor B g
    assert [names[k] for k in number if k >= 0] == ["y", "clear", "u", "B", "g", "r", "i", "z", "R"]


def test_light_curves_of_one_name_are_a_star_in_the_order_of_its_bands():
    survey = survey_of([("b", "r"), ("a", "z"), ("b", "g"), ("c", "g"), ("a", "B"), ("a", "u")])
    assert grouped(survey) == [[2, 0], [5, 1, 4], [3]]
    stars = stars_in_bands(survey)
    assert stars.star.tolist() == [0, 1, 0, 2, 1, 1]
    assert stars.first.tolist() == [0, 1, 3]


def test_a_band_without_a_name_and_a_second_one_of_the_same_stand_by_themselves():
    survey = survey_of([("a", "g"), ("a", ""), ("a", "r"), ("a", "ZTF g"), ("a", "")])
    assert grouped(survey) == [[0, 2], [1], [3], [4]]


def test_every_copy_of_a_star_is_one_by_itself():
    pairs = [("a", "g"), ("a", "r"), ("a", "g"), ("a", "r"), ("b", "r")]
    assert grouped(survey_of(pairs, copy=np.array([0, 0, 1, 1, 1]))) == [[0, 1], [2, 3], [4]]


def test_points_together_are_in_order_of_time_and_know_their_band():
    survey = survey_of([("a", "r"), ("b", "g"), ("a", "g")], epochs=3)
    stars = stars_in_bands(survey)
    points = stars.together(survey.curves)
    assert points.offsets.tolist() == [0, 6, 9]
    time, mag, err, band = points.pick(0)
    assert time == pytest.approx([0.0, 0.2, 1.0, 1.2, 2.0, 2.2])
    assert mag.tolist() == [15.0, 17.0] * 3
    assert band.tolist() == [2, 1] * 3
    assert (err == 0.01).all()
    other = stars.together(survey.curves, np.array([1, 0]))
    assert other.offsets.tolist() == [0, 3, 9]
    assert other.time[3:].tolist() == time.tolist()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["u", "g", "r", "V", "", "odd"]))))
def test_every_light_curve_is_in_one_star_and_no_star_has_a_band_twice(pairs):
    survey = survey_of(pairs)
    stars = stars_in_bands(survey)
    assert sorted(stars.order.tolist()) == list(range(len(pairs)))
    points = stars.together(survey.curves)
    assert sorted(points.mag.tolist()) == sorted(survey.curves.mag.tolist())
    for curves in grouped(survey):
        assert len({pairs[curve][0] for curve in curves}) == 1
        bands = stars.band[curves].tolist()
        assert bands == sorted(set(bands))


def test_a_table_with_a_band_column_has_stars_in_one_band_and_in_two(tmp_path):
    survey = read_light_curves(write(tmp_path / "stars.csv"))
    stars = stars_in_bands(survey)
    names = survey.columns["object_id"]
    bands = [sorted(survey.columns["band"][stars.curves_of(star)].tolist()) for star in range(len(stars))]
    assert dict(zip(names[stars.first].tolist(), bands, strict=True)) == {"b": ["g", "r"], "a": ["g"]}


def test_public_surveys_that_name_their_bands_elsewhere_are_understood(shared_data):
    folder = shared_data / "lightcurves"
    forced = read_light_curves(folder / "ztf_forced_alerce12.npz")
    stars = stars_in_bands(forced)
    assert np.diff(stars.offsets).tolist() == [2] * 12
    assert stars.band[stars.curves_of(0)].tolist() == [1, 2]
    examples = stars_in_bands(read_light_curves(folder / "ztf_class_examples.npz"))
    assert set(np.diff(examples.offsets)) <= {1, 2, 3}
    assert set(examples.band.tolist()) == {1, 2, 3}
    field = stars_in_bands(read_light_curves(folder / "ztf_dr5_field.npz"))
    assert set(field.band.tolist()) <= {1, 2, 3}
    assert set(np.diff(field.offsets)) == {1}
