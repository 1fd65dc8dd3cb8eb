"""Alerts from files and annotations to files: the pipeline without a broker."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any

from broker.alert import Packet
from broker.decode import read_file
from broker.errors import ConfigError, FatalError
from broker.pipeline import DeadLetter
from broker.records import Annotation, Format, avro_file
from broker.store import Position

SUFFIXES = (".avro", ".bin")


def find_files(paths: Sequence[Path]) -> list[Path]:
    """Files of packets in `paths`: a file as it is, a folder as its ``*.avro`` and ``*.bin`` files, sorted.

    Raises
    ------
    ConfigError
        If a path does not exist or a folder holds no packet file.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES and p.is_file())
            if not inside:
                raise ConfigError(f"the folder {path} holds no {' or '.join(SUFFIXES)} file")
            found += inside
        elif path.exists():
            found.append(path)
        else:
            raise ConfigError(f"no such file or folder: {path}")
    return found


class FileSource:
    """Packets of files, in the order given."""

    def __init__(self, files: Sequence[Path], *, batch_size: int) -> None:
        self._packets = _packets(files)
        self._batch_size = batch_size
        self.exhausted = False

    def poll(self) -> Sequence[Packet]:
        """See `Source.poll`.

        Raises
        ------
        FatalError
            If a file cannot be read.
        """
        batch = list(islice(self._packets, self._batch_size))
        self.exhausted = not batch
        return batch

    def commit(self, positions: Mapping[Position, int]) -> None:
        """See `Source.commit`: files are read once."""


class FileSink:
    """Annotations to one file or standard output, dead letters to the log file of the run.

    Parameters
    ----------
    path : Path or None
        The file; None is standard output, JSON lines only.
    dead_letters : Path or None
        JSON lines of reason, message and origin of every packet that could not be read.

    Raises
    ------
    ConfigError
        If a file cannot be written, or Avro is asked for on standard output.
    """

    def __init__(self, path: Path | None, form: Format, *, dead_letters: Path | None = None) -> None:
        if form == "avro" and path is None:
            raise ConfigError("--format avro needs --output FILE: an Avro file is not for the terminal")
        self._stack = contextlib.ExitStack()
        self._out: IO[Any] = sys.stdout if path is None else self._open(path, binary=form == "avro")
        self._avro = avro_file(self._out) if form == "avro" else None
        self._dead = None if dead_letters is None else self._open(dead_letters)

    def deliver(self, annotations: Sequence[Annotation], dead_letters: Sequence[DeadLetter]) -> None:
        """See `Sink.deliver`."""
        try:
            if self._avro is not None:
                for annotation in annotations:
                    self._avro.write(annotation.record)
            else:
                self._out.writelines(json.dumps(a.record, allow_nan=False) + "\n" for a in annotations)
            if self._dead is not None:
                for letter in dead_letters:
                    self._dead.write(json.dumps(_describe(letter)) + "\n")
        except OSError as exc:
            raise FatalError(f"cannot write {self._out.name}: {exc.strerror}") from exc

    def close(self) -> None:
        """Finish the files."""
        if self._avro is not None:
            self._avro.flush()
        self._stack.close()

    def _open(self, path: Path, *, binary: bool = False) -> IO[Any]:
        try:
            file: IO[Any] = path.open("wb") if binary else path.open("w", encoding="utf-8")
        except OSError as exc:
            raise ConfigError(f"cannot write {path}: {exc.strerror}") from exc
        return self._stack.enter_context(file)


def _packets(files: Sequence[Path]) -> Iterator[Packet]:
    for file in files:
        try:
            yield from read_file(file)
        except OSError as exc:
            raise FatalError(f"cannot read {file}: {exc.strerror}") from exc


def _describe(letter: DeadLetter) -> dict[str, object]:
    origin = letter.packet.origin
    return {"file": origin.file, "offset": origin.offset, "reason": letter.reason, "message": letter.message}
