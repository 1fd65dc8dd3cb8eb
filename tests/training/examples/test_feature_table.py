import numpy as np
import pytest

from features import extract
from training.data.read import read_light_curves
from training.examples.augment import Kind, Sampling
from training.examples.feature_table import Extraction, FeatureTable, feature_table
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
        for name in ("values", "status", "curve", "kind", "n_epochs")
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
        {"extraction": Extraction(clip_sigma=3.0)},
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


def test_processes_give_what_one_process_gives(survey):
    stars = np.arange(150)
    assert same(table(survey, workers=2, stars=stars), table(survey, stars=stars))
