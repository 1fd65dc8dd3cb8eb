"""Kernels that are kept: loaded by who comes after, made anew where anything is wrong or different."""

from __future__ import annotations

import ctypes
import json
import logging
import os
import pickle
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numba
import numpy as np
import pytest
from numba.core import caching, compiler
from numba.core.codegen import JITCPUCodegen

from features.compilation import kernel_files, machine_code
from features.compilation.jit import fast_kernel, kernel
from features.compilation.machine_code import KernelError, keep_machine_code, places_of_kernels
from features.period import direct_sum
from tests.features.compilation.kernels_to_keep import element, stretched

ROOT = Path(__file__).resolve().parents[3]
VALUES = np.array([1.0, 2.0, -4.0])


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch) -> Path:
    """The only place for machine code, empty, in a process that has said and kept nothing yet."""
    folder = tmp_path / "kernels"
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(folder))
    monkeypatch.setattr(kernel_files, "_said", set())
    monkeypatch.setattr(machine_code, "_kept", set())
    monkeypatch.setattr(machine_code, "_not_kept", set())
    return folder


def files(place):
    return sorted(place.rglob("*.nbc"))


def compiles(function=stretched, make=kernel):
    """Whether a fresh kernel, as in a process of its own, is compiled when called, and not loaded."""
    fresh = make(function)
    assert fresh(VALUES).tolist() == [3.0, 6.0, -12.0]
    hits, misses = (sum(count.values()) for count in (fresh.stats.cache_hits, fresh.stats.cache_misses))
    assert hits + misses == 1
    return misses == 1


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
@pytest.mark.parametrize("make", [kernel, fast_kernel])
def test_trouble_in_compiling_names_the_kernel_and_the_reason(monkeypatch, make, trouble):
    fresh = make(stretched)

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


POWERS = """
import sys
import numpy as np
from features.period.direct_sum import powers_at
from features.period.points import Points
x = np.arange(12.0) ** 1.1
points = Points(x, np.cos(x), np.full(12, 1 / 12), 0.01, True)
powers = powers_at(np.arange(5), points)
print(powers_at.__module__, sys.modules["features"].__path__[0])
print(*powers.tolist())
"""


def test_after_an_edit_of_a_helper_its_callers_in_other_files_give_the_new_values(tmp_path, place):
    """The right values are those of the same sources as plain Python."""
    shutil.copytree(ROOT / "features", tmp_path / "features", ignore=shutil.ignore_patterns("__pycache__"))

    def powers(**settings):
        environment = {**os.environ, "PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(place), **settings}
        done = subprocess.run(
            [sys.executable, "-c", POWERS],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
            env=environment,
        )
        where, numbers = done.stdout.splitlines()
        assert where == f"features.period.direct_sum {tmp_path / 'features'}"
        return [float(number) for number in numbers.split()]

    before = powers()
    assert before == pytest.approx(powers(NUMBA_DISABLE_JIT="1"), rel=1e-12)
    helper = tmp_path / "features" / "sincos.py"
    text = helper.read_text(encoding="utf-8")
    last = "return 1.0 - 2.0 * sine * sine, 2.0 * sine * cosine\n"
    assert text.endswith(last)
    then = helper.stat().st_mtime_ns
    helper.write_text(
        text.replace(last, "return 1.0 - 2.0 * sine * sine, 4.0 * sine * cosine\n"), encoding="utf-8"
    )
    os.utime(helper, ns=(then + 10**10, then + 10**10))  # for Python's own cache, which looks at times
    after = powers()
    assert after == pytest.approx(powers(NUMBA_DISABLE_JIT="1"), rel=1e-12)
    assert after != pytest.approx(before, rel=1e-3)


TOGETHER = """
import numpy as np
from features.compilation.jit import kernel
from tests.features.compilation.kernels_to_keep import stretched
input()
print(kernel(stretched)(np.array([1.0, 2.0, -4.0])).tolist())
"""


def test_processes_that_start_cold_together_all_do_their_work(place):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(place)}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", TOGETHER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment,
        )
        for _ in range(3)
    ]
    for process in started:
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate() for process in started]
    assert said == [("[3.0, 6.0, -12.0]\n", "")] * 3
    assert len(files(place)) == 1
    assert not compiles()


LOADED = """
import gc, json, os, tempfile
from features.warm_up import warm_up
from numba.core.dispatcher import Dispatcher
try:
    tempfile.TemporaryFile(dir=os.environ["NUMBA_CACHE_DIR"]).close()
    can_write = True
except OSError:
    can_write = False
warm_up()
all_of_them = [each for each in gc.get_objects() if isinstance(each, Dispatcher)]
count = lambda name: sum(sum(getattr(each.stats, name).values()) for each in all_of_them)
print(json.dumps([can_write, count("cache_hits"), count("cache_misses")]))
"""
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1


def obey_file_modes():
    """Take from root, in a process that is about to start, the right to write where modes forbid it."""
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)


def test_from_a_folder_that_cannot_be_written_to_everything_is_loaded(place):
    def start(folder):
        done = subprocess.run(
            [sys.executable, "-c", LOADED],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            env={**os.environ, "NUMBA_CACHE_DIR": str(folder)},
            preexec_fn=obey_file_modes,
        )
        assert done.stderr == ""
        return json.loads(done.stdout)

    warm = Path(os.environ["NUMBA_CACHE_DIR"])
    warm.mkdir(parents=True, exist_ok=True)
    assert start(warm)[0] is True
    shutil.copytree(warm, place, ignore=shutil.ignore_patterns("*.tmp"))
    for path in [*place.rglob("*"), place]:
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    before = files(place)
    can_write, loaded, compiled = start(place)
    assert not can_write
    assert loaded > 5
    assert compiled == 0
    assert files(place) == before
    for path in [place, *place.rglob("*")]:
        path.chmod(path.stat().st_mode | stat.S_IWUSR)


def test_kernels_of_the_features_are_kept_by_this_cache():
    assert isinstance(direct_sum.powers_at._cache, machine_code.KernelCache)
