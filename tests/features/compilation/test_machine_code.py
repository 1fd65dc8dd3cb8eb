"""Kernels that are kept: loaded by who comes after, made anew where anything is wrong or different."""

from __future__ import annotations

import logging
import pickle
from types import SimpleNamespace

import numba
import numpy as np
import pytest
from numba.core import caching, compiler
from numba.core.codegen import JITCPUCodegen

from features.compilation import kernel_files, machine_code
from features.compilation.jit import kernel
from features.compilation.machine_code import KernelError, keep_machine_code, places_of_kernels
from features.period import direct_sum
from tests.features.compilation.conftest import VALUES, compiles, files
from tests.features.compilation.kernels_to_keep import element, stretched

pytestmark = pytest.mark.usefixtures("place")


def test_a_kernel_is_compiled_once_and_then_loaded(place):
    assert [compiles() for _ in range(3)] == [True, False, False]
    assert places_of_kernels() == ([place], [])
    assert len(files(place)) == 1


def test_each_signature_is_kept_apart(place):
    first, second = kernel(stretched), kernel(stretched)
    assert first(VALUES).tolist() == second(VALUES).tolist()
    assert second(VALUES.astype(np.float32)).tolist() == [3.0, 6.0, -12.0]
    assert len(files(place)) == 2
    assert kernel(stretched)(VALUES.astype(np.float32)).tolist() == [3.0, 6.0, -12.0]


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:-1],
        lambda whole: b"garbage" * 1000,
        lambda whole: pickle.dumps(("another", "thing")),
        lambda whole: whole[:200] + b"\xff" + whole[201:],
    ],
    ids=["empty", "half", "cut by a byte", "garbage", "another pickle", "a byte"],
)
def test_a_damaged_file_is_replaced(place, caplog, damage):
    assert compiles()
    (file,) = files(place)
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert compiles()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert not compiles()
    assert files(place) == [file]


def test_code_that_numba_cannot_use_is_made_anew(place, caplog):
    assert compiles()
    (file,) = files(place)
    fresh = kernel(stretched)
    signature = (numba.typeof(VALUES),)
    kernel_files.keep(fresh._cache._file(signature), pickle.dumps(("another", "thing")), [place])
    assert compiles()
    assert "made anew" in caplog.text
    assert not compiles()
    assert files(place) == [file]


def test_without_a_place_kernels_run_and_one_warning_is_given(monkeypatch, caplog):
    monkeypatch.setattr(numba.config, "CACHE_DIR", "/proc/no/place")
    assert [compiles() for _ in range(3)] == [True, True, True]
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "/proc/no/place" in caplog.text
    assert places_of_kernels() == ([], ["tests.features.compilation.kernels_to_keep.stretched"])


@pytest.mark.parametrize(
    ("setting", "value"), [("BOUNDSCHECK", 1), ("OPT", 0), ("LOOP_VECTORIZE", 0), ("ENABLE_AVX", -1)]
)
def test_settings_that_change_the_code_are_told_apart(place, monkeypatch, setting, value):
    assert compiles()
    monkeypatch.setattr(numba.config, setting, value)
    assert compiles()
    assert not compiles()
    monkeypatch.undo()
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(place))
    assert not compiles()


@pytest.mark.parametrize("part", [1, 2], ids=["name", "features"])
def test_processors_are_told_apart_and_keep_their_code_side_by_side(place, monkeypatch, part):
    assert compiles()
    here = kernel(stretched).targetctx.codegen().magic_tuple()
    there = (*here[:part], "another", *here[part + 1 :])
    with monkeypatch.context() as patch:
        patch.setattr(JITCPUCodegen, "magic_tuple", lambda _: there)
        assert [compiles() for _ in range(2)] == [True, False]
    assert not compiles()
    assert len(files(place)) == 2
    assert len({file.parent for file in files(place)}) == 1


