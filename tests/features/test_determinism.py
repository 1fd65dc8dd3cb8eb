"""The same bits from processes that compile the kernels, that load them, and that cannot keep them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import numpy as np
from features import extract
rng = np.random.default_rng(5)
sizes = rng.integers(8, 120, 40)
time = np.concatenate([np.sort(rng.uniform(0, 60, n)) for n in sizes])
mag = 15 + 0.3 * np.sin(2 * np.pi * time / 0.61) + rng.normal(0, 0.05, time.size)
err = rng.uniform(0.01, 0.1, time.size)
print(*(each.tobytes().hex() for each in extract(time, mag, err, np.cumsum([0, *sizes]))))
"""


@pytest.mark.slow
def test_compiling_and_loading_processes_agree_to_the_last_bit(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    compiled, loaded = (
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            env=environment,
        ).stdout
        for _ in range(2)
    )
    assert any(tmp_path.rglob("*.nbc"))
    assert compiled == loaded


@pytest.mark.slow
def test_where_no_folder_can_be_written_kernels_are_compiled_in_the_process():
    no_place = "from numba.core.caching import CacheImpl; CacheImpl._locator_classes = []\n"
    done = subprocess.run(
        [sys.executable, "-c", no_place + PROGRAM], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    here = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == here.stdout
