"""A window on a stream of bytes: they are looked at before they are taken, and never held as a whole."""

from __future__ import annotations

from collections.abc import Callable

CHUNK_BYTES = 2**20


class Window:
    """The bytes that come next.

    Parameters
    ----------
    read : callable of int to bytes
        Reads at most so many of the stream, at least one before its end, and none from then on.
    """

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._held = b""
        self._at = 0

    def peek(self, size: int) -> bytes:
        """Return the next `size` bytes without taking them; fewer at the end."""
        self._hold(size)
        return self._held[self._at : self._at + size]

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes; fewer at the end."""
        taken = self.peek(size)
        self._at += len(taken)
        return taken

    def pass_over(self, size: int) -> int:
        """Leave the next `size` bytes behind; how many there were."""
        passed = 0
        while passed < size and self._hold(1):
            step = min(size - passed, len(self._held) - self._at)
            self._at += step
            passed += step
        return passed

    def take_through(self, mark: bytes, keep: int) -> bytes:
        """Take all up to and with the next `mark`, or all where none comes; return the first `keep` bytes."""
        kept = bytearray()

        def take_to(end: int) -> None:
            kept.extend(self._held[self._at : min(end, self._at + keep - len(kept))])
            self._at = end

        while (found := self._held.find(mark, self._at)) < 0:
            take_to(max(self._at, len(self._held) - len(mark) + 1))  # it may have begun
            if not self._hold(len(mark)):
                take_to(len(self._held))
                return bytes(kept)
        take_to(found + len(mark))
        return bytes(kept)

    def _hold(self, size: int) -> bool:
        """Hold the next `size` bytes, as far as there are so many; whether there are."""
        if len(self._held) - self._at < size:
            parts = [self._held[self._at :]]
            missing = size - len(parts[0])
            while missing > 0 and (part := self._read(max(missing, CHUNK_BYTES))):
                parts.append(part)
                missing -= len(part)
            self._held, self._at = b"".join(parts), 0
        return len(self._held) - self._at >= size
