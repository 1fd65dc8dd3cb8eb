"""The ground of all tests: where the real data are, where kernels are kept, what a run cost."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

if not os.environ.get("NUMBA_CACHE_DIR"):  # looked at by the first import of numba
    os.environ["NUMBA_CACHE_DIR"] = str(ROOT / ".cache" / "kernels")


def data_folder() -> Path:
    """Where real alerts, light curves and golden features are, if they are."""
    return Path(os.environ.get("VARSTREAM_TEST_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real alerts, light curves and golden features; tests that need it skip without it."""
    folder = data_folder()
    if not folder.is_dir():
        pytest.skip(f"real data not found in {folder}; set VARSTREAM_TEST_DATA to use them")
    return folder


def pytest_unconfigure(config: pytest.Config) -> None:
    """Say at the end of a run what processor time it took, with all processes that it started."""
    if not hasattr(config, "workerinput"):
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        minutes = sum(each.ru_utime + each.ru_stime for each in used) / 60.0
        print(f"processor time: {minutes:.1f} min")
