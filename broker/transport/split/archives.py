"""What a file holds: itself, or what was gzipped, or the packet files of a tar archive, one after another.

Nothing is unpacked: members are read as the archive is passed over once, in bounded memory. Their names only
say where a packet came from; links, devices and folders are passed over. What is damaged is told by a part of
its own, so that whoever reads an archive knows that it is not whole; the parts around it come out. (An error
would keep back what follows, and a night's archive is worth more than its worst member. The standard library
takes a damaged header for the archive's end and says nothing: `docs/decisions/own-archive-reader.md`.)

Format: the ustar and pax interchange formats of POSIX, and GNU's long names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from broker.errors import AlertError
from broker.transport.split import gzip_stream
from broker.transport.split.gzip_stream import GzipStream
from broker.transport.split.window import Window

PACKET_SUFFIXES = (".avro", ".bin", ".avro.gz", ".bin.gz")
TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz")
SUFFIXES = PACKET_SUFFIXES + TAR_SUFFIXES
BLOCK_BYTES = 512
MAX_ATTRIBUTES_BYTES = 2**16  # of a member: a path and its size
MAX_NAME_CHARACTERS = 255  # of a member, where its packets are said to come from
PLAIN_FILES = (b"0", b"\x00", b"7")
WITHOUT_DATA = (b"1", b"2", b"3", b"4", b"5", b"6")  # links, devices, folders, pipes
LONG_NAME, ATTRIBUTES = b"L", b"x"  # of the member that follows
LONG_LINK, COMMON_ATTRIBUTES = b"K", b"g"
PAX_RECORD = re.compile(rb"([0-9]{1,5}) ([^=]{1,100})=")
ABOUT_OTHERS = (LONG_NAME, ATTRIBUTES, LONG_LINK, COMMON_ATTRIBUTES)


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a file that is split into packets by itself.

    Attributes
    ----------
    name : str
        The file; of a member, ``archive/member``.
    damage : AlertError or None
        What is wrong with the file between the parts around this one, whose bytes are none then.
    """

    name: str
    window: Window
    damage: AlertError | None = None


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    size: int
    kind: bytes

    @property
    def n_blocks(self) -> int:
        return 0 if self.kind in WITHOUT_DATA else -(-self.size // BLOCK_BYTES)


def parts_of(read: Callable[[int], bytes], name: str) -> Iterator[Part]:
    """Yield the parts of a file in order. Each must be used before the next one is asked for.

    Parameters
    ----------
    read : callable of int to bytes
        Reads at most so many bytes of the file, none at its end.
    name : str
        Of the file.
    """
    yield from _inflated(Window(read), name, _tar_or_plain)


def _inflated(window: Window, name: str, parts: Callable[[Window, str], Iterator[Part]]) -> Iterator[Part]:
    """Yield `parts` of what was gzipped, or of the bytes as they are."""
    if window.peek(len(gzip_stream.MAGIC)) != gzip_stream.MAGIC:
        yield from parts(window, name)
        return
    stream = GzipStream(window)
    for part in parts(Window(stream.read), name):
        if part.damage is None or stream.damage is None:
            yield part  # damage that follows from the stream's is not told beside it
    if stream.damage is not None:
        yield _damage(name, stream.damage)


def _plain(window: Window, name: str) -> Iterator[Part]:
    yield Part(name, window)


def _tar_or_plain(window: Window, name: str) -> Iterator[Part]:
    start = window.peek(BLOCK_BYTES)
    named_tar = name.lower().endswith(TAR_SUFFIXES)
    if _member(start) is not None or (named_tar and start and not any(start)):
        yield from _members(window, name)
    elif named_tar:
        yield _damage(name, AlertError("corrupt", f"no tar archive: it starts with {start[:8]!r}"))
    else:
        yield Part(name, window)


def _members(window: Window, archive: str) -> Iterator[Part]:
    """Yield the packet files of a tar archive."""
    changes: dict[str, Any] = {}  # to the member that follows
    ended = False
    while block := window.take(BLOCK_BYTES):
        ended = not any(block)
        if ended:
            continue  # another archive may follow
        member = _member(block)
        if len(block) < BLOCK_BYTES:
            continue
        if member is None:
            passed = BLOCK_BYTES + _pass_to_member(window)
            yield _damage(archive, AlertError("corrupt", f"tar archive: {passed} bytes without a header"))
        elif member.kind in ABOUT_OTHERS:
            data = window.peek(min(member.size, MAX_ATTRIBUTES_BYTES))
            if member.kind == LONG_NAME:
                changes["name"] = _text(data.partition(b"\x00")[0])
            elif member.kind == ATTRIBUTES:
                changes |= _attributes(data)
            window.pass_over(member.n_blocks * BLOCK_BYTES)
        else:
            yield from _member_parts(window, archive, replace(member, **changes))
            changes = {}
    if not ended:
        yield _damage(archive, AlertError("truncated", "tar archive without its end: members may be missing"))


def _member_parts(window: Window, archive: str, member: _Member) -> Iterator[Part]:
    """Yield a member that is a file of packets, and pass over what is left of any."""
    whole = member.n_blocks * BLOCK_BYTES
    body = _Body(window, member.size if whole else 0)
    if member.kind in PLAIN_FILES and member.name.lower().endswith(PACKET_SUFFIXES):
        yield from _inflated(Window(body.read), f"{archive}/{_shown(member.name)}", _plain)
    window.pass_over(whole - (body.size - body.left))


class _Body:
    """The bytes of one member."""

    def __init__(self, window: Window, size: int) -> None:
        self._window = window
        self.size = self.left = size

    def read(self, size: int) -> bytes:
        data = self._window.take(min(size, self.left))
        self.left -= len(data)
        return data


def _member(block: bytes) -> _Member | None:
    """Read a header; None where this is none."""
    try:
        checksum = _octal(block[148:156])
        size = _size(block[124:136])
    except ValueError:
        return None
    fields = block[:148] + b" " * 8 + block[156:]
    off = sum(fields) - checksum
    if len(block) < BLOCK_BYTES or off not in (0, 256 * sum(byte > 0x7F for byte in fields)):
        return None  # some writers add signed bytes
    name, prefix = (field.partition(b"\x00")[0] for field in (block[:100], block[345:500]))
    if block[257:263] == b"ustar\x00" and prefix:
        name = prefix + b"/" + name
    return _Member(_text(name), size, block[156:157])


def _pass_to_member(window: Window) -> int:
    """Pass over blocks up to the next header, or the end; how many bytes."""
    passed = 0
    while (block := window.peek(BLOCK_BYTES)) and _member(block) is None:
        passed += window.pass_over(BLOCK_BYTES)
    return passed


def _size(field: bytes) -> int:
    if field[:1] == b"\x80":  # GNU's way for 8 GiB and more
        return int.from_bytes(field[1:], "big")
    return _octal(field)


def _octal(field: bytes) -> int:
    digits = field.strip(b" \x00")
    if not re.fullmatch(rb"[0-7]*", digits):
        raise ValueError(field)
    return int(digits or b"0", 8)


def _attributes(data: bytes) -> dict[str, Any]:
    """Read a member's pax records, ``<length> <key>=<value>`` and a line feed each."""
    found: dict[str, Any] = {}
    at = 0
    while match := PAX_RECORD.match(data, at):
        at, start = at + int(match[1]), match.end()
        value = data[start : at - 1]
        if match[2] == b"path" and value:
            found["name"] = _text(value)
        elif match[2] == b"size" and re.fullmatch(rb"[0-9]{1,20}", value):
            found["size"] = int(value)
        if at <= start:
            break
    return found


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")


def _shown(name: str) -> str:
    """Write a member's name as it may stand in a line of a log."""
    shown = "".join(character if character.isprintable() else "?" for character in name)
    return shown.removeprefix("./").lstrip("/")[:MAX_NAME_CHARACTERS]


def _damage(name: str, damage: AlertError) -> Part:
    return Part(name, Window(lambda _: b""), damage)
