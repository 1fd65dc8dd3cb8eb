"""Defects: what goes wrong on the way from a survey to us, done to a stream on purpose."""

from __future__ import annotations

import heapq
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.random import Generator

from broker.simulator.stream import SimulatedAlert

NO_SUCH_SCHEMA_ID = 9999


@dataclass(frozen=True, slots=True, kw_only=True)
class Defects:
    """Fractions of the alerts that suffer each defect.

    Attributes
    ----------
    duplicate : float
        Sent a second time, up to `lag` alerts later.
    late : float
        Held back, so that up to `lag` younger alerts come first.
    truncated, random, empty, unknown_schema : float
        Replaced by the beginning of themselves, by random bytes, by nothing, or framed with the id of a
        schema that no registry has. What such an alert told comes as history of the object's next one.
    lag : int
        [alerts].
    """

    duplicate: float = 0.0
    late: float = 0.0
    truncated: float = 0.0
    random: float = 0.0
    empty: float = 0.0
    unknown_schema: float = 0.0
    lag: int = 50

    def __post_init__(self) -> None:
        fractions = self.fractions
        if min(fractions.values()) < 0.0 or sum(fractions.values()) > 1.0:
            raise ValueError(f"fractions of defects must be >= 0 with a sum <= 1, got {fractions}")
        if self.lag < 1:
            raise ValueError(f"lag must be >= 1 alert, got {self.lag}")

    @property
    def fractions(self) -> dict[str, float]:
        """Defect -> fraction."""
        return {name: value for name, value in asdict(self).items() if name != "lag"}


def spoil(stream: Iterable[SimulatedAlert], defects: Defects, *, seed: int) -> Iterator[SimulatedAlert]:
    """Yield a stream with defects; what was done to an alert is in its `defect`.

    Parameters
    ----------
    stream : iterable of SimulatedAlert
        In any order.
    defects : Defects
        How many of which.
    seed : int
        The same seed spoils the same alerts in the same way.
    """
    rng = np.random.default_rng(seed)
    names = list(defects.fractions)
    edges = np.cumsum(list(defects.fractions.values()))
    waiting: list[tuple[int, int, SimulatedAlert]] = []  # release, tie-breaker, alert
    for number, alert in enumerate(stream):
        while waiting and waiting[0][0] <= number:
            yield heapq.heappop(waiting)[2]
        which = int(np.searchsorted(edges, rng.random(), side="right"))
        if which == len(names):
            yield alert
            continue
        defect = names[which]
        if defect in DAMAGE:
            yield replace(alert, payload=DAMAGE[defect](alert.payload, rng), defect=defect)
            continue
        if defect == "duplicate":
            yield alert
        release = number + 1 + int(rng.integers(defects.lag))
        heapq.heappush(waiting, (release, number, replace(alert, defect=defect)))
    for _, _, alert in sorted(waiting):
        yield alert


def _truncate(payload: bytes, rng: Generator) -> bytes:
    """Cut within the first half: LSST's last fields are not read, so a loss there can pass."""
    return payload[: int(rng.integers(1, len(payload) // 2))]


def _randomise(payload: bytes, rng: Generator) -> bytes:
    return rng.bytes(len(payload))


def _empty(_payload: bytes, _rng: Generator) -> bytes:
    return b""


def _foreign(payload: bytes, _rng: Generator) -> bytes:
    return struct.pack(">bi", 0, NO_SUCH_SCHEMA_ID) + payload[5:]


DAMAGE: Mapping[str, Callable[[bytes, Generator], bytes]] = {
    "truncated": _truncate,
    "random": _randomise,
    "empty": _empty,
    "unknown_schema": _foreign,
}
