"""The record as a subscriber reads it: labels, abstentions, and what reliability to expect."""

from __future__ import annotations

from tests.broker.classify.stated import BINS, annotations
from tests.broker.streams import classifier, timeless

PUBLISHED = {"n_epochs_min", "n_epochs_max", "accuracy", "mc", "calibration_error"}


def test_a_scored_record_says_how_reliable_a_label_is_after_so_many_epochs(stating):
    seen = set()
    for annotation in stating:
        record = annotation.record
        held = [each for each in BINS if each["n_epochs_min"] <= record["n_epochs"]]
        if record["probabilities"] is None:
            assert record["reliability"] is None
        else:
            assert record["reliability"] == {name: held[-1][name] for name in PUBLISHED}
            seen.add(record["reliability"]["n_epochs_min"])
    assert seen == {10, 15, 25}


def test_points_that_are_cut_count_neither_for_the_model_nor_for_its_reliability(plain):
    cut = annotations(reliability=BINS, clip_sigma=1.5)
    fewest, fell_below = classifier().min_epochs, 0
    for before, after in zip((a.record for a in plain), (a.record for a in cut), strict=True):
        assert (after["n_epochs"] < before["n_epochs"]) == ("CLIPPED" in after["status"])
        assert after["baseline_d"] <= before["baseline_d"]
        assert ("BELOW_MIN_EPOCHS" in after["status"]) == (after["n_epochs"] < fewest)
        fell_below += before["n_epochs"] >= fewest > after["n_epochs"]
        if after["probabilities"] is not None:
            held = [each for each in BINS if each["n_epochs_min"] <= after["n_epochs"]]
            assert after["reliability"] == {name: held[-1][name] for name in PUBLISHED}
        elif after["n_epochs"] < fewest:
            assert after["reliability"] is None
    assert fell_below > 0


def test_where_the_model_states_nothing_nothing_is_said(plain):
    assert {a.record["reliability"] for a in plain} == {None}


def test_fewer_epochs_than_the_first_bin_are_scored_without_a_statement():
    later = annotations(reliability=BINS[2:])
    early = [a.record for a in later if a.record["probabilities"] and a.record["n_epochs"] < 25]
    assert early
    assert all(record["reliability"] is None for record in early)


def test_stating_a_reliability_changes_nothing_else_but_the_id_for_the_record_says_more(plain, stating):
    def rest(made):
        own = ("reliability", "derivation")
        return [{k: v for k, v in r.items() if k not in own} for r in timeless(made)]

    assert rest(plain) == rest(stating)
    assert {a.id for a in plain}.isdisjoint(a.id for a in stating)


def test_below_the_asked_for_probability_there_is_no_label_but_all_else(plain, middle):
    cautious = annotations(abstain_below=middle, reliability=BINS)
    outcomes = set()
    for before, after in zip((a.record for a in plain), (a.record for a in cautious), strict=True):
        unsure = before["probability"] is not None and before["probability"] < middle
        outcomes.add((before["label"] is None, unsure))
        assert after["label"] == (None if unsure else before["label"])
        assert [word for word in after["status"] if word != "ABSTAINED"] == before["status"]
        assert ("ABSTAINED" in after["status"]) == unsure
        assert (after["probability"], after["probabilities"]) == (
            before["probability"],
            before["probabilities"],
        )
        assert (after["reliability"] is None) == (after["probabilities"] is None)
    assert outcomes >= {(True, False), (False, True), (False, False)}  # unscored, unsure, sure
