"""What models say about light curves that are random, or shuffled."""

import numpy as np
import pytest

from tests.training.reproduce.experiments import convinced, noise_curves, rows_of
from training.data.light_curves import LabelledCurves
from training.reproduce.labelled_sets import Part, Target
from training.reproduce.paper import random_curves as odd_curves
from training.reproduce.paper.random_curves import Asked, predicted_classes, random_curves, shuffled_curves


def test_random_light_curves_have_the_scatter_they_are_named_for():
    for draw, scatter in (("uniform", 1.0 / np.sqrt(12.0)), ("normal", 0.1)):
        curves = random_curves(40, draw, seed=1).curves
        assert (len(curves), set(curves.n_epochs)) == (40, {500})
        assert curves.mag.std() == pytest.approx(scatter, rel=0.02)  # 20,000 points: 0.5 %
        assert (np.diff(curves.time.reshape(40, 500)) > 0.0).all()


@pytest.fixture
def few() -> Target:
    """Ten light curves of 30 points, and one of 5, in one part."""
    survey = LabelledCurves("few", noise_curves([30] * 10 + [5]), {})
    part = Part(survey, np.arange(11), np.full(11, "A"))
    return Target("few", ("A",), np.zeros(11, np.int64), np.arange(11), (part,))


@pytest.fixture
def non_variable() -> Asked:
    """A model that says NonVar whatever it is shown."""
    return convinced(2, ("EB_ED", "LPV_a", "NonVar"))


def test_shuffled_points_stay_in_their_light_curve_with_their_errors(few):
    (shuffled,) = shuffled_curves(few, None, seed=0)
    for star in range(11):
        time, mag, err = few.parts[0].survey.curves.pick(star)
        new_time, new_mag, new_err = shuffled.curves.pick(star)
        assert (new_time == time).all()
        assert sorted(zip(new_mag, new_err, strict=True)) == sorted(zip(mag, err, strict=True))
        assert (new_mag != mag).any()
    assert len(shuffled_curves(few, 4, seed=0)[0].curves) == 4


def test_light_curves_that_are_too_short_are_counted_apart(source_bench, few, non_variable):
    counts = predicted_classes(source_bench, non_variable, shuffled_curves(few, None, seed=0), workers=1)
    assert counts == {"EB_ED": 0, "LPV_a": 0, "NonVar": 10, "not scored": 1}


def test_answers_about_odd_light_curves_stand_beside_the_papers(source_bench, few, non_variable):
    section = odd_curves.odd_curves(source_bench, [non_variable], few, workers=1)
    rows = rows_of(section)
    assert rows["non-variable"]["random, uniform"] == rows["non-variable"]["random, normal"] == "1.000"
    assert rows["non-variable"]["shuffled"] == f"{10 / 11:.3f}"
    assert rows["not scored"]["shuffled"] == f"{1 / 11:.3f}"
    assert rows["detached eclipsing binary"]["paper, shuffled"] == "0.27"
    shares = [float(row["shuffled"]) for row in rows.values()]
    assert sum(shares) == pytest.approx(1.0, abs=0.003)
