"""What the comparison of all bands with the best one is made of, and outliers that are put in."""

import numpy as np
import pytest

from features import MIN_POINTS, extract
from tests.training.examples.test_rows_together import stars
from training.data.light_curves import LabelledCurves, LightCurves, offsets_of
from training.examples.fused_examples import FusedExamples
from training.progress import QUIET
from training.reproduce.ours.bands import CLASSES, Copies, judge
from training.reproduce.ours.compared import compared, predictions
from training.reproduce.ours.first_epochs import Ways, first_epochs
from training.reproduce.ours.outliers import INJECTED, inject
from training.reproduce.ours.real_stars import LONGEST_D, WINDOWS, _windows


@pytest.fixture(scope="module")
def survey() -> LabelledCurves:
    return stars({"g": 25, "r": 20}, {"g": 12, "i": 30}, {"g": 15, "r": 4}, {"g": 40})


@pytest.fixture(scope="module")
def ways(survey) -> Ways:
    return first_epochs(survey, (20, 40), cache_folder=None, workers=1, progress=QUIET)


def test_all_ways_show_the_same_epochs(survey, ways):
    """Of each band its part of the first epochs over all, if that is eight and more."""
    examples = ways.together.example
    assert np.unique(examples).tolist() == [
        0,
        1,
        2,
        3,
    ]  # two stars of 40 and more, of one 19, one in one band
    curves = survey.curves
    for way, convention in ((ways.robust, "robust"), (ways.refined, "refined")):
        assert set(way.example) <= set(examples)
        for row in range(len(way.curve)):
            star = survey.columns["object_id"] == survey.columns["object_id"][way.curve[row]]
            every = np.sort(np.concatenate([curves.pick(each)[0] for each in np.flatnonzero(star)]))
            time, mag, err = curves.pick(way.curve[row])
            shown = time <= every[way.n_shown[row] - 1]
            assert shown.sum() >= MIN_POINTS
            expected = extract(
                time[shown], mag[shown], err[shown], [0, shown.sum()], convention=convention
            ).values[0]
            assert np.array_equal(way.values[row], expected, equal_nan=True)
    assert len(ways.robust.curve) == len(ways.refined.curve)


def test_the_best_band_is_that_with_most_epochs_and_may_be_missing(ways):
    rng = np.random.default_rng(0)
    said = {way: rng.dirichlet(np.ones(12), len(getattr(ways, way).curve)) for way in vars_of(ways)}
    found = predictions(ways, said)
    order = ways.together.example[FusedExamples.of(ways.together).merged]
    for place, example in enumerate(order):
        rows = np.flatnonzero(ways.refined.example == example)
        if not len(rows):
            assert found["refined"][place] == 12
            continue
        best = rows[ways.refined.n_epochs[rows].argmax()]
        assert found["refined"][place] == said["refined"][best].argmax()
    assert (found["fused"] < 12).all()


def vars_of(ways: Ways) -> tuple[str, ...]:
    return ("together", "robust", "refined")


def test_a_row_of_the_comparison_counts_what_is_not_scored_as_wrong():
    truth, star = np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])
    said = {"fused": truth, "robust": np.array([0, 1, 2, 2]), "refined": np.array([2, 1, 2, 2])}
    (row,) = compared(said, truth, star, np.full(4, 20), lengths=(20,), n_classes=2)
    assert row[:3] == ("20", "2", "4")
    assert [cell.split(" ")[0] for cell in row[3:6]] == ["0.250", "0.500", "1.000"]
    assert row[6] == "+0.750 ± 0.250"  # half and all of the answers to each of two stars
    assert row[7].startswith("+0.250 ± ")


def test_networks_of_the_folds_tell_stars_apart_that_are_different(one_thread):
    """Short waves, long ones and none: four fifths of each are enough."""
    rng = np.random.default_rng(4)
    series, names, letters, label = [], [], [], []
    for number in range(90):
        kind = number % 3
        time = np.sort(rng.uniform(0.0, 200.0, 48))
        period = (rng.uniform(0.4, 0.7), rng.uniform(60.0, 120.0), 1.0)[kind]
        mag = 15.0 + (kind < 2) * 0.4 * np.sin(2 * np.pi * time / period) + rng.normal(0.0, 0.02, 48)
        for place, letter in enumerate("gr"):
            series.append(tuple(each[place::2] for each in (time, mag, np.full(48, 0.02))))
            names.append(f"s{number}")
            letters.append(letter)
            label.append(kind)
    counts = np.array([len(time) for time, _, _ in series])
    curves = LightCurves(*(np.concatenate(each) for each in zip(*series, strict=True)), offsets_of(counts))
    survey = LabelledCurves("made", curves, {"object_id": np.array(names), "band": np.array(letters)})
    made = first_epochs(survey, (20, 40), cache_folder=None, workers=1, progress=QUIET)
    judged = judge(Copies(made, np.array(label), np.repeat(np.arange(90), 2)), seed=0)
    assert len(CLASSES) == 12
    for way in ("fused", "robust", "refined"):
        right = judged.predicted[way] == judged.label
        assert right[judged.n_shown == 40].mean() > 0.85
    assert (judged.predicted["fused"][judged.n_shown == 20] < 12).all()


@pytest.mark.parametrize("what", INJECTED)
def test_outliers_are_put_in_as_they_are_said_to_be(what):
    n = 80
    time, mag, err = np.arange(float(n)), np.full(n, 15.0), np.full(n, 0.02)
    moved = inject(np.random.default_rng(3), (time, mag, err), what)
    change = moved[1] - mag
    count = {"none": 0, "one of 1.5 mag": 1}.get(what, 2)
    assert np.count_nonzero(change) == count
    assert (moved[0] == time).all()
    assert (mag == 15.0).all()
    size = np.abs(change[change != 0.0])
    if what == "one of 1.5 mag":
        assert size == pytest.approx(1.5)
    if what.endswith("3 mag"):
        assert ((size >= 0.3) & (size <= 3.0)).all()
    if what.endswith("1 mag"):
        assert (change[change != 0.0] > 0.0).all()
        assert ((size >= 0.1) & (size <= 1.0)).all()


def test_windows_of_real_stars_are_consecutive_and_short_enough():
    time = np.concatenate([np.arange(0.0, 100.0, 2.0), np.arange(3000.0, 3100.0, 2.0)])
    series = (time, time * 0.0, time * 0.0 + 0.1, np.zeros(100, np.int8))
    windows = _windows(series, 20)
    assert len(windows) == WINDOWS
    for each in windows:
        assert len(each[0]) == 20
        assert np.ptp(each[0]) <= LONGEST_D
        assert np.diff(each[0]) == pytest.approx(2.0)
    assert _windows(series, 60) == []  # they would span the gap
    assert _windows(series, 101) == []
