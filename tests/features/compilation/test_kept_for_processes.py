"""Kernels kept by one process and loaded by others: edited, started together, unable to write."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.features.compilation.conftest import compiles, files

ROOT = Path(__file__).resolve().parents[3]

SLOPES = """
import sys
import numpy as np
from features.variability.phase import slope_percentiles
from features.sorting import room_for_sorting
since = np.arange(12.0) ** 1.1
slopes = slope_percentiles(since, np.cos(since), room_for_sorting(12))
print(slope_percentiles.__module__, sys.modules["features"].__path__[0])
print(*slopes)
"""


def test_after_an_edit_of_a_helper_its_callers_in_other_files_give_the_new_values(tmp_path, place):
    """The right values are those of the same sources as plain Python."""
    shutil.copytree(ROOT / "features", tmp_path / "features", ignore=shutil.ignore_patterns("__pycache__"))

    def slopes(**settings):
        environment = {**os.environ, "PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(place), **settings}
        done = subprocess.run(
            [sys.executable, "-c", SLOPES],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
            env=environment,
        )
        where, numbers = done.stdout.splitlines()
        assert where == f"features.variability.phase {tmp_path / 'features'}"
        return [float(number) for number in numbers.split()]

    before = slopes()
    assert before == pytest.approx(slopes(NUMBA_DISABLE_JIT="1"), rel=1e-12)
    helper = tmp_path / "features" / "variability" / "moments.py"
    text = helper.read_text(encoding="utf-8")
    line = "position = (ordered.size - 1) * (percent / 100.0)\n"
    assert text.count(line) == 1
    then = helper.stat().st_mtime_ns
    helper.write_text(text.replace(line, line.replace("100.0", "110.0")), encoding="utf-8")
    os.utime(helper, ns=(then + 10**10, then + 10**10))  # for Python's own cache, which looks at times
    after = slopes()
    assert after == pytest.approx(slopes(NUMBA_DISABLE_JIT="1"), rel=1e-12)
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
    can_write, *kernels = start(warm)
    assert can_write
    assert sum(kernels) > 0
    shutil.copytree(warm, place, ignore=shutil.ignore_patterns("*.tmp"))
    for path in [*place.rglob("*"), place]:
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    before = files(place)
    can_write, loaded, compiled = start(place)
    assert not can_write
    assert (loaded, compiled) == (sum(kernels), 0)
    assert files(place) == before
    for path in [place, *place.rglob("*")]:
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
