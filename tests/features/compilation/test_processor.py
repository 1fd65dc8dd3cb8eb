from __future__ import annotations

import platform

import llvmlite.binding
import pytest
from numba import config

from features.compilation.processor import has_fused_arithmetic

SETTING = "VARSTREAM_FUSED_ARITHMETIC"


@pytest.fixture(autouse=True)
def on_an_ordinary_processor(monkeypatch):
    """x86-64 with fused arithmetic, and nothing set."""
    monkeypatch.delenv(SETTING, raising=False)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(config, "CPU_FEATURES", None)
    monkeypatch.setattr(llvmlite.binding, "get_host_cpu_features", lambda: {"fma": True})


@pytest.mark.parametrize("value", [None, "auto"])
def test_without_a_choice_the_processor_decides(monkeypatch, value):
    if value is not None:
        monkeypatch.setenv(SETTING, value)
    assert has_fused_arithmetic()
    for there in ({"fma": False}, {}):
        monkeypatch.setattr(llvmlite.binding, "get_host_cpu_features", lambda there=there: there)
        assert not has_fused_arithmetic()


def test_it_can_be_done_without(monkeypatch):
    monkeypatch.setenv(SETTING, "no")
    assert not has_fused_arithmetic()
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert not has_fused_arithmetic()


@pytest.mark.parametrize("value", ["yes", "", "0", "NO", "auto "])
def test_any_other_choice_is_refused_by_name(monkeypatch, value):
    monkeypatch.setenv(SETTING, value)
    with pytest.raises(ValueError, match=f"{SETTING} must be auto or no, got '{value}'"):
        has_fused_arithmetic()


@pytest.mark.parametrize("machine", ["aarch64", "arm64"])
def test_arm_has_always_had_it(monkeypatch, machine):
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(llvmlite.binding, "get_host_cpu_features", dict)
    assert has_fused_arithmetic()


@pytest.mark.parametrize(
    ("stated", "fused"), [("", False), ("-fma", False), ("+avx2,+fma", True), ("+fma4", False)]
)
def test_code_for_another_processor_is_made_for_what_that_one_has(monkeypatch, stated, fused):
    monkeypatch.setattr(config, "CPU_FEATURES", stated)
    assert has_fused_arithmetic() == fused
