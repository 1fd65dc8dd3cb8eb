"""The digest of the vetting: every rule is in it, and the code of the survey's own modules."""

from __future__ import annotations

import re
from dataclasses import fields, replace

import pytest

from broker.ingest import lsst_forced, vetting, vetting_digest, ztf_forced
from broker.ingest.vetting import VettingRules
from broker.ingest.vetting_digest import vetting_digest as digest

RULES = VettingRules()
OTHER_RULES = {
    "programids": frozenset({1, 2}),
    "max_distnr_arcsec": 1.0,
    "require_reference_star": False,
    "ztf_error": "difference",
    "forced_photometry": False,
    "max_mag_err": 0.5,
}
OF_BOTH = {"forced_photometry", "max_mag_err"}
BOUNDS = {"max_packet_bytes"}


def test_it_is_128_bits_that_equal_rules_agree_on():
    assert re.fullmatch("[0-9a-f]{32}", digest(RULES, "ztf"))
    assert digest(VettingRules(max_mag_err=1, max_distnr_arcsec=1.4), "ztf") == digest(RULES, "ztf")


def test_every_rule_of_vetting_is_in_it_and_no_bound_on_work():
    assert {f.name for f in fields(VettingRules)} == OTHER_RULES.keys() | BOUNDS
    made = {digest(replace(RULES, **{name: value}), "ztf") for name, value in OTHER_RULES.items()}
    same = digest(RULES, "ztf")
    assert len(made | {same}) == len(OTHER_RULES) + 1
    assert digest(replace(RULES, max_packet_bytes=1), "ztf") == same


def test_rules_for_one_survey_change_nothing_for_the_other():
    of_ztf = {name: value for name, value in OTHER_RULES.items() if name not in OF_BOTH}
    same = digest(RULES, "lsst")
    assert digest(replace(RULES, **of_ztf), "lsst") == same
    for name in OF_BOTH:
        assert digest(replace(RULES, **{name: OTHER_RULES[name]}), "lsst") != same


@pytest.mark.parametrize(
    ("module", "changed"), [(ztf_forced, {"ztf"}), (lsst_forced, {"lsst"}), (vetting, {"ztf", "lsst"})]
)
def test_code_that_makes_epochs_is_in_the_digest_of_its_survey(monkeypatch, module, changed):
    before = {survey: digest(RULES, survey) for survey in ("ztf", "lsst")}
    of_code = vetting_digest.code_digest
    monkeypatch.setattr(
        vetting_digest, "code_digest", lambda asked: "edited" if asked is module else of_code(asked)
    )
    assert {survey for survey in before if digest(RULES, survey) != before[survey]} == changed
