"""The store: where light curves live between alerts; in memory here, for a run over files."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from broker.alert import Partition
from broker.state.light_curve import LightCurve


class Store(Protocol):
    """Light curves by object key, and how far each partition has been read."""

    def load(self, keys: Collection[str]) -> dict[str, LightCurve]:
        """Light curves of the objects that are known among `keys`."""

    def commit(self, curves: Mapping[str, LightCurve], offsets: Mapping[Partition, int]) -> None:
        """Keep changed curves and the offsets to read next, all or nothing."""

    def offsets(self) -> dict[Partition, int]:
        """Next offset to read of every partition ever committed."""

    def close(self) -> None:
        """Release the store; it can be opened again."""


class MemoryStore:
    """A store that is gone with its process."""

    def __init__(self) -> None:
        self._curves: dict[str, LightCurve] = {}
        self._offsets: dict[Partition, int] = {}

    def load(self, keys: Collection[str]) -> dict[str, LightCurve]:
        """See `Store.load`."""
        return {key: self._curves[key] for key in keys if key in self._curves}

    def commit(self, curves: Mapping[str, LightCurve], offsets: Mapping[Partition, int]) -> None:
        """See `Store.commit`."""
        self._curves.update(curves)
        self._offsets.update(offsets)

    def offsets(self) -> dict[Partition, int]:
        """See `Store.offsets`."""
        return dict(self._offsets)

    def close(self) -> None:
        """See `Store.close`."""
