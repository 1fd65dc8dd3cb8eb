"""How reliable a manifest says that a model is, by number of epochs, against counts by hand."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import matthews_corrcoef

from features import FEATURE_NAMES
from schemas.model.manifest import Manifest, expected_reliability, load_manifest
from tests.training.answered import CLASSES, RECIPE, stars
from training.crossfit.assess.one_band import assess, reliability
from training.crossfit.recipe import Recipe
from training.data.truth import Truth
from training.examples.augment import Kind
from training.stars.assign_folds import NEVER_TRAINED


def with_min_epochs(count: int) -> Recipe:
    return replace(RECIPE, sampling=replace(RECIPE.sampling, min_epochs=count))


def bounds(bins) -> list[tuple[int, int | None]]:
    return [(each["n_epochs_min"], each["n_epochs_max"]) for each in bins]


def test_bins_are_counted_and_small_ones_joined_to_the_one_before():
    n_epochs = np.repeat([12, 17, 22, 29, 300], [40, 29, 20, 10, 29])
    right = np.arange(128) % 4 > 0
    right[:40] = np.arange(40) >= 10
    bins = reliability(*stars(n_epochs, right), RECIPE)
    assert bounds(bins) == [(10, 19), (20, None)]  # 30 are needed: 17 and 300 epochs have 29 light curves
    assert [each["n_light_curves"] for each in bins] == [69, 59]
    for each, part in zip(bins, (right[:69], right[69:]), strict=True):
        assert each["accuracy"] == pytest.approx(part.mean(), abs=5e-5)  # four digits are written


def test_a_first_bin_with_few_takes_up_those_that_follow():
    n_epochs = np.repeat([11, 16, 32, 50], [5, 10, 20, 40])
    bins = reliability(*stars(n_epochs, np.ones(75, bool)), RECIPE)
    assert bounds(bins) == [(10, None)]
    n_epochs[35:] = np.repeat([50, 80], [10, 30])
    bins = reliability(*stars(n_epochs, np.ones(75, bool)), RECIPE)
    assert bounds(bins) == [(10, None)]  # 70 to 99 is the only one with 30, and comes to the first
    n_epochs[:35] = np.repeat([11, 32], [5, 30])
    bins = reliability(*stars(n_epochs, np.ones(75, bool)), RECIPE)
    assert bounds(bins) == [(10, 69), (70, None)]
    assert [each["n_light_curves"] for each in bins] == [45, 30]


@pytest.mark.parametrize(
    ("fewest", "expected"),
    [
        (8, [(8, 9), (10, 14), (15, 19), (20, None)]),
        (10, [(10, 14), (15, 19), (20, None)]),
        (12, [(12, 14), (15, 19), (20, None)]),
        (300, []),
    ],
)
def test_the_first_bin_starts_at_the_fewest_epochs_that_are_scored(fewest, expected):
    n_epochs = np.repeat([9, 12, 17, 25], 30)
    bins = reliability(*stars(n_epochs, np.ones(120, bool)), with_min_epochs(fewest))
    assert bounds(bins) == expected


def test_light_curves_beyond_all_bins_are_in_one_that_has_no_end():
    bins = reliability(*stars(np.full(30, 500), np.ones(30, bool)), with_min_epochs(300))
    assert bounds(bins) == [(300, None)]


def test_labels_below_the_limit_are_abstained_from():
    confidence = np.repeat([0.45, 0.5, 0.9], 20)
    right = np.concatenate([np.zeros(20, bool), np.arange(20) < 10, np.arange(20) < 18])
    (only,) = reliability(*stars(np.full(60, 12), right, confidence), RECIPE)
    assert only["abstained"] == pytest.approx(20 / 60, abs=5e-5)
    assert only["accuracy_when_sure"] == pytest.approx(28 / 40, abs=5e-5)
    assert only["accuracy"] == pytest.approx(28 / 60, abs=5e-5)
    (never,) = reliability(*stars(np.full(60, 12), right, 0.4), RECIPE)
    assert (never["abstained"], never["accuracy_when_sure"]) == (1.0, None)


def test_what_is_novel_has_no_label():
    novelty = np.where(np.arange(60) < 15, 0.001, 0.5)
    right = np.arange(60) >= 15
    (only,) = reliability(*stars(np.full(60, 12), right), replace(RECIPE, novel_below=0.03), novelty)
    assert only["abstained"] == pytest.approx(0.25, abs=5e-5)
    assert (only["accuracy"], only["accuracy_when_sure"]) == (0.75, 1.0)


def test_mc_is_that_of_scikit_learn_and_errors_are_of_the_mean_of_the_folds():
    rng = np.random.default_rng(0)
    right = rng.random(240) < 0.7
    dataset, probabilities = stars(np.full(240, 12), right, rng.uniform(0.4, 0.9, 240))
    (only,) = reliability(dataset, probabilities, RECIPE)
    truth, said = np.arange(240) % 3, probabilities.argmax(axis=1)
    assert only["mc"] == pytest.approx((1.0 + matthews_corrcoef(truth, said)) / 2.0, abs=5e-5)
    parts = [dataset.fold == fold for fold in range(4)]
    mc = [(1.0 + matthews_corrcoef(truth[part], said[part])) / 2.0 for part in parts]
    shares = [right[part].mean() for part in parts]
    assert only["mc_error"] == pytest.approx(np.std(mc, ddof=1) / 2.0, abs=5e-5)  # of four folds
    assert only["accuracy_error"] == pytest.approx(np.std(shares, ddof=1) / 2.0, abs=5e-5)


def test_the_gap_between_confidence_and_accuracy_is_the_calibration_error():
    right = np.arange(150) % 5 > 0  # every bin of equal mass has ten, of which eight are right
    (only,) = reliability(*stars(np.full(150, 12), right, 0.95), RECIPE)
    assert only["calibration_error"] == pytest.approx(0.15, abs=5e-5)


def test_probabilities_are_not_held_against_labels_coarser_than_the_classes():
    right = np.arange(300) % 5 > 0
    dataset, probabilities = stars(np.full(300, 12), right, 0.8)
    assert reliability(dataset, probabilities, RECIPE)[0]["calibration_error"] == pytest.approx(0.0, abs=5e-5)
    allowed = dataset.truth.allowed.copy()
    allowed[150:] = True
    coarse = replace(dataset, truth=Truth(allowed))
    (only,) = reliability(coarse, probabilities, RECIPE)
    assert only["accuracy"] == 0.9
    assert only["calibration_error"] == pytest.approx(0.0, abs=5e-5)
    report = assess(coarse, probabilities, RECIPE)
    assert report["all_surveys"]["all"]["calibration_error"] == pytest.approx(0.0, abs=5e-5)
    calibration = report["calibration"]["all"]
    assert calibration["accuracy"] == 0.9
    assert calibration["bins"] == [{"confidence": 0.8, "accuracy": 0.8, "n": 150}]
    assert calibration["calibration_noise"] == pytest.approx(
        np.sqrt(2.0 / np.pi) * np.sqrt(0.8 * 0.2 / 10), abs=5e-5
    )  # bins of ten
    assert calibration["calibration_error"] == pytest.approx(0.0, abs=5e-5)
    nothing = replace(dataset, truth=Truth(np.ones_like(allowed)))
    assert reliability(nothing, probabilities, RECIPE) == ()
    report = assess(nothing, probabilities, RECIPE)
    assert report["calibration"] == {}
    assert report["all_surveys"]["all"]["calibration_error"] is None
    allowed[40:] = True
    few = replace(
        dataset, truth=Truth(allowed), table=replace(dataset.table, n_epochs=np.repeat([12, 17], [40, 260]))
    )
    assert bounds(reliability(few, probabilities, RECIPE)) == [(10, None)]  # of 17 epochs none has one class


def test_only_real_and_scored_light_curves_that_were_trained_on_count():
    n_epochs = np.full(180, 12)
    n_epochs[:20] = 9
    kind = np.full(180, Kind.FULL)
    kind[20:40], kind[40:60], kind[60:80] = Kind.SHUFFLED, Kind.CONSTANT, Kind.DAMPED_WALK
    kind[80:100], kind[100:120] = Kind.PREFIX, Kind.FIRST
    status = np.zeros(180, np.uint32)
    dataset, probabilities = stars(
        n_epochs, np.ones(180, bool), kind=kind, status=status, curve=np.arange(180) // 2
    )
    dataset.table.values[120:140] = np.nan
    probabilities[120:140] = np.nan
    fold = dataset.fold.copy()
    fold[140:150] = NEVER_TRAINED
    (only,) = reliability(replace(dataset, fold=fold), probabilities, RECIPE)
    assert only["n_light_curves"] == 20 + 20 + 30  # prefixes, first epochs, complete ones from 150 on
    assert only["n_stars"] == 35  # each has two of them
    assert only["accuracy"] == 1.0
    assert reliability(replace(dataset, fold=np.full(180, NEVER_TRAINED)), probabilities, RECIPE) == ()


def test_a_manifest_with_these_bins_is_read_back_and_finds_them(tmp_path):
    rng = np.random.default_rng(1)
    n_epochs = rng.integers(10, 400, 900)
    dataset, probabilities = stars(n_epochs, rng.random(900) < 0.6, rng.uniform(0.34, 1.0, 900))
    metrics = assess(dataset, probabilities, RECIPE)
    graph = b"stands for a graph"
    (tmp_path / "model.onnx").write_bytes(graph)
    bins = reliability(dataset, probabilities, RECIPE)
    Manifest(
        name="made-up",
        version="1",
        sha256=hashlib.sha256(graph).hexdigest(),
        classes=CLASSES,
        features=FEATURE_NAMES,
        convention="refined",
        min_epochs=10,
        metrics=metrics,
        reliability=bins,
        abstain_below=RECIPE.abstain_below,
    ).save(tmp_path)
    manifest = load_manifest(tmp_path)
    assert manifest.reliability == bins
    assert manifest.metrics == metrics
    for count in (10, 14, 15, 399, 5000):
        found = expected_reliability(manifest, count)
        assert found["n_epochs_min"] <= count <= (found["n_epochs_max"] or np.inf)
    assert expected_reliability(manifest, 9) is None
