from __future__ import annotations

import numpy as np
import pytest

import features
from features import BLOCKING, Status, status_names


def test_names_are_listed_for_every_bit_that_is_set():
    assert status_names(0) == []
    assert status_names(int(Status.TOO_FEW | Status.ERR_PATCHED)) == ["TOO_FEW", "ERR_PATCHED"]
    assert status_names(np.uint32(Status.ALIAS)) == ["ALIAS"]


def test_every_bit_fits_uint32_and_has_one_name():
    everything = sum(Status)
    assert everything < 2**32
    assert len(status_names(everything)) == everything.bit_count() == 12


def test_an_unknown_bit_is_refused():
    with pytest.raises(ValueError, match="0x80000000"):
        status_names(1 << 31)


def test_three_bits_block():
    assert status_names(BLOCKING) == ["TOO_FEW", "NO_BASELINE", "DEGENERATE"]


def test_features_are_in_alphabetical_order():
    assert list(features.FEATURE_NAMES) == sorted(features.FEATURE_NAMES)
    assert len(features.FEATURE_NAMES) == 16
