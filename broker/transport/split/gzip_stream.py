"""Gzip as a stream of bounded size, which says where it is damaged instead of losing what came before.

Format: RFC 1952. The standard library's reader raises on damage, and with it goes what it had inflated last.
"""

from __future__ import annotations

import zlib
from typing import Any

from broker.avro.budget import MAX_INFLATED_BYTES, over_budget
from broker.errors import AlertError
from broker.transport.split.window import Window

MAGIC = b"\x1f\x8b"
DEFLATED = 8
HEAD_BYTES, TAIL_BYTES = 10, 8
CHECKSUM, EXTRA, NAME, COMMENT = 2, 4, 8, 16  # flags of what follows the head
PIECE_BYTES = 2**10  # inflated at once: at most 1 MiB comes out
MAX_RATIO = 200  # of what came out to what went in: packets are up to 31, zeros at 1000


class GzipStream:
    """What gzipped bytes hold, as far as it can be read.

    Attributes
    ----------
    damage : AlertError or None
        Why there is no more, where that is not their proper end: ``truncated``, ``corrupt``, or ``too_large``
        for bytes that inflate beyond any packets'.
    """

    def __init__(self, window: Window) -> None:
        self._window = window
        self._stream: Any = None  # of zlib; None between members
        self._checksum = self._size = 0  # of the member at hand
        self._n_in = self._n_out = 0
        self._begun = False
        self.damage: AlertError | None = None

    def read(self, size: int) -> bytes:
        """Read some bytes, `size` or not; none at the end, and none behind damage."""
        plain = b""
        while not plain and self.damage is None:
            if self._stream is None and not self._next_member():
                break
            try:
                plain = self._inflate()
            except zlib.error as exc:
                self.damage = AlertError("corrupt", f"gzip stream: {exc}")
        return plain

    def _next_member(self) -> bool:
        """Read the head of a member; False at the end, also of the padding behind it."""
        window = self._window
        while self._begun and window.peek(1) == b"\x00":
            window.pass_over(1)
        if self._begun and not window.peek(1):
            return False
        head = window.take(HEAD_BYTES)
        if len(head) < HEAD_BYTES:
            self.damage = AlertError("truncated", "gzip stream ends within its head")
            return False
        if head[:2] != MAGIC or head[2] != DEFLATED:
            self.damage = AlertError("corrupt", f"gzip stream: {head[:3]!r} where a member should begin")
            return False
        flags = head[3]
        if flags & EXTRA:
            window.pass_over(int.from_bytes(window.take(2), "little"))
        for text in (NAME, COMMENT):
            if flags & text:
                window.take_through(b"\x00", 0)
        if flags & CHECKSUM:
            window.pass_over(2)
        self._stream = zlib.decompressobj(-zlib.MAX_WBITS)
        self._checksum = self._size = 0
        self._begun = True
        return True

    def _inflate(self) -> bytes:
        piece = self._window.peek(PIECE_BYTES)
        plain: bytes = self._stream.decompress(piece)
        used = len(piece) - len(self._stream.unused_data)
        self._window.pass_over(used)
        self._n_in += used
        self._n_out += len(plain)
        self._checksum = zlib.crc32(plain, self._checksum)
        self._size += len(plain)
        if self._n_out > MAX_INFLATED_BYTES + MAX_RATIO * self._n_in:
            ratio = f"{self._n_in} bytes inflate to {self._n_out}"
            self.damage = over_budget(f"gzip stream: {ratio}, more than {MAX_RATIO} times as many")
        elif self._stream.eof:
            self._close_member()
        elif not piece:
            self.damage = AlertError("truncated", f"gzip stream ends after {self._n_out} inflated bytes")
        return plain

    def _close_member(self) -> None:
        self._stream = None
        tail = self._window.take(TAIL_BYTES)
        if len(tail) < TAIL_BYTES:
            self.damage = AlertError("truncated", "gzip stream ends within its checksum")
        elif tail != self._checksum.to_bytes(4, "little") + (self._size % 2**32).to_bytes(4, "little"):
            self.damage = AlertError("corrupt", "gzip stream: wrong checksum")
