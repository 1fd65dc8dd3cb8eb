from dataclasses import replace

import numpy as np
import pytest

import training.examples.measure_examples as module
from features import extract
from training.crossfit.assess.one_band import showing
from training.data.light_curves import LightCurves
from training.data.read import read_light_curves
from training.examples.augment import Kind, Sampling
from training.examples.feature_table import Extraction, FeatureTable
from training.examples.measure_examples import feature_table
from training.progress import QUIET

STARS = np.arange(0, 150, 7)
SAMPLING = Sampling(truncations=1)
EXTRACTION = Extraction()


def table(
    survey, cache=None, *, workers=1, sampling=SAMPLING, extraction=EXTRACTION, stars=STARS
) -> FeatureTable:
    return feature_table(
        read_light_curves(survey),
        stars,
        sampling,
        extraction,
        cache_folder=cache,
        workers=workers,
        progress=QUIET,
    )


def same(a: FeatureTable, b: FeatureTable) -> bool:
    return all(
        np.array_equal(getattr(a, name), getattr(b, name), equal_nan=name == "values")
        for name in ("values", "status", "curve", "kind", "n_epochs", "n_shown")
    )


def test_rows_of_complete_light_curves_are_what_extract_gives(survey):
    rows = table(survey)
    full = rows.take(np.flatnonzero(rows.kind == Kind.FULL))
    curves = read_light_curves(survey).curves.take(STARS)
    values, status, *_ = extract(curves.time, curves.mag, curves.err, curves.offsets)
    assert full.curve.tolist() == STARS.tolist()
    assert np.array_equal(full.values, values, equal_nan=True)
    assert (full.status == status).all()
    assert (full.n_epochs == curves.n_epochs).all()


def test_a_kept_table_is_the_same_and_a_damaged_one_is_made_again(survey, tmp_path):
    made = table(survey, tmp_path)
    (kept,) = tmp_path.iterdir()
    before = kept.stat().st_mtime_ns
    assert same(table(survey, tmp_path), made)
    assert kept.stat().st_mtime_ns == before
    kept.write_bytes(kept.read_bytes()[:1000])
    assert same(table(survey, tmp_path), made)


@pytest.mark.parametrize(
    "change",
    [
        {"sampling": Sampling(truncations=1, seed=1)},
        {"extraction": Extraction(convention="refined")},
        {"extraction": Extraction(convention="kim2021")},
        {"stars": STARS[:-1]},
    ],
)
def test_every_choice_has_its_own_table(survey, tmp_path, change):
    table(survey, tmp_path)
    table(survey, tmp_path, **change)
    assert len(list(tmp_path.iterdir())) == 2


def test_an_interrupted_table_goes_on_where_it_was(survey, tmp_path):
    made = table(survey, tmp_path, stars=np.arange(150))
    first, second = sorted(tmp_path.iterdir())
    second.unlink()
    before = first.stat().st_mtime_ns
    assert same(table(survey, tmp_path, stars=np.arange(150)), made)
    assert first.stat().st_mtime_ns == before
    assert second.exists()


@pytest.mark.parametrize(("workers", "chunk"), [(1, 50), (2, 50), (3, 7), (8, 1), (2, 1000)])
def test_cores_and_chunks_change_nothing(survey, monkeypatch, workers, chunk):
    stars, sampling = np.arange(150), Sampling(truncations=2, first_epochs=(20,), constant=1.0, shuffled=1.0)
    whole = table(survey, stars=stars, sampling=sampling)
    monkeypatch.setattr(module, "LIGHT_CURVES_A_TASK", chunk)
    made = table(survey, workers=workers, stars=stars, sampling=sampling)
    assert same(made, whole)
    assert made.values.tobytes() == whole.values.tobytes()


def test_examples_are_made_of_epochs_that_count(survey):
    """A star that is held twice gives the very examples of one that is held once."""
    once = read_light_curves(survey)
    twice = replace(once, curves=doubled(once.curves))
    sampling = Sampling(truncations=9, first_epochs=(20, 40), constant=1.0, shuffled=1.0)

    def made(stars):
        return feature_table(stars, STARS, sampling, EXTRACTION, cache_folder=None, workers=1, progress=QUIET)

    assert same(made(twice), made(once))
    assert made(twice).n_epochs.max() == 60
    first = made(twice).kind == Kind.FIRST
    assert set(made(twice).n_epochs[first]) == {20, 40}


def doubled(curves: LightCurves) -> LightCurves:
    points = [np.tile(np.stack(curves.pick(i)), 2) for i in range(len(curves))]
    return LightCurves(*np.concatenate(points, axis=1), curves.offsets * 2)


def test_of_what_was_cut_the_number_shown_and_the_number_used_are_kept_apart(survey):
    cut = Extraction(convention="refined", clip_sigma=1.5)
    rows = table(survey, sampling=Sampling(first_epochs=(20,)), extraction=cut)
    first = rows.kind == Kind.FIRST
    assert set(rows.n_shown[first]) == {20}
    assert set(rows.n_shown[~first]) == {60}
    assert (rows.n_epochs < rows.n_shown).any()
    assert (rows.n_epochs[first] <= 20).all()
    full = rows.take(np.flatnonzero(~first))
    assert full.scorable(60).tolist() == (full.usable & (full.n_epochs == 60)).tolist()
    assert 0 < full.scorable(50).sum() < len(full.curve)
    # what is measured at twenty epochs is of all stars, whatever was cut of each
    assert showing(rows, 20).tolist() == first.tolist()
