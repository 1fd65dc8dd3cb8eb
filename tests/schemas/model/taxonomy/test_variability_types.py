"""Types that are put together, by the conventions that VSX states."""

from __future__ import annotations

import pytest

from schemas.model.taxonomy.foreign_names import read_taxonomy

VSX = read_taxonomy().schemes["vsx"]


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("EA|EB", "EB_ED|EB_ESD"),
        ("EW|EA", "EB_EC|EB_ED"),
        ("DCEP-FO|DCEP-FU|ESD", "CEPH_1O|CEPH_F|EB_ESD"),
        ("RRC|EC", "EB_EC|RRL_c"),
        ("RRAB/BL", "RRL_ab"),
        ("EA/SD", "EB_ED"),
        ("EA/AR/RS", "EB_ED"),
        ("EA/WD+NL", "CV|EB_ED"),
        ("SR+EA", "EB_ED|LPV"),
        ("UG+E", "CV|EB_EC|EB_ED|EB_ESD"),
        ("UG/DQ", "CV"),
        ("NL/VY", "CV"),
        ("SR|L", "LPV"),
        ("SN II-P|SN IIn", "OTHER"),
    ],
)
def test_what_is_put_together_means_all_its_parts(text, meaning):
    assert VSX.meaning(text) == meaning


@pytest.mark.parametrize("text", ["M:", "EA:/SD", "EW/KW:", "DSCT:", "RRAB|EW:", "L:"])
def test_what_is_uncertain_is_not_comparable(text):
    assert VSX.meaning(text) == ""


@pytest.mark.parametrize("text", ["ELL+DSCT", "HMXB+GCAS", "UV+BY", "EA+BCEP", "TTS/ROT", "EA+HB", "VAR"])
def test_what_leaves_the_class_open_is_not_comparable(text):
    assert VSX.meaning(text) == ""


@pytest.mark.parametrize("text", ["RRXY", "EA|RRXY", "EC/ESD", "EA/", "", "|", "+"])
def test_what_is_no_type_is_not_guessed(text):
    """The last but a few is of another catalogue, where a slash is "or"."""
    assert VSX.meaning(text) is None


@pytest.mark.parametrize(("text", "same"), [("RRab", "RRAB"), ("RRc", "RRC"), ("Sr", "SR"), ("roap", "roAp")])
def test_letters_may_be_of_either_case(text, same):
    assert VSX.meaning(text) == VSX.meaning(same)
    assert VSX.meaning(text) is not None
