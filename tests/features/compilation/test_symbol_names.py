"""Kernels that different processes compiled run together, each with the functions that are its own."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from features.compilation.symbol_names import LEAST_OURS, is_numbered_apart

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

AFTER_NUMBA = """
import json
import numba
import numpy as np
from tests.features.compilation import kernels_to_keep
values = np.random.default_rng(7).random(50)
numba.njit(kernels_to_keep.rising)(values)
from features.compilation.jit import kernel
kernel(kernels_to_keep.element)(values, 2)
print(json.dumps(kernel(kernels_to_keep.rising)(values).tolist()))
"""


def start(script, names, place):
    return subprocess.run(
        [sys.executable, "-c", script, *names],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "NUMBA_CACHE_DIR": str(place)},
    )


@pytest.mark.parametrize("script", [IN_THIS_PROCESS, IN_FORKS], ids=["processes", "forks of one"])
def test_each_kernel_runs_with_its_own_functions_whoever_compiled_the_others(tmp_path, script):
    if script is IN_FORKS:
        start(script, RIGHT, tmp_path)
    else:
        for name in RIGHT:
            start(script, [name], tmp_path)
    for names in itertools.permutations(RIGHT):
        said = json.loads(start(IN_THIS_PROCESS, names, tmp_path).stdout)
        assert said == [[name, RIGHT[name], 1] for name in names]


def test_what_numba_had_numbered_before_is_not_kept(tmp_path):
    """Numba had compiled the sort that `rising` calls for somebody else; `element` calls nothing."""
    started = start(AFTER_NUMBA, [], tmp_path)
    assert json.loads(started.stdout) == RIGHT["rising"]
    assert len(started.stderr.splitlines()) == 1
    assert "rising for one: it calls what numba compiled before" in started.stderr
    assert [file.name.split("-")[0] for file in tmp_path.rglob("*.nbc")] == ["kernels_to_keep.element"]


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
