"""The stores of the partitions that are ours, and the changes that a batch makes to them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from broker.photometry.partitioner import partition_of
from broker.state.changelog import MARKER_KEY, Marker
from broker.state.light_curve import LightCurve
from broker.state.object_record import NOTHING_ANNOTATED, ObjectNote, records_of, sealed_key, tail_key
from broker.state.partition_store import PartitionStore, StoreIdentity

Changes = dict[int, dict[bytes, bytes | None]]
"""Records of the changelog that are to be written, by partition."""


@dataclass
class PartitionStores:
    """Light curves of the objects in the partitions that are ours.

    Parameters
    ----------
    folder : Path
        Where there is a file for each.
    identity : StoreIdentity
        What they are copies of.
    topic_id : str
        Of the photometry topic.
    forget_after_ms : int
        Objects that were not seen for so long, by the time stamps of their partition, begin anew, and leave
        stores and changelog by and by; 0 keeps them all.
    """

    folder: Path
    identity: StoreIdentity
    topic_id: str = ""
    forget_after_ms: int = 0
    _stores: dict[int, PartitionStore] = field(default_factory=dict)

    def open(self, partition: int) -> PartitionStore:
        """Take a partition in."""
        identity = replace(self.identity, partition=partition)
        store = PartitionStore(self.folder / f"{partition}.sqlite", identity)
        self._stores[partition] = store
        return store

    def close(self, partition: int) -> None:
        """Let a partition go; harmless where it is not ours."""
        store = self._stores.pop(partition, None)
        if store is not None:
            store.close()

    def close_all(self) -> None:
        """Let all go."""
        for partition in list(self._stores):
            self.close(partition)

    def load(self, keys: Collection[str]) -> dict[str, LightCurve]:
        """Light curves of the objects that are known among `keys`, of partitions that are ours."""
        curves: dict[str, LightCurve] = {}
        for key in keys:
            curves |= self._of(key).load((key,))
        return curves

    def forgets(self, key: str, seen_ms: int | None, now_ms: int) -> bool:
        """See `LightCurves.forgets`.

        It follows from what stands before in the partition alone, as a light curve does: when the records of
        an object go (`changes`) makes no difference.
        """
        if not self.forget_after_ms:
            return False
        store = self._of(key)
        clock_ms = _later(store.marker, now_ms)
        last_ms = store.note(key).seen_ms if seen_ms is None else _later(store.marker, seen_ms)
        return clock_ms - last_ms > self.forget_after_ms

    def check(self) -> None:
        """See that what was written is still there; see `Store.check`."""
        for store in self._stores.values():
            store.check()

    def changes(
        self,
        curves: Mapping[str, LightCurve],
        derivations: Mapping[str, str],
        seen_ms: Mapping[str, int],
        read: Mapping[int, tuple[int, int]],
    ) -> Changes:
        """Return the records that make the changelog agree with light curves that have changed.

        Parameters
        ----------
        curves : mapping of str to LightCurve
            By object key.
        derivations : mapping of str to str
            That of an object's latest annotation, in hexadecimal, of those that had one.
        seen_ms : mapping of str to int
            When it changed last, by object key and the time stamps of its partition [Unix ms].
        read : mapping of int to (int, int)
            By partition, of those that were read, whether or not a light curve changed: the offset to read
            next and the latest time stamp [Unix ms].
        """
        markers = {number: self._marker(number, *end) for number, end in read.items()}
        changes: Changes = {number: {} for number in read}
        for key, curve in curves.items():
            number = self._number(key)
            store = self._stores[number]
            if key in derivations:
                derivation = bytes.fromhex(derivations[key])[: len(NOTHING_ANNOTATED)]
            else:
                derivation = store.note(key).derivation
            note = ObjectNote(_later(store.marker, seen_ms.get(key, 0)), derivation)
            changes[number].update(records_of(key, curve, note))
        for number, marker in markers.items():
            if self.forget_after_ms:
                for key in self._stores[number].unseen_since(marker.clock_ms - self.forget_after_ms):
                    if tail_key(key) not in changes[number]:
                        changes[number].update({tail_key(key): None, sealed_key(key): None})
            changes[number][MARKER_KEY] = marker.encode()
        return changes

    def apply(self, changes: Changes, last_offsets: Mapping[int, int]) -> None:
        """Take over what was committed; `last_offsets` are what the changelog gave to the last of each."""
        for number, records in changes.items():
            self._stores[number].write(records, changelog_next=last_offsets[number] + 1)

    def _marker(self, number: int, input_next: int, time_ms: int) -> Marker:
        clock_ms = _later(self._stores[number].marker, time_ms)
        return Marker(self.identity.n_partitions, input_next, clock_ms, self.topic_id)

    def _number(self, key: str) -> int:
        return partition_of(key, self.identity.n_partitions)

    def _of(self, key: str) -> PartitionStore:
        return self._stores[self._number(key)]


def _later(marker: Marker | None, time_ms: int) -> int:
    """Return the time of a partition after a time stamp: it does not go back."""
    return time_ms if marker is None else max(marker.clock_ms, time_ms)
