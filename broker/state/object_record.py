"""The records of an object: its light curve and what is known of it, as they are stored and logged.

An object has two records at most. The *tail* is written with every epoch: a header and the latest epochs. The
*sealed* one holds all earlier epochs, and is written again where the tail has become long. So an epoch of a
long light curve costs some 2 kB instead of the whole curve, and reading one is a concatenation.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from broker.alert import EPOCH
from broker.errors import FatalError
from broker.state.light_curve import LightCurve

SEALED_EPOCHS = 64
"""A tail that is longer is sealed."""

NOTHING_ANNOTATED = bytes(16)

_VERSION = 1
_TAIL = struct.Struct("<B3xIIq16s")  # version, bytes of search state, sealed epochs, last seen, derivation
_SEALED = struct.Struct("<B3x")  # version


@dataclass(frozen=True, slots=True)
class ObjectNote:
    """What is known of an object beside its epochs.

    Attributes
    ----------
    seen_ms : int
        The time, of its photometry partition, when it was last seen [Unix ms].
    derivation : bytes
        The first 128 bits of the derivation of its latest annotation; zeros where it has none.
    search : bytes
        Room for what a period search may want to find again.
    """

    seen_ms: int = 0
    derivation: bytes = NOTHING_ANNOTATED
    search: bytes = b""


def tail_key(key: str) -> bytes:
    """Key of the record that is written with every epoch."""
    return b"T" + key.encode()


def sealed_key(key: str) -> bytes:
    """Key of the record of earlier epochs."""
    return b"S" + key.encode()


def records_of(key: str, curve: LightCurve, note: ObjectNote) -> dict[bytes, bytes]:
    """Return the records that are to be written for a light curve that has changed, by their keys."""
    records = {}
    n_sealed = curve.n_sealed
    if n_sealed == 0 or curve.epochs.size - n_sealed > SEALED_EPOCHS:
        n_sealed = curve.epochs.size if curve.epochs.size > SEALED_EPOCHS else 0
        if n_sealed:  # otherwise what was sealed before stays, and the tail says that it no longer counts
            records[sealed_key(key)] = _SEALED.pack(_VERSION) + curve.epochs[:n_sealed].tobytes()
    header = _TAIL.pack(_VERSION, len(note.search), n_sealed, note.seen_ms, note.derivation)
    records[tail_key(key)] = header + note.search + curve.epochs[n_sealed:].tobytes()
    return records


def note_of(tail: bytes) -> ObjectNote:
    """Return what is known of an object, from its tail."""
    _, n_search, _, seen_ms, derivation = _TAIL.unpack_from(tail)
    return ObjectNote(seen_ms, derivation, tail[_TAIL.size : _TAIL.size + n_search])


def curve_of(where: str, key: str, tail: bytes, sealed: bytes | None) -> LightCurve:
    """Return the light curve of an object, from its records.

    Raises
    ------
    FatalError
        If they are damaged, or of another version; `where` they came from is for the message.
    """
    damaged = FatalError(f"{where} is damaged at {key}, or was written by another version")
    if len(tail) < _TAIL.size:
        raise damaged
    version, n_search, n_sealed, _, _ = _TAIL.unpack_from(tail)
    start = _TAIL.size + n_search
    epochs = sealed[_SEALED.size :] if sealed is not None and n_sealed else b""
    if (
        version != _VERSION
        or (sealed is not None and sealed[:1] != bytes([_VERSION]))
        or len(epochs) != n_sealed * EPOCH.itemsize
        or (len(tail) - start) % EPOCH.itemsize
        or start > len(tail)
    ):
        raise damaged
    return LightCurve(np.frombuffer(epochs + tail[start:], EPOCH), n_sealed)
