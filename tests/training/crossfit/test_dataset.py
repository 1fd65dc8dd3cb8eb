from dataclasses import replace

import numpy as np
import pytest

from tests.training.made_up_survey import write_survey
from training.crossfit.dataset import build_dataset
from training.crossfit.labelled_file import LabelledFile, known_file, own_file
from training.crossfit.recipe import Recipe
from training.errors import SettingsError, TrainingError
from training.examples.augment import Kind, Sampling
from training.progress import QUIET
from training.stars.assign_folds import NEVER_TRAINED

CLASSES = ("NonVar", "long", "short")
MAP = {"short": "short", "long": "long"}
SAMPLING = Sampling(first_epochs=(10, 20, 40, 80), shuffled=1.0, damped_walk=1.0)
RECIPE = Recipe(name="test", sampling=SAMPLING, folds=4)


def build(files, recipe=RECIPE):
    return build_dataset(files, CLASSES, recipe, seed=2, cache_folder=None, workers=1, progress=QUIET)


@pytest.fixture(scope="module")
def other_band(survey, tmp_path_factory):
    """The same stars under the same names, in another file."""
    path = tmp_path_factory.mktemp("band") / "waves_r.npz"
    path.write_bytes(survey.read_bytes())
    return path


@pytest.fixture(scope="module")
def two_bands(survey, other_band):
    return build([LabelledFile(survey, "kind", MAP), LabelledFile(other_band, "kind", MAP)])


def test_both_bands_of_a_star_and_all_its_examples_are_in_one_fold(two_bands):
    folds = {}
    for star, fold in zip(two_bands.table.curve, two_bands.fold, strict=True):
        folds.setdefault(star, set()).add(fold)
    assert len(folds) == 120
    assert all(len(fold) == 1 for fold in folds.values())
    assert set(two_bands.fold) == {0, 1, 2, 3}
    assert len(np.unique(two_bands.curve)) == 240  # a star has a light curve in each band


def test_labels_follow_the_map_and_imitations_have_their_own(two_bands):
    kind = two_bands.table.kind
    named = np.array(CLASSES)[two_bands.truth.first]
    assert set(named[kind == Kind.FULL]) == {"short", "long"}
    assert set(named[kind == Kind.SHUFFLED]) == {"NonVar"}
    assert not (kind == Kind.DAMPED_WALK).any()  # these classes have no quasars


def test_epochs_that_are_not_used_make_no_star_long_enough(tmp_path):
    """Nine epochs, each of them twice: the classes cannot be learnt, though each star has eighteen rows."""
    rng = np.random.default_rng(1)
    time = [np.tile(rng.uniform(0.0, 100.0, 9), 2) for _ in range(40)]
    mag = [np.tile(rng.normal(15.0, 0.1, 9), 2) for _ in range(40)]
    write_survey(tmp_path / "twice.npz", time, mag, np.repeat(["short", "long"], 20))
    with pytest.raises(TrainingError, match="the longest of 20 has 9 epochs, 10 are needed"):
        build([LabelledFile(tmp_path / "twice.npz", "kind", MAP)])


def test_first_epochs_are_for_measuring_only(two_bands):
    first = two_bands.table.kind == Kind.FIRST
    assert set(two_bands.table.n_epochs[first]) == {10, 20, 40}  # the stars have 60
    assert not two_bands.trainable[first].any()
    assert two_bands.trainable[~first].all()


def test_a_survey_left_for_testing_is_never_trained_on_and_has_no_star_that_is(survey, other_band):
    meaning = {**MAP, "constant": "NonVar"}
    kept = LabelledFile(other_band, "kind", meaning, test_only=True)
    shown = build([LabelledFile(survey, "kind", MAP), kept])
    assert set(shown.fold[shown.survey == 0]) == {0, 1, 2, 3}
    others = shown.survey == 1  # the other two of its classes are trained on, of the same stars
    assert set(shown.fold[others]) == {NEVER_TRAINED}
    assert not shown.trainable[others].any()
    assert set(np.array(CLASSES)[shown.truth.first[others]]) == {"NonVar"}


def test_a_label_with_many_stars_is_measured_whole_and_trained_on_in_part(survey):
    dataset = build([LabelledFile(survey, "kind", MAP)], replace(RECIPE, stars_per_label=10))
    full = dataset.table.kind == Kind.FULL
    assert full.sum() == 120
    assert dataset.trainable[full].sum() == 20


def test_stars_that_another_survey_is_shown_keep_their_names_and_labels(survey):
    source = LabelledFile(survey, "kind", MAP, observe_as="ztf", stars_per_label=8)
    read = source.read()
    seen, original = read.survey, LabelledFile(survey, "kind", MAP).read().survey
    assert seen.name == "waves_as_ztf"
    label_of = dict(zip(original.columns["object_id"], original.labels("kind"), strict=True))
    assert [label_of[name] for name in seen.columns["object_id"]] == seen.labels("kind").tolist()
    assert 8 < len(set(seen.columns["object_id"])) <= 16
    assert sum(read.outcome.values()) == 16  # what became of each star
    shown = sum(read.outcome.get(name, 0) for name in np.unique(seen.columns["model"]))
    assert shown == len(set(seen.columns["object_id"]))
    assert np.array_equal(source.read().survey.curves.mag, seen.curves.mag)  # the same whenever it is read


def test_files_without_a_known_meaning_are_refused(survey):
    with pytest.raises(SettingsError, match="'waves' is none of the known surveys"):
        known_file(survey)
    assert own_file(survey, "kind", None).label_map.keys() == {"short", "long", "constant"}
    with pytest.raises(TrainingError, match="no label in column 'kind'"):
        build([LabelledFile(survey, "kind", {"RRab": "short"})])


def test_two_names_at_one_place_are_one_star_a_class_of_which_is_refused(survey, tmp_path):
    with np.load(survey) as stars:
        columns = dict(stars)
    n = len(columns["kind"])
    shorts = np.flatnonzero(columns["kind"] == "short")
    columns["kind"][shorts[2:]] = "other"  # of this class are left two light curves, of two names
    places = {"ra": np.linspace(0.0, 300.0, n), "dec": np.zeros(n)}
    places["ra"][shorts[1]] = places["ra"][shorts[0]] + 0.5 / 3600.0
    path = tmp_path / "places.npz"
    np.savez(path, **columns, **places)
    with pytest.raises(TrainingError, match=r"class 'short' has a single star .*, star0: add stars"):
        build([LabelledFile(path, "kind", MAP)])


@pytest.mark.parametrize("wrong", [{"folds": 2}, {"abstain_below": 1.0}])
def test_recipes_that_cannot_work_are_refused(wrong):
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        Recipe(name="test", **wrong)
