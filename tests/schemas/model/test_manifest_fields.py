"""Terms that a manifest cannot state: each wrong field is named, of one band and of all together."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.model.manifest_fields import what_is_wrong
from tests.broker.streams import reliability_bin

TABLE = {
    "limit": 0.03,
    "shares": [1.0, 0.1, 0.01],
    "bins": [
        {"n_epochs_min": 0, "n_light_curves": 900, "oddness": [-1.0, 0.5, 2.0]},
        {"n_epochs_min": 30, "n_light_curves": 400, "oddness": [-1.0, 0.5, 0.5]},
    ],
}
TERMS = {
    "abstain_below_by_class": {"CV": 0.7, "LPV": 0.0},
    "priors": {"CV": 0.2, "LPV": 0.7, "OTHER": 0.1},
    "novelty": TABLE,
}
FUSED = {
    "min_epochs": 15,
    "temperature": 1.3,
    "abstain_below": 0.5,
    "reliability": [reliability_bin(15, None)],
}
RIGHT = {"classes": ["CV", "LPV", "OTHER"], **TERMS, "fused": {**FUSED, **TERMS}}

FIRST, SECOND = TABLE["bins"]

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"abstain_below_by_class": [0.5]}, "abstain_below_by_class cannot be [0.5]"),
    ({"abstain_below_by_class": {"CV": 1.0}}, "abstain_below_by_class cannot be {'CV': 1.0}"),
    ({"abstain_below_by_class": {"CV": True}}, "abstain_below_by_class cannot be {'CV': True}"),
    ({"abstain_below_by_class": {"QSO": 0.7}}, "abstain_below_by_class names QSO, which is none of"),
    ({"priors": 0.5}, "priors cannot be 0.5"),
    ({"priors": {"CV": 0.0, "LPV": 0.9, "OTHER": 0.1}}, "priors cannot be {'CV': 0.0"),
    ({"priors": {"CV": "0.2", "LPV": 0.7, "OTHER": 0.1}}, "priors cannot be {'CV': '0.2'"),
    (
        {"priors": {"LPV": 0.3, "CV": 0.6, "OTHER": 0.1}},
        "priors must be of all classes, in their order, and add up to 1",
    ),
    ({"priors": {"CV": 0.3, "LPV": 0.7}}, "priors must be of all classes, in their order, and add up to 1"),
    (
        {"priors": {"CV": 0.3, "LPV": 0.7, "OTHER": 0.1}},
        "priors must be of all classes, in their order, and add up to 1",
    ),
    ({"priors": {"CV": 0.2, "LPV": 0.7, "QSO": 0.1}}, "priors names QSO, which is none of the classes"),
    ({"novelty": []}, "novelty cannot be []"),
    (
        {"novelty": {"limit": 0.03}},
        "novelty has other fields than it must: missing bins, shares;",
    ),
    ({"novelty": {**TABLE, "n": 3}}, "novelty has other fields than it must: missing none; unknown n"),
    ({"novelty": {**TABLE, "limit": 1.0}}, "novelty: limit cannot be 1.0"),
    ({"novelty": {**TABLE, "shares": [1.0]}}, "novelty: shares cannot be [1.0]"),
    ({"novelty": {**TABLE, "shares": [1.0, 0.1, 0.1]}}, "novelty: shares cannot be [1.0, 0.1, 0.1]"),
    ({"novelty": {**TABLE, "shares": [1.0, 0.1, 0.0]}}, "novelty: shares cannot be [1.0, 0.1, 0.0]"),
    ({"novelty": {**TABLE, "bins": []}}, "novelty: bins cannot be []"),
    ({"novelty": {**TABLE, "bins": [7]}}, "novelty.bins[0] is not a JSON object"),
    (
        {"novelty": {**TABLE, "bins": [{}]}},
        "novelty.bins[0] has other fields than it must: missing",
    ),
    (
        {"novelty": {**TABLE, "bins": [FIRST | {"n_epochs_min": 0.0}]}},
        "novelty.bins[0]: n_epochs_min cannot be 0.0",
    ),
    (
        {"novelty": {**TABLE, "bins": [FIRST | {"n_light_curves": 0}]}},
        "novelty.bins[0]: n_light_curves cannot be 0",
    ),
    (
        {"novelty": {**TABLE, "bins": [FIRST | {"oddness": [0.0, -1.0, 2.0]}]}},
        "novelty.bins[0]: oddness cannot be [0.0, -1.0, 2.0]",
    ),
    (
        {"novelty": {**TABLE, "bins": [FIRST, SECOND | {"oddness": [0.0, 1.0]}]}},
        "novelty.bins[1] has 2 values of oddness for 3 shares",
    ),
    (
        {"novelty": {**TABLE, "bins": [SECOND]}},
        "novelty.bins[0] starts at 30 epochs: the first bin",
    ),
    ({"novelty": {**TABLE, "bins": [FIRST, FIRST]}}, "novelty.bins[1] starts at 0 epochs"),
]


def test_terms_that_can_be_are_taken():
    assert what_is_wrong(RIGHT) is None
    assert what_is_wrong({**RIGHT, "fused": FUSED, "priors": {}, "novelty": None}) is None


@pytest.mark.parametrize(("field", "said"), WRONG)
def test_a_wrong_term_of_a_band_is_named(field, said):
    assert (what_is_wrong({**RIGHT, **field}) or "").startswith(said)


@pytest.mark.parametrize(("field", "said"), WRONG)
def test_a_wrong_term_of_all_bands_is_named_as_theirs(field, said):
    found = what_is_wrong({**RIGHT, "fused": {**RIGHT["fused"], **field}}) or ""
    assert found.startswith((f"fused.{said}", f"fused: {said}"))


def test_other_must_be_the_last_class():
    assert what_is_wrong({"classes": ["CV", "OTHER", "LPV"]}) == "classes: OTHER must be the last one"


@pytest.mark.parametrize(
    ("taxonomy", "said"),
    [
        (None, None),
        ({"version": "1", "sha256": "ab"}, None),
        ("1", "taxonomy cannot be '1'"),
        ({"version": "1"}, "taxonomy has other fields than it must: missing sha256; unknown none"),
        ({"version": 1, "sha256": "ab"}, "taxonomy: version cannot be 1"),
        ({"version": "1", "sha256": ""}, "taxonomy: sha256 cannot be ''"),
    ],
)
def test_a_wrong_taxonomy_is_named(taxonomy, said):
    assert what_is_wrong({"taxonomy": taxonomy}) == said
