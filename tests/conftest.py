"""What all tests share: where the real data are, and kernels compiled from today's sources."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def _kernel_cache() -> Path:
    """Folder of compiled kernels that changes with any kernel's source.

    numba notices an edit of the file a kernel is defined in, not of the helpers it inlines from others.
    """
    digest = hashlib.sha256()
    for source in [*sorted(ROOT.glob("features/**/*.py")), *sorted(ROOT.glob("broker/avro/*.py"))]:
        digest.update(source.read_bytes())
    return ROOT / ".cache" / "numba" / digest.hexdigest()[:16]


os.environ.setdefault("NUMBA_CACHE_DIR", str(_kernel_cache()))  # before the first import of numba


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
