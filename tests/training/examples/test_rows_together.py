"""Stars in several bands: their examples, measured together and band by band."""

import numpy as np
import pytest

import training.examples.measure_examples as module
from features import MIN_POINTS, extract, extract_together
from training.data.filters import UGRIZY
from training.data.light_curves import LabelledCurves, LightCurves, offsets_of
from training.data.read import read_light_curves
from training.errors import SettingsError
from training.examples.augment import Kind, Sampling, augmented_together
from training.examples.feature_table import Extraction, FeatureTable, View
from training.examples.fused_examples import FusedExamples
from training.examples.measure_examples import feature_table
from training.progress import QUIET

SAMPLING = Sampling(truncations_together=3, first_epochs_together=(10, 20, 40), shuffled=1.0, seed=4)


def made(
    survey: LabelledCurves, sampling: Sampling = SAMPLING, *, workers: int = 1, **extraction
) -> FeatureTable:
    return feature_table(
        survey,
        np.arange(len(survey.curves)),
        sampling,
        Extraction(**extraction),
        cache_folder=None,
        workers=workers,
        progress=QUIET,
    )


def stars(*bands: dict[str, int], seed: int = 0) -> LabelledCurves:
    """Stars of sine waves with so many epochs in each band, band by band."""
    rng = np.random.default_rng(seed)
    series, names, letters = [], [], []
    for number, star in enumerate(bands):
        for letter, count in star.items():
            time = np.sort(rng.uniform(0.0, 90.0, count))
            mag = 15.0 + 0.3 * np.sin(2 * np.pi * time / 0.61) + rng.normal(0.0, 0.02, count)
            series.append((time, mag, np.full(count, 0.02)))
            names.append(f"s{number}")
            letters.append(letter)
    counts = np.array([len(time) for time, _, _ in series])
    curves = LightCurves(*(np.concatenate(each) for each in zip(*series, strict=True)), offsets_of(counts))
    return LabelledCurves("made", curves, {"object_id": np.array(names), "band": np.array(letters)})


@pytest.fixture(scope="module")
def survey(in_bands) -> LabelledCurves:
    whole = read_light_curves(in_bands)
    return whole.take(np.arange(24))


@pytest.fixture(scope="module")
def table(survey) -> FeatureTable:
    return made(survey)


def test_complete_stars_are_measured_as_all_their_points_are(survey, table):
    """One call with every point of every star, whatever its order."""
    curves = survey.curves
    band = np.repeat([UGRIZY.index(letter) for letter in survey.columns["band"]], curves.n_epochs)
    offsets = curves.offsets[::2]
    expected = extract_together(curves.time, curves.mag, curves.err, band, offsets)
    full = table.kind == Kind.FULL
    merged = np.flatnonzero(full & (table.view == View.MERGED))
    assert np.array_equal(table.values[merged], expected.merged.values, equal_nan=True)
    assert (table.n_epochs[merged] == 70).all()
    assert table.curve[merged].tolist() == np.arange(0, 24, 2).tolist()
    at_joint = np.flatnonzero(full & (table.view == View.AT_JOINT))
    assert table.curve[at_joint].tolist() == np.arange(24).tolist()
    values = expected.bands.values.reshape(12, 6, 16)[:, [1, 2]].reshape(24, 16)
    assert np.array_equal(table.values[at_joint], values, equal_nan=True)
    assert table.values[at_joint[:2], 3].tolist() == [table.values[merged[0], 3]] * 2  # the period of all


def test_first_epochs_are_those_of_all_bands_and_are_held_against_the_band_with_most(survey, table):
    for count in (10, 20, 40):
        first = (table.kind == Kind.FIRST) & (table.n_shown == count)
        merged = np.flatnonzero(first & (table.view == View.MERGED))
        assert len(merged) == 12
        best = np.flatnonzero(first & (table.view == View.BEST_BAND))
        for row, held in zip(merged, best, strict=True):
            g, r = (survey.curves.pick(table.curve[row] + each) for each in (0, 1))
            last = np.sort(np.concatenate([g[0], r[0]]))[count - 1]
            shown = [tuple(part[band[0] <= last] for part in band) for band in (g, r)]
            most = int(len(shown[1][0]) > len(shown[0][0]))
            assert table.curve[held] == table.curve[row] + most
            assert table.n_epochs[held] <= len(shown[most][0])
            values = extract(*shown[most], [0, len(shown[most][0])]).values[0]
            assert np.array_equal(table.values[held], values, equal_nan=True)


