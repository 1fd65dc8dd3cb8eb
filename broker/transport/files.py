"""Files as source and sink: the pipeline without a broker."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any

from broker.alert import Annotation, DeadLetter, Packet, Partition
from broker.classify.encoding import FileFormat, avro_file, published
from broker.errors import ConfigError, FatalError
from broker.transport.split.archives import SUFFIXES
from broker.transport.split.split_file import read_file

MAX_BATCH_BYTES = 2**26  # ordinary batches have a quarter


def find_files(paths: Sequence[Path]) -> list[Path]:
    """Files of packets in `paths`: a file as it is, a folder as its files with one of `SUFFIXES`, sorted.

    Raises
    ------
    ConfigError
        If a path does not exist or a folder holds no packet file.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.name.lower().endswith(SUFFIXES) and p.is_file())
            if not inside:
                raise ConfigError(
                    f"the folder {path} holds no .avro or .bin file, gzipped or in a tar archive"
                )
            found += inside
        elif path.exists():
            found.append(path)
        else:
            raise ConfigError(f"no such file or folder: {path}")
    return found


class FileSource:
    """Packets of files, in the order given; a batch ends with the one that brings it to `MAX_BATCH_BYTES`."""

    def __init__(self, files: Sequence[Path], *, batch_size: int) -> None:
        self._packets = packets_of(files)
        self._batch_size = batch_size
        self.exhausted = False

    def poll(self) -> Sequence[Packet]:
        """See `Source.poll`.

        Raises
        ------
        FatalError
            If a file cannot be read.
        """
        batch: list[Packet] = []
        n_bytes = 0
        for packet in islice(self._packets, self._batch_size):
            batch.append(packet)
            n_bytes += len(packet.payload)
            if n_bytes >= MAX_BATCH_BYTES:
                break
        self.exhausted = not batch
        return batch

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        """See `Source.commit`: files are read once."""


class FileSink:
    """Annotations to one file or standard output, and what is known of dead letters to another file.

    Parameters
    ----------
    path : Path or None
        The file; None is standard output, JSON lines only.
    dead_letters : Path or None
        JSON lines of reason, message and origin of every packet that could not be read.

    Raises
    ------
    ConfigError
        If a file cannot be written, Avro is asked for on standard output, or that is closed.
    """

    def __init__(self, path: Path | None, form: FileFormat, *, dead_letters: Path | None = None) -> None:
        if form == "avro" and path is None:
            raise ConfigError("--format avro needs --output FILE: Avro does not go to standard output")
        if path is None and sys.__stdout__ is None:
            raise ConfigError("standard output is closed: name a file by --output")
        self._stack = contextlib.ExitStack()
        self._out: IO[Any] = sys.stdout if path is None else self._open(path, binary=form == "avro")
        try:
            with self._writing(self._out):
                self._avro = avro_file(self._out) if form == "avro" else None
            self._dead = None if dead_letters is None else self._open(dead_letters)
        except BaseException:
            self._let_go()
            raise

    def deliver(self, annotations: Sequence[Annotation], dead_letters: Sequence[DeadLetter]) -> None:
        """See `Sink.deliver`."""
        with self._writing(self._out):
            for annotation in annotations:
                self._write(published(annotation))
        if self._dead is not None:
            with self._writing(self._dead):
                self._dead.writelines(json.dumps(letter.describe()) + "\n" for letter in dead_letters)

    def close(self) -> None:
        """Finish the files.

        Raises
        ------
        FatalError
            If they cannot be finished.
        """
        try:
            with self._writing(self._out):
                if self._avro is not None:
                    self._avro.flush()
                self._out.flush()
            if self._dead is not None:
                with self._writing(self._dead):
                    self._dead.flush()
        except BaseException:
            self._let_go()
            raise
        with self._writing(self._out):
            self._stack.close()

    def _let_go(self) -> None:
        """Close what is open after a failure, which is the one to tell."""
        with contextlib.suppress(OSError):
            self._stack.close()

    def _write(self, record: dict[str, Any]) -> None:
        if self._avro is not None:
            self._avro.write(record)
        else:
            self._out.write(json.dumps(record, allow_nan=False) + "\n")

    @contextlib.contextmanager
    def _writing(self, file: IO[Any]) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise  # our reader has seen enough: no failure
        except OSError as exc:
            raise FatalError(f"cannot write {file.name}: {exc.strerror or exc}") from exc

    def _open(self, path: Path, *, binary: bool = False) -> IO[Any]:
        try:
            file: IO[Any] = path.open("wb") if binary else path.open("w", encoding="utf-8")
        except OSError as exc:
            raise ConfigError(f"cannot write {path}: {exc.strerror or exc}") from exc
        return self._stack.enter_context(file)


def packets_of(files: Sequence[Path]) -> Iterator[Packet]:
    """Packets of files, in order.

    Raises
    ------
    FatalError
        If a file cannot be read.
    """
    for file in files:
        try:
            yield from read_file(file)
        except OSError as exc:
            raise FatalError(f"cannot read {file}: {exc.strerror or exc}") from exc