def test_code_with_and_without_fused_arithmetic_is_told_apart(place, monkeypatch):
    assert compiles()
    monkeypatch.setattr(machine_code, "FUSED_ARITHMETIC", not machine_code.FUSED_ARITHMETIC)
    assert [compiles() for _ in range(2)] == [True, False]
    assert len(files(place)) == 2


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [(machine_code.numba, "__version__", "0.99.0"), (machine_code.llvmlite, "__version__", "0.99.0"),
     (machine_code.np, "__version__", "9.9.9"), (machine_code.sys, "version_info", (3, 99, 0))],
    ids=["numba", "llvmlite", "numpy", "python"],
)  # fmt: skip
def test_versions_are_told_apart(place, monkeypatch, module, name, value):
    signature = (numba.typeof(VALUES),)
    before = kernel(stretched)._cache._file(signature)
    monkeypatch.setattr(module, name, value)
    after = kernel(stretched)._cache._file(signature)
    monkeypatch.undo()
    assert after.key != before.key
    assert after.folder != before.folder


def test_an_edit_while_the_process_runs_is_not_kept_under_the_name_of_the_new_source(
    place, monkeypatch, caplog
):
    monkeypatch.setattr(machine_code, "current_source_hash", lambda _: "of an edited file")
    assert compiles()
    assert not files(place)
    assert "edited" in caplog.text


def test_a_value_that_is_not_in_the_source_keeps_the_code_from_being_kept(place, caplog):
    def multiplied(by):
        @kernel
        def inner(values):
            return by * values

        return inner

    assert multiplied(2.0)(VALUES).tolist() == [2.0, 4.0, -8.0]
    assert multiplied(5.0)(VALUES).tolist() == [5.0, 10.0, -20.0]
    assert not files(place)
    assert len(caplog.records) == 1


def test_a_numba_of_another_shape_compiles_without_keeping(place, monkeypatch, caplog):
    def reduce(_):
        raise AttributeError("no such part")

    monkeypatch.setattr(compiler.CompileResult, "_reduce", reduce)
    assert [compiles() for _ in range(2)] == [True, True]
    assert len(caplog.records) == 1
    keep_machine_code(SimpleNamespace(py_func=stretched))  # a dispatcher without any of the parts
    assert len(caplog.records) == 1
    assert not files(place)


def test_the_parts_of_numba_that_the_cache_takes_the_place_of_are_there():
    fresh = numba.njit(stretched)
    own = {name for name in dir(caching.NullCache) if not name.startswith("_")}
    assert own <= {*dir(machine_code.KernelCache)}
    assert callable(fresh._compile_for_args)
    assert isinstance(fresh._cache, caching.NullCache)


@pytest.mark.parametrize(
    "trouble", [MemoryError(), OSError(5, "Input/output error"), RuntimeError("LLVM\nis ill")]
)
def test_trouble_in_compiling_names_the_kernel_and_the_reason(monkeypatch, trouble):
    fresh = kernel(stretched)

    def fails(*_):
        raise trouble

    monkeypatch.setattr(fresh._compiler, "compile", fails)
    with pytest.raises(KernelError, match=f"kernels_to_keep.stretched: {type(trouble).__name__}") as caught:
        fresh(VALUES)
    assert "\n" not in str(caught.value)
    again = pickle.loads(pickle.dumps(caught.value))  # as from a process of a pool
    assert str(again) == str(caught.value)


def test_what_numba_cannot_compile_is_a_kernel_error():
    with pytest.raises(KernelError, match="TypingError"):
        kernel(stretched)("text")


def test_what_a_kernel_raises_is_its_own():
    fresh = kernel(element)
    assert fresh(VALUES, 2) == -4.0
    for _ in range(2):
        with pytest.raises(IndexError, match="there is none"):
            fresh(VALUES, 3)


def test_kernels_of_the_features_are_kept_by_this_cache():
    assert isinstance(direct_sum.lomb_scargle_power._cache, machine_code.KernelCache)