def test_rows_of_an_example_find_each_other(table):
    examples = FusedExamples.of(table)
    assert len(examples) == np.count_nonzero(table.view == View.MERGED)
    for row, bands, best in zip(examples.merged, examples.bands, examples.best_band, strict=True):
        there = bands[bands >= 0]
        assert (table.example[there] == table.example[row]).all()
        assert (table.n_epochs[there] >= MIN_POINTS).all()
        assert (best >= 0) == (table.kind[row] in {Kind.FULL, Kind.FIRST})
    assert not examples.one_band[table.kind[examples.merged] == Kind.FULL].any()


def test_what_cannot_be_measured_together_is_not():
    """A band of one point; seven epochs beside two; nine in all; a single band."""
    table = made(stars({"g": 30, "r": 1}, {"g": 7, "i": 4}, {"g": 5, "r": 4}, {"g": 40}), Sampling())
    merged = np.flatnonzero(table.view == View.MERGED)
    assert table.first_band[merged].tolist() == [0, 2]
    assert table.n_bands[merged].tolist() == [1, 2]
    at_joint = table.take(np.flatnonzero(table.view == View.AT_JOINT))
    assert len(at_joint.curve) == 0  # no band of a second usable one has eight points
    alone = extract(*(each[:30] for each in single(stars({"g": 30, "r": 1}))), [0, 30]).values
    assert np.array_equal(table.values[merged[:1]], alone)


def single(survey: LabelledCurves):
    return survey.curves.time, survey.curves.mag, survey.curves.err


def test_other_filters_are_measured_together_too_and_other_conventions_are_not():
    of_b_and_r = stars({"B": 40, "R": 30})
    assert np.count_nonzero(made(of_b_and_r, Sampling()).view == View.MERGED) == 1
    assert (made(of_b_and_r, Sampling(), convention="refined").view == View.OWN).all()


def test_few_bands_are_shown_by_themselves_where_few_are_asked_for():
    six = stars(dict.fromkeys(UGRIZY, 20), {"g": 20})
    whole = made(six, Sampling(seed=1))
    some = made(six, Sampling(bands_by_themselves=2, seed=1))
    assert np.count_nonzero(whole.view == View.OWN) == 7
    assert np.count_nonzero(some.view == View.OWN) == 3
    assert np.count_nonzero(some.view == View.AT_JOINT) == 6
    with pytest.raises(SettingsError, match="bands_by_themselves must be at least 1"):
        Sampling(bands_by_themselves=0)


def test_simulated_stars_vary_about_the_mean_of_each_band():
    rng = np.random.default_rng(0)
    n = 400
    band = (np.arange(n) % 2).astype(np.int8)
    mag = np.where(band == 0, 15.0, 17.0) + rng.normal(0.0, 0.3, n)
    series = (np.linspace(0.0, 2000.0, n), mag, np.full(n, 1e-6), band)
    sampling = Sampling(shuffled=1.0, constant=1.0, damped_walk=1.0, min_epochs=n - 1)
    by_kind = dict(augmented_together(series, 0, sampling))
    for time, shuffled, _, of in (by_kind[Kind.SHUFFLED],):
        original = mag[np.isin(series[0], time)]
        for each in (0, 1):
            assert sorted(shuffled[of == each]) == sorted(original[of == each])
        assert not (shuffled == original).all()
    _, walk, _, of = by_kind[Kind.DAMPED_WALK]
    level = np.array([walk[of == each].mean() for each in (0, 1)])[of]
    steps = np.abs(np.diff(walk - level))  # neighbours are of different bands, and of one walk
    assert steps.mean() < 0.5 * walk[of == 0].std()
    _, constant, _, of = by_kind[Kind.CONSTANT]
    assert constant[of == 1].std() < 1e-5
    assert constant[of == 1].mean() == pytest.approx(17.0, abs=0.1)


@pytest.mark.parametrize(("workers", "chunk"), [(2, 7), (1, 1), (2, 1000)])
def test_cores_and_chunks_change_nothing(survey, table, monkeypatch, workers, chunk):
    monkeypatch.setattr(module, "LIGHT_CURVES_A_TASK", chunk)
    again = made(survey, workers=workers)
    rows, same = (np.lexsort((each.view, each.kind, each.n_shown, each.curve)) for each in (table, again))
    for name in ("values", "status", "curve", "kind", "n_epochs", "n_shown", "view", "first_band", "n_bands"):
        one, other = getattr(table, name)[rows], getattr(again, name)[same]
        assert one.tobytes() == other.tobytes(), name
