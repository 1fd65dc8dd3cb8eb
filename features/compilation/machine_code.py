"""The machine code of kernels: kept on disk when it was compiled, loaded by the processes that come after.

numba's own cache looks at the file that a kernel is defined in and not at what it inlines from others, reads
no folder that it cannot write to, and fails on a damaged file. This one takes its place in the dispatchers.
What it needs of numba's inner parts is all here; where they are not as expected nothing is kept.
"""

from __future__ import annotations

import hashlib
import pickle
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from numba import config

from features.compilation.kernel_files import SUFFIX, KernelFile, find, keep, places, say_once
from features.compilation.kernel_sources import current_source_hash, kernel_source_hash
from features.compilation.processor import FUSED_ARITHMETIC, has_fused_arithmetic
from features.compilation.symbol_names import is_numbered_apart

CODE_SETTINGS = (
    "OPT",
    "LOOP_VECTORIZE",
    "SLP_VECTORIZE",
    "ENABLE_AVX",
    "USING_SVML",
    "BOUNDSCHECK",
    "DEBUGINFO_DEFAULT",
    "LLVM_REFPRUNE_PASS",
    "LLVM_REFPRUNE_FLAGS",
)
"""Settings of numba, NUMBA_..., that change the code it makes."""

_kept: set[Path] = set()
_not_kept: set[str] = set()


class KernelError(RuntimeError):
    """A kernel cannot be compiled or loaded: trouble of this machine or installation, not of the data."""


def keep_machine_code(dispatcher: Any) -> None:
    """Let a numba dispatcher load and keep machine code, and raise `KernelError` where it cannot compile."""
    if getattr(config, "DISABLE_JIT", False):
        return  # numba gave back the function itself
    name = f"{dispatcher.py_func.__module__}.{dispatcher.py_func.__qualname__}"
    if hasattr(dispatcher, "_compile_for_args"):
        dispatcher._compile_for_args = _told_apart(dispatcher._compile_for_args, name)
    if not {"load_overload", "save_overload", "cache_path"} <= {*dir(getattr(dispatcher, "_cache", None))}:
        _not_to_be_kept(name, f"numba {numba.__version__} has its cache elsewhere")
    elif dispatcher.py_func.__closure__ is not None:
        _not_to_be_kept(name, "values that are not in its source are compiled into it")
    else:
        try:
            dispatcher._cache = KernelCache(dispatcher)
        except (OSError, SyntaxError) as exc:
            _not_to_be_kept(name, _in_one_line(exc))


def places_of_kernels() -> tuple[list[Path], list[str]]:
    """Places that this process loaded kernels from or put them in, and the kernels that could not be kept."""
    return sorted(_kept), sorted(_not_kept)


class KernelCache:
    """What a numba dispatcher takes for its cache, as `numba.core.caching.FunctionCache` is.

    Raises
    ------
    OSError, SyntaxError
        If the sources of the kernel cannot be read: its code could not be told from another version's.
    """

    def __init__(self, dispatcher: Any) -> None:
        function = dispatcher.py_func
        self._name = f"{function.__module__}.{function.__qualname__}"
        self._target = dispatcher.targetctx
        self._source = Path(function.__code__.co_filename)
        self._line = function.__code__.co_firstlineno
        self._source_hash = kernel_source_hash(self._source)
        self._stem = f"{self._source.stem}.{function.__qualname__}-{self._line}".translate(
            {60: None, 62: None}
        )

    @property
    def cache_path(self) -> str:
        """The place that is looked at first."""
        return str(_places()[0])

    def load_overload(self, signature: Any, target: Any) -> Any:
        """Return the compiled kernel of a signature, or None; whatever is wrong with its file, it is none."""
        try:
            target.refresh()
            found = find(self._file(signature), _places())
            if found is None:
                return None
            rebuild: Any = numba.core.compiler.CompileResult._rebuild
            compiled = rebuild(target, *pickle.loads(found[0]))  # noqa: S301 - what `find` returns is ours
        except MemoryError:
            raise
        except Exception as exc:  # noqa: BLE001 - then it is compiled
            say_once("unusable", f"compiled kernels are made anew, {self._name} for one: {_in_one_line(exc)}")
            return None
        _kept.add(found[1])
        return compiled

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Keep a compiled kernel if it can be; it runs in any case."""
        try:
            if compiled.library.has_dynamic_globals or any(not loop.can_cache for loop in compiled.lifted):
                _not_to_be_kept(self._name, "addresses of this process are compiled into it")
                return
            if current_source_hash(self._source) != self._source_hash:
                _not_to_be_kept(self._name, "its sources were edited after this process had read them")
                return
            dumps: Any = numba.core.serialize.dumps
            code: bytes = dumps(compiled._reduce())
            if not is_numbered_apart(code):
                _not_to_be_kept(self._name, "it calls what numba compiled before varstream was imported")
                return
            place = keep(self._file(signature), code, _places())
        except MemoryError:
            raise
        except Exception as exc:  # noqa: BLE001 - it is compiled, and that is what was asked for
            _not_to_be_kept(self._name, _in_one_line(exc))
            return
        if place is None:
            _not_kept.add(self._name)
        else:
            _kept.add(place)

    def enable(self) -> None:
        """See `numba.core.caching.NullCache`: it is always on."""

    def disable(self) -> None:
        """See `enable`."""

    def flush(self) -> None:
        """See `enable`: what is kept is never wrong."""

    def _file(self, signature: Any) -> KernelFile:
        versions = (
            self._source_hash,
            platform.python_implementation(),
            sys.version_info[:3],
            getattr(sys, "abiflags", ""),
            numba.__version__,
            llvmlite.__version__,
            np.__version__,
        )
        settings = [(name, str(getattr(config, name, None))) for name in CODE_SETTINGS]
        machine = (FUSED_ARITHMETIC, *self._target.codegen().magic_tuple())  # its kind, name, features
        key = repr((versions, self._name, self._line, str(signature), machine, settings)).encode()
        return KernelFile(
            folder=f"{self._source.parent.name}_{_digest(repr(versions).encode())}",
            name=f"{self._stem}-{_digest(key)}{SUFFIX}",
            key=key,
        )


def _digest(contents: bytes) -> str:
    return hashlib.sha256(contents).hexdigest()[:16]


def _told_apart(compile_for_args: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Wrap what a dispatcher calls for arguments of new types: its failures are not those of the kernel."""

    def compile_or_say(*arguments: Any, **named: Any) -> Any:
        try:
            has_fused_arithmetic()  # ValueError if the setting is not one
            return compile_for_args(*arguments, **named)
        except KernelError:
            raise
        except Exception as exc:
            raise KernelError(f"cannot compile the kernel {name}: {_in_one_line(exc)}") from exc

    return compile_or_say


def _places() -> tuple[Path, ...]:
    return places(getattr(config, "CACHE_DIR", ""))


def _not_to_be_kept(name: str, why: str) -> None:
    _not_kept.add(name)
    say_once("not kept", f"kernels are compiled by every process anew, {name} for one: {why}")


def _in_one_line(exc: Exception) -> str:
    lines = str(exc).strip().splitlines()
    return f"{type(exc).__name__}: {lines[0]:.300}" if lines else type(exc).__name__
