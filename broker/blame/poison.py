"""Poison: a packet that breaks our own code, told from a machine that breaks everything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from broker.alert import DeadLetter, Packet
from broker.errors import AlertError, FatalError, VarstreamError, describe

MAX_POISON = 10
"""So many packets of a start may break merging or scoring; one more, and it is not the packets."""

_MACHINE_PACKAGES = ("numba", "llvmlite", "onnxruntime")
_Item = TypeVar("_Item")


class PoisonError(Exception):
    """A packet of a batch that breaks its processing; of no use but to begin again without it.

    Parameters
    ----------
    index : int
        Which one of the batch.
    cause : Exception
        What it raised.
    """

    def __init__(self, index: int, cause: Exception) -> None:
        super().__init__(index, cause)
        self.index = index
        self.cause = cause


def raise_if_not_poison(exc: Exception) -> None:
    """Raise what is no packet's fault: our own errors as they are, trouble of this machine as fatal.

    A packet's own fault is an `AlertError`, or a mistake of ours that it brings to light.

    Raises
    ------
    VarstreamError
        `exc` itself.
    FatalError
        If memory, the disk or the libraries that run compiled code failed.
    """
    if isinstance(exc, VarstreamError) and not isinstance(exc, AlertError):
        raise exc
    package = type(exc).__module__.partition(".")[0]
    if isinstance(exc, (MemoryError, OSError)) or package in _MACHINE_PACKAGES:
        raise FatalError(f"trouble of this machine, not of a packet: {describe(exc)}") from exc


def dead_letter(packet: Packet, exc: Exception) -> DeadLetter:
    """Dead letter of a packet that raised `exc`."""
    if isinstance(exc, AlertError):
        return DeadLetter(packet, exc.reason, str(exc))
    return DeadLetter(packet, "internal_error", describe(exc))


def first_that_fails(
    items: Sequence[_Item], step: Callable[[Sequence[_Item]], object]
) -> tuple[int, Exception]:
    """Find one of the items for which `step` fails by itself, where it has failed for all of them.

    Returns
    -------
    index : int
        Which one: the first, if some fail by themselves.
    cause : Exception
        What `step` raised for it.

    Raises
    ------
    FatalError
        If no item fails by itself: then the failure is none of them.
    """
    first, last = 0, len(items)
    while last - first > 1:
        middle = (first + last) // 2
        if _failure(items[first:middle], step) is None:
            first = middle
        else:
            last = middle
    cause = _failure(items[first:last], step)
    if cause is None:
        raise FatalError(
            f"{len(items)} packets cannot be processed together, and every one of them can: this machine "
            "is in trouble; nothing of this batch was published or committed"
        )
    return first, cause


def _failure(items: Sequence[_Item], step: Callable[[Sequence[_Item]], object]) -> Exception | None:
    try:
        step(items)
    except Exception as exc:  # noqa: BLE001 - it is the answer
        raise_if_not_poison(exc)
        return exc
    return None
