"""The store: where light curves live between alerts; in memory here, for a run over files."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from broker.alert import Partition
from broker.state.light_curve import LightCurve


class LightCurves(Protocol):
    """Light curves by object key."""

    def load(self, keys: Collection[str]) -> dict[str, LightCurve]:
        """Light curves of the objects that are known among `keys`."""

    def forgets(self, key: str, seen_ms: int | None, now_ms: int) -> bool:
        """Whether an object has not been seen for so long that its light curve begins anew.

        Parameters
        ----------
        seen_ms : int or None
            When it was seen in this batch, by the time stamps of its partition; None where it was not.
        now_ms : int
            The latest of these.
        """


class Store(LightCurves, Protocol):
    """Light curves by object key, and how far each partition has been read."""

    def commit(self, curves: Mapping[str, LightCurve], offsets: Mapping[Partition, int]) -> None:
        """Keep changed curves and the offsets to read next, all or nothing."""

    def check(self) -> None:
        """See that what was committed is still there; asked where nothing is committed for a while.

        Raises
        ------
        FatalError
            If it is not.
        """

    def offsets(self) -> dict[Partition, int]:
        """Next offset to read of every partition ever committed."""

    def topic_ids(self) -> dict[str, str]:
        """Id of every topic that was adopted with one."""

    def adopt_topic(self, topic: str, topic_id: str | None, *, from_beginning: bool) -> None:
        """Remember the topic that offsets are of from now on, with no offsets if `from_beginning`."""

    def close(self) -> None:
        """Release the store; it can be opened again."""


class MemoryStore:
    """A store that is gone with its process."""

    def __init__(self) -> None:
        self._curves: dict[str, LightCurve] = {}
        self._offsets: dict[Partition, int] = {}
        self._topic_ids: dict[str, str] = {}

    @property
    def curves(self) -> Mapping[str, LightCurve]:
        """All light curves by object key."""
        return self._curves

    def load(self, keys: Collection[str]) -> dict[str, LightCurve]:
        """See `Store.load`."""
        return {key: self._curves[key] for key in keys if key in self._curves}

    def forgets(self, key: str, seen_ms: int | None, now_ms: int) -> bool:
        """See `LightCurves.forgets`: never."""
        return False

    def commit(self, curves: Mapping[str, LightCurve], offsets: Mapping[Partition, int]) -> None:
        """See `Store.commit`."""
        self._curves.update(curves)
        self._offsets.update(offsets)

    def check(self) -> None:
        """See `Store.check`."""

    def offsets(self) -> dict[Partition, int]:
        """See `Store.offsets`."""
        return dict(self._offsets)

    def topic_ids(self) -> dict[str, str]:
        """See `Store.topic_ids`."""
        return dict(self._topic_ids)

    def adopt_topic(self, topic: str, topic_id: str | None, *, from_beginning: bool) -> None:
        """See `Store.adopt_topic`."""
        self._topic_ids.pop(topic, None)
        if topic_id is not None:
            self._topic_ids[topic] = topic_id
        if from_beginning:
            self._offsets = {p: offset for p, offset in self._offsets.items() if p[0] != topic}

    def close(self) -> None:
        """See `Store.close`."""
