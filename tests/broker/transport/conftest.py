"""A clock that a test sets forward."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.broker.streams import PATIENCE_S


@pytest.fixture
def lose_patience(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Set the clock forward by more than anybody's patience."""

    def set_forward() -> None:
        later = time.monotonic() + 2 * PATIENCE_S
        monkeypatch.setattr("time.monotonic", lambda: later)

    return set_forward
