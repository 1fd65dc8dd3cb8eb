"""The warm-up: every kernel is loaded, or compiled, before the first packet is read.

Where that is impossible the machine or the installation is at fault: it shows here, and no packet is blamed.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from numba import config
from numba.core import event

from broker.avro.columnar import end_of_value
from broker.avro.compiler import compile_skip
from broker.avro.schema import parse_schema
from broker.errors import FatalError
from features.compilation.machine_code import KernelError, places_of_kernels
from features.warm_up import warm_up as warm_up_features


def warm_up() -> None:
    """Load the kernels of decoding and of the features; the first time on a machine compile them, a minute.

    Raises
    ------
    FatalError
        If they cannot be compiled on this machine, or are not to be.
    """
    _require_compilation()
    try:
        warm_up_decoding()
        warm_up_features()
    except (KernelError, MemoryError) as exc:
        raise FatalError(f"the kernels cannot be made ready: {str(exc) or 'out of memory'}") from exc


def warm_up_decoding() -> None:
    """Load the kernels of decoding, or compile them.

    Raises
    ------
    KernelError
        If they cannot be compiled on this machine.
    """
    end_of_value(compile_skip(parse_schema("int")), b"\x00", 0)


DECODING = """
from numba.core import event
from broker.warm_up import warm_up_decoding
with event.install_recorder("numba:compile") as compilations:
    warm_up_decoding()
print(sum(each.is_start for _, each in compilations.buffer))
"""
"""What the process beside does: it says how many functions it compiled."""


def _require_compilation() -> None:
    if getattr(config, "DISABLE_JIT", False):
        raise FatalError("nothing is compiled where NUMBA_DISABLE_JIT is set: unset it")


class Warmed(NamedTuple):
    """What became of the kernels.

    Attributes
    ----------
    compiled : int
        Functions that were compiled; 0 where all kernels were kept.
    seconds : float
        What it took.
    places : list of Path
        Folders where they are kept now.
    """

    compiled: int
    seconds: float
    places: list[Path]


def warm() -> Warmed:
    """Make sure that all kernels are kept, so that processes that come after load them.

    Those of decoding are compiled by a process beside this one, which then loads them.

    Raises
    ------
    FatalError
        If they cannot be compiled, or not be kept: the next process would compile them again.
    """
    _require_compilation()
    started = time.monotonic()
    command = [sys.executable, "-P", "-c", DECODING]  # -P: modules of the folder we are in are not ours
    with (
        event.install_recorder("numba:compile") as compilations,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as beside,  # noqa: S603 - our own
    ):
        try:
            warm_up_features()
        except (KernelError, MemoryError):  # `warm_up` meets it again, and says so
            beside.kill()
        said, _ = beside.communicate()
        warm_up()
    places, not_kept = places_of_kernels()
    if not_kept:
        raise FatalError(
            f"kernels were compiled and cannot be kept ({', '.join(not_kept[:2])} ...): "
            "set NUMBA_CACHE_DIR to a folder that can be written to"
        )
    last = said.strip().rpartition("\n")[2]
    beside_us = int(last) if last.isdecimal() else 0  # if it failed, `warm_up` has done its work
    compiled = beside_us + sum(each.is_start for _, each in compilations.buffer)
    return Warmed(compiled, time.monotonic() - started, places)
