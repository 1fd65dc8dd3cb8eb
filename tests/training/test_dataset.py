from dataclasses import replace

import numpy as np
import pytest
from rich.progress import Progress

from training.dataset import Source, build_dataset, known_source, own_source
from training.errors import SettingsError, TrainingError
from training.groups import Part
from training.recipe import Recipe
from training.sampling import Kind, Sampling

CLASSES = ("NonVar", "long", "short")
MAP = {"short": "short", "long": "long"}
RECIPE = Recipe(name="test", sampling=Sampling(shuffled=1.0, damped_walk=1.0), validation=0.2, test=0.2)


def build(sources, recipe=RECIPE):
    return build_dataset(
        sources, CLASSES, recipe, seed=2, cache_folder=None, workers=1, progress=Progress(disable=True)
    )


@pytest.fixture(scope="module")
def other_band(survey, tmp_path_factory):
    """The same stars under the same names, in another file."""
    path = tmp_path_factory.mktemp("band") / "waves_r.npz"
    path.write_bytes(survey.read_bytes())
    return path


@pytest.fixture(scope="module")
def two_bands(survey, other_band):
    return build([Source(survey, "kind", MAP), Source(other_band, "kind", MAP)])


def test_both_bands_of_a_star_and_all_its_examples_are_in_one_part(two_bands):
    parts = {}
    for star, part in zip(two_bands.table.star, two_bands.part, strict=True):
        parts.setdefault(star, set()).add(part)
    assert len(parts) == 120
    assert all(len(part) == 1 for part in parts.values())
    assert set(two_bands.part) == set(Part)


def test_labels_follow_the_map_and_imitations_have_their_own(two_bands):
    kind = two_bands.table.kind
    named = np.array(CLASSES)[two_bands.allowed.argmax(axis=1)]
    assert set(named[kind == Kind.FULL]) == {"short", "long"}
    assert set(named[kind == Kind.SHUFFLED]) == {"NonVar"}
    assert not (kind == Kind.DAMPED_WALK).any()  # these classes have no quasars


def test_the_test_part_is_shown_at_the_reported_numbers_of_epochs(two_bands):
    test = two_bands.table.take(two_bands.rows(Part.TEST))
    assert set(test.n_epochs[test.kind == Kind.PREFIX]) == {10, 20, 40}  # the stars have 60
    assert not (test.kind == Kind.THINNED).any()


def test_a_survey_left_for_testing_gives_no_training_star(survey, other_band):
    kept = Source(other_band, "kind", MAP, test_only=True)
    dataset = build([Source(survey, "kind", MAP), kept])
    parts = dataset.part[dataset.survey == 1]
    assert set(parts) == {Part.TEST}
    assert len(parts) == (dataset.part[dataset.survey == 0] == Part.TEST).sum()  # the same test stars
    assert set(build([kept, Source(survey, "kind", {"short": "short"})]).part) == set(Part)


def test_large_labels_are_limited(survey):
    dataset = build([Source(survey, "kind", MAP)], replace(RECIPE, stars_per_label=10))
    assert (dataset.table.kind == Kind.FULL).sum() == 20


def test_files_without_a_known_meaning_are_refused(survey):
    with pytest.raises(SettingsError, match="'waves' is none of the known surveys"):
        known_source(survey)
    assert own_source(survey, "kind", None).label_map.keys() == {"short", "long", "constant"}
    with pytest.raises(TrainingError, match="no label in column 'kind'"):
        build([Source(survey, "kind", {"RRab": "short"})])


def test_fractions_that_leave_no_training_star_are_refused():
    with pytest.raises(SettingsError, match="leave some stars"):
        Recipe(name="test", validation=0.5, test=0.5)
