"""By what a star is known again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.light_curves import LabelledCurves, LightCurves
from training.data.read import read_light_curves
from training.stars.identity import Identities
from training.stars.known_stars import UNKNOWN_FOLD, KnownStars
from training.stars.same_star import same_stars


def identities(survey: str, names: list[str], ra: list[float], dec: list[float], links=None) -> Identities:
    return Identities(
        survey,
        np.array(names, np.str_),
        np.array(links or [""] * len(names), np.str_),
        np.array(ra, np.float64),
        np.array(dec, np.float64),
    )


def found(kept: Identities, asked: Identities) -> list[list[bool]]:
    """Whether each star that is asked about is known by its name, by its link, by its place."""
    stars = KnownStars.of(kept.kept(), np.zeros(len(kept.names), np.int8))
    return [(stars.folds_of(keys)[1] != UNKNOWN_FOLD).tolist() for keys in asked.asked()]


def test_names_count_in_their_own_survey_only_and_links_in_any():
    kept = identities("asas", ["12", "RR Lyr"], [np.nan] * 2, [np.nan] * 2)
    same = identities("asas", ["12", "13"], [np.nan] * 2, [np.nan] * 2)
    assert found(kept, same) == [[True, False], [False, False], [False, False]]
    other = identities("css", ["12", "css 7"], [np.nan] * 2, [np.nan] * 2, ["", "RR Lyr"])
    assert found(kept, other) == [[False, False], [False, True], [False, False]]


places = st.tuples(st.floats(-180.0, 360.0), st.floats(-90.0, 90.0))
angles = st.floats(0.0, 360.0)


def moved(place: tuple[float, float], angle: float, arcsec: float) -> tuple[float, float]:
    """Position [deg] some arcsec from another, at a position angle [deg]: the sine and cosine rules."""
    ra, dec = np.radians(place)
    step, angle = np.radians(arcsec / 3600.0), np.radians(angle)
    there = np.arcsin(np.sin(dec) * np.cos(step) + np.cos(dec) * np.sin(step) * np.cos(angle))
    east = np.arctan2(np.sin(angle) * np.sin(step) * np.cos(dec), np.cos(step) - np.sin(dec) * np.sin(there))
    return float(np.degrees(ra + east)) % 360.0, float(np.degrees(there))


def at(survey: str, place: tuple[float, float]) -> Identities:
    return identities(survey, [f"of {survey}"], [place[0]], [place[1]])


@given(places, angles, st.floats(0.0, 4.9))
def test_a_star_within_five_arcsec_is_known_by_its_place(place, angle, arcsec):
    assert found(at("a", place), at("b", moved(place, angle, arcsec)))[2] == [True]


@given(places, angles)
def test_a_star_half_an_arcmin_away_is_not(place, angle):
    assert found(at("a", place), at("b", moved(place, angle, 30.0)))[2] == [False]


def test_another_band_is_known_by_the_link_that_both_have():
    kept = identities("eros", ["12 B"], [np.nan], [np.nan], ["OGLE 7"])
    other = identities("eros", ["12 R"], [np.nan], [np.nan], ["OGLE 7"])
    assert found(kept, other) == [[False], [True], [False]]


def test_bands_of_one_star_are_one_star():
    names = np.array(["ZTF1_g", "ZTF1_r", "ZTF2_g", "ZTF2"])
    curves = LightCurves(np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(5, np.int64))
    survey = LabelledCurves("ztf", curves, {"object_id": names})
    (star,) = same_stars([Identities.of(survey, "ztf", band_suffix="_[gr]")])
    assert star[0] == star[1] != star[2] == star[3]
    (apart,) = same_stars([Identities.of(survey, "ztf")])
    assert len(set(apart.tolist())) == 4


def test_stars_of_files_without_names_are_the_same_where_their_points_are(tmp_path):
    mag = {"one": [15.0, 15.1, 16.0, 16.1], "two": [16.0, 16.1, 15.0, 15.2]}
    for name, points in mag.items():
        np.savez(
            tmp_path / f"{name}.npz",
            time=[0.0, 1.0, 0.0, 1.0],
            mag=points,
            err=np.full(4, 0.1),
            offsets=[0, 2, 4],
            kind=np.array(["a", "b"]),
        )
    surveys = [read_light_curves(tmp_path / f"{name}.npz") for name in mag]
    one, two = same_stars([Identities.of(survey, survey.name) for survey in surveys])
    assert one[1] == two[0]
    assert len({*one.tolist(), *two.tolist()}) == 3


@pytest.mark.parametrize("coordinates", [(np.nan, np.nan), (10.0, np.nan)])
def test_a_star_without_a_place_is_not_known_by_it(coordinates):
    ra, dec = coordinates
    here = identities("a", ["x"], [ra], [dec])
    assert found(here, identities("b", ["y"], [ra], [dec])) == [[False], [False], [False]]
