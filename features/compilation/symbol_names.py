"""Names in machine code: no two processes give one name to different functions.

numba compiles a function anew for every set of values that it encloses, as it does its sorts for every order
of their elements, and tells the copies apart by a number in their names, which each process counts from one.
A kept kernel holds a copy of all that it calls. Where kernels that different processes compiled run together,
the linker takes for all of them the first function that it sees of a name: with numba's numbers, sometimes
another one.
"""

from __future__ import annotations

import itertools
import os
import re
import secrets
from contextlib import suppress

import numba

PROCESS_BITS = 64
FUNCTION_BITS = 32
LEAST_OURS = 1 << PROCESS_BITS + FUNCTION_BITS

# One of the tags that follow a name in a symbol, each led by "B" and its length: partitionB2v7B42c8tJT...
_NUMBER = re.compile(rb"B\d{1,2}v(\d+)B\d")


def number_apart() -> None:
    """Let this process, from now on, number the functions it compiles as no other process does."""
    first = LEAST_OURS + (secrets.randbits(PROCESS_BITS) << FUNCTION_BITS)
    with suppress(AttributeError):  # a numba of another shape: `is_numbered_apart` tells
        numba.core.bytecode.FunctionIdentity._unique_ids = itertools.count(first)


def is_numbered_apart(code: bytes) -> bool:
    """Whether all functions in a kernel's machine code got their numbers by `number_apart`.

    One that numba had compiled before, for somebody else in the process, has a number that other processes
    use too.
    """
    numbers = [int(digits) for digits in _NUMBER.findall(code)]
    return bool(numbers) and min(numbers) >= LEAST_OURS


number_apart()
os.register_at_fork(after_in_child=number_apart)
