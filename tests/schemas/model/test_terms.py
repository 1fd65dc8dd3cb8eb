"""Answers by the terms of a model: priors, limits and novelty, of one band and of all together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm

from features import FEATURE_NAMES
from schemas.model.manifest import Manifest
from schemas.model.terms import by_terms, priors_fault

CLASSES = ("LEFT", "RIGHT", "OTHER")
MADE_FOR = {"LEFT": 0.4, "RIGHT": 0.4, "OTHER": 0.2}
NOVELTY = {
    "limit": 0.03,
    "shares": [1.0, 0.1, 0.01],
    "bins": [{"n_epochs_min": 0, "n_light_curves": 1000, "oddness": [0.0, 1.0, 2.0]}],
}
FUSED = {
    "min_epochs": 15,
    "temperature": 1.0,
    "abstain_below": 0.9,
    "reliability": (),
    "priors": {"LEFT": 0.6, "RIGHT": 0.2, "OTHER": 0.2},
    "novelty": {**NOVELTY, "limit": 0.5},
}


def manifest(**stated: Any) -> Manifest:
    fields: dict[str, Any] = {"priors": MADE_FOR, "novelty": NOVELTY, "abstain_below": 0.5, **stated}
    return Manifest(
        name="made-up",
        version="1.0.0",
        sha256="",
        classes=CLASSES,
        features=FEATURE_NAMES,
        convention="robust",
        min_epochs=10,
        **fields,
    )


def said(model: Manifest, probabilities: Any, oddness: Any = 0.0, **options: Any) -> Any:
    answers = np.asarray(probabilities, np.float64)
    n = len(answers)
    odd = np.broadcast_to(np.asarray(oddness, np.float64), n)
    return by_terms(model, answers, odd, np.full(n, 50), np.ones(n, bool), **options)


def answers_at(x: np.ndarray, priors: dict[str, float]) -> np.ndarray:
    """Of normal distributions at -1 and 1, and a wide one for what is in no class."""
    density = np.stack([norm.pdf(x, -1.0), norm.pdf(x, 1.0), norm.pdf(x, 0.0, 5.0)], axis=1)
    weighed = density * np.array([priors[name] for name in CLASSES])
    return weighed / weighed.sum(axis=1, keepdims=True)


rows = arrays(np.float64, (6, 3), elements=st.floats(1e-3, 1.0)).map(
    lambda each: each / each.sum(axis=1, keepdims=True)
)


@given(rows, arrays(np.float64, 6, elements=st.floats(-2.0, 5.0)), arrays(bool, 6))
def test_other_is_never_the_class_and_no_label_is_novel(probabilities, oddness, fused):
    verdict = said(manifest(fused=FUSED), probabilities, oddness, fused=fused)
    assert (verdict.best < 2).all()
    assert not (verdict.given & verdict.novel).any()
    assert verdict.probabilities.sum(axis=1) == pytest.approx(1.0, abs=1e-6)


@given(st.floats(-3.0, 3.0), st.floats(0.02, 0.9))
def test_under_other_priors_the_class_is_the_one_of_bayes(x, left):
    wanted = {"LEFT": left, "RIGHT": 0.95 - left, "OTHER": 0.05}
    verdict = said(manifest(), answers_at(np.array([x]), MADE_FOR), priors=wanted)
    expected = answers_at(np.array([x]), wanted)
    assert verdict.probabilities == pytest.approx(expected, abs=1e-7)
    if abs(expected[0, 0] - expected[0, 1]) > 1e-6:
        assert verdict.best[0] == expected[0, :2].argmax()
    if abs(expected[0, :2].max() - 0.5) > 1e-6:
        assert verdict.sure[0] == (expected[0, :2].max() >= 0.5)


def test_priors_turn_a_label_into_another_and_back():
    at_left = answers_at(np.array([-0.2]), MADE_FOR)
    model = manifest()
    assert said(model, at_left).best.tolist() == [0]
    assert said(model, at_left, priors={"RIGHT": 0.7}).best.tolist() == [1]
    assert said(model, at_left, priors=MADE_FOR).best.tolist() == [0]


def test_other_takes_labels_where_it_is_frequent():
    at_left = answers_at(np.array([-1.0]), MADE_FOR)
    assert said(manifest(), at_left).given.tolist() == [True]
    often = said(manifest(), at_left, priors={"OTHER": 0.95})
    assert (often.best.tolist(), often.given.tolist()) == ([0], [False])


def test_each_class_has_its_limit_and_those_of_all_bands_have_their_own():
    by_class = manifest(
        abstain_below_by_class={"RIGHT": 0.8}, fused={**FUSED, "abstain_below_by_class": {"RIGHT": 0.6}}
    )
    answers = [[0.7, 0.2, 0.1], [0.2, 0.7, 0.1]]
    assert said(by_class, answers).given.tolist() == [True, False]
    assert said(by_class, answers, fused=np.ones(2, bool)).given.tolist() == [False, True]


def test_novelty_is_held_against_the_table_of_the_row():
    oddness = [1.0, 1.6]  # 0.1 and 0.025 of the calibration stars are as odd
    answers = [[0.95, 0.03, 0.02]] * 2
    one_band = said(manifest(fused=FUSED), answers, oddness)
    assert one_band.novelty.tolist() == [0.1, 0.0251]
    assert one_band.novel.tolist() == [False, True]
    assert said(manifest(fused=FUSED), answers, oddness, fused=np.ones(2, bool)).novel.tolist() == [
        True,
        True,
    ]
    assert not said(manifest(novelty=None), answers, oddness).novel.any()


def test_priors_of_all_bands_are_held_against_those_that_fused_answers_were_made_for():
    answers = [[0.5, 0.3, 0.2]] * 2
    wanted = {"LEFT": 0.1, "RIGHT": 0.7, "OTHER": 0.2}
    verdict = said(manifest(fused=FUSED), answers, fused=np.array([False, True]), priors=wanted)
    for row, made_for in enumerate((MADE_FOR, FUSED["priors"])):
        weighed = np.array(
            [answers[row][j] * wanted[name] / made_for[name] for j, name in enumerate(CLASSES)]
        )
        assert verdict.probabilities[row] == pytest.approx(weighed / weighed.sum(), abs=1e-7)


@pytest.mark.parametrize(
    ("stated", "wanted", "fault"),
    [
        ({}, {"LEFT": 0.1}, None),
        ({"priors": {}}, {}, None),
        ({"priors": {}}, {"LEFT": 0.1}, "does not state which priors it was made for"),
        ({"fused": {**FUSED, "priors": {}}}, {"LEFT": 0.1}, "does not state which priors it was made for"),
        ({}, {"MIDDLE": 0.1}, "'MIDDLE' is no class of the model: it has LEFT, RIGHT, OTHER"),
        ({}, {"LEFT": 0.9, "RIGHT": 0.9}, "the priors add up to 1.8"),
    ],
)
def test_priors_that_a_model_cannot_have_are_told(stated, wanted, fault):
    found = priors_fault(manifest(**stated), wanted)
    assert found is None if fault is None else fault in found and found.startswith("model made-up 1.0.0")
