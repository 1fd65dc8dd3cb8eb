"""Kernels that different processes compiled run together, each with the functions that are its own."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from numba.core.bytecode import FunctionIdentity

from features.compilation import kernel_files, machine_code
from features.compilation.jit import kernel
from features.compilation.symbol_names import LEAST_OURS, is_numbered_apart
from tests.features.compilation.kernels_to_keep import falling, rising

ROOT = Path(__file__).resolve().parents[3]
VALUES = np.random.default_rng(7).random(50)
RIGHT = {"rising": sorted(VALUES), "falling": sorted(VALUES, reverse=True)}

IN_ORDER = """
import json, os, sys
import numpy as np
from features.compilation.jit import kernel
from tests.features.compilation import kernels_to_keep

def run(name):
    each = kernel(getattr(kernels_to_keep, name))
    ordered = each(np.random.default_rng(7).random(50)).tolist()
    return name, ordered, sum(each.stats.cache_hits.values())

"""
IN_THIS_PROCESS = IN_ORDER + "print(json.dumps([run(name) for name in sys.argv[1:]]))"
IN_FORKS = (
    IN_ORDER
    + """
for name in sys.argv[1:]:
    if (child := os.fork()) == 0:
        run(name)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""
)


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(kernel_files, "_said", set())
    monkeypatch.setattr(machine_code, "_not_kept", set())
    return tmp_path


def start(script, names, place):
    done = subprocess.run(
        [sys.executable, "-c", script, *names],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "NUMBA_CACHE_DIR": str(place)},
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("script", [IN_THIS_PROCESS, IN_FORKS], ids=["processes", "forks of one"])
def test_each_kernel_runs_with_its_own_functions_whoever_compiled_the_others(place, script):
    if script is IN_FORKS:
        start(script, RIGHT, place)
    else:
        for name in RIGHT:
            start(script, [name], place)
    for names in itertools.permutations(RIGHT):
        said = json.loads(start(IN_THIS_PROCESS, names, place))
        assert said == [[name, RIGHT[name], 1] for name in names]


def test_what_numba_had_numbered_before_is_not_kept(place, monkeypatch, caplog):
    monkeypatch.setattr(FunctionIdentity, "_unique_ids", itertools.count(1))
    assert kernel(rising)(VALUES).tolist() == RIGHT["rising"]
    monkeypatch.undo()
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(place))
    assert kernel(rising)(VALUES).tolist() == RIGHT["rising"]  # its sort still has a number from before
    assert not list(place.rglob("*.nbc"))
    assert "rising" in caplog.text
    assert "before varstream was imported" in caplog.text
    assert kernel(falling)(VALUES).tolist() == RIGHT["falling"]
    assert len(list(place.rglob("*.nbc"))) == 1


@pytest.mark.parametrize(
    ("symbols", "apart"),
    [
        (b"_ZN4tests7stretchedB30v%dB42c8tJTIeFE" % LEAST_OURS, True),
        (b"_ZN4tests7stretchedB30v%dB42c8tJT\0_ZN5numba9partitionB2v7B42c8tJT" % LEAST_OURS, False),
        (b"_ZN5numba9partitionB6v12345B42c8tJT", False),
        (b"names without numbers: a numba of another shape", False),
    ],
)
def test_a_number_that_any_process_may_give_is_told_from_one_of_ours(symbols, apart):
    assert is_numbered_apart(symbols) is apart
