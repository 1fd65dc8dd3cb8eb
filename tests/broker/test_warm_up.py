"""Kernels are ready before the first packet; a machine that cannot make them ready stops the worker."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import broker.warm_up
from broker.avro import columnar
from broker.classify import classifier as classifying
from broker.cli.main import main
from broker.errors import FatalError
from broker.state.store import MemoryStore
from broker.warm_up import compile_kernels, warm_up
from features.compilation.machine_code import KernelError
from tests.broker.streams import SCHEMAS, TIMES, packets, pipeline, simulated

ROOT = Path(__file__).resolve().parents[2]
TROUBLES = [KernelError("cannot compile the kernel x: OSError: no such symbol"), MemoryError()]

MADE = """
import gc, json
from numba.core.dispatcher import Dispatcher
from features.compilation.machine_code import KernelCache
from broker.warm_up import warm_up
from features import CONVENTIONS, extract
import numpy as np

def made():
    kernels = [each for each in gc.get_objects() if isinstance(each, Dispatcher)]  # and numba's own
    stats = [each.stats for each in kernels if isinstance(each._cache, KernelCache)]
    return sum(sum(each.cache_hits.values()) + sum(each.cache_misses.values()) for each in stats)

warm_up()
before = made()
from tests.broker.streams import packets, pipeline, simulated
from broker.state.store import MemoryStore
batch = pipeline(MemoryStore()).process(packets([alert.payload for alert in simulated()]))
rng = np.random.default_rng(3)
for n in (8, 30, 400):
    time, mag, err = rng.uniform(0, 300, n), rng.normal(15, 1, n), rng.normal(0, 1, n)
    for convention in CONVENTIONS:
        extract(time, mag, err, [0, n // 2, n], convention=convention, clip_sigma=3.0)
print(json.dumps([before, made(), batch.labelled]))
"""


def python(*arguments, **environment):
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, **environment},
    )


def refuse(trouble):
    def kernel(*_, **__):
        raise trouble

    return kernel


def test_after_the_warm_up_nothing_is_left_to_be_loaded_or_compiled():
    done = python("-c", MADE)
    assert done.returncode == 0, done.stderr
    before, after, labelled = json.loads(done.stdout)
    assert before > 5
    assert after == before
    assert labelled > 50


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("name", ["end_of_value", "warm_up_features"])
def test_a_machine_that_cannot_make_kernels_ready_is_told_of_at_the_start(monkeypatch, name, trouble):
    monkeypatch.setattr(broker.warm_up, name, refuse(trouble))
    with pytest.raises(
        FatalError, match=r"kernels cannot be made ready: (cannot compile the kernel x|out of mem)"
    ):
        warm_up()


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_kernel_that_fails_in_decoding_makes_no_dead_letters(monkeypatch, trouble):
    monkeypatch.setattr(columnar, "execute", refuse(trouble))
    with pytest.raises(FatalError, match=r"packets cannot be decoded: (cannot compile|out of memory)"):
        pipeline(MemoryStore()).process(packets([simulated()[0].payload]))


@pytest.mark.parametrize("trouble", TROUBLES)
def test_kernels_that_fail_in_scoring_stop_the_worker(monkeypatch, trouble):
    monkeypatch.setattr(classifying, "extract", refuse(trouble))
    with pytest.raises(FatalError, match=r"features cannot be computed: (cannot compile|out of memory)"):
        pipeline(MemoryStore()).process(packets([simulated()[0].payload]))


def test_no_file_is_blamed_for_a_kernel_that_cannot_be_compiled(monkeypatch, tmp_path, capsys):
    packet = tmp_path / "packet.avro"
    packet.write_bytes(next(alert.payload for alert in simulated() if alert.survey == "ztf"))
    monkeypatch.setattr(columnar, "execute", refuse(TROUBLES[0]))
    assert main(["classify", str(packet), "--output", str(tmp_path / "out.jsonl")]) == 1
    said = capsys.readouterr().err
    assert "cannot compile the kernel x" in said
    assert "packet.avro" not in said
    assert "Traceback" not in said


def test_kernels_can_be_compiled_ahead_and_the_command_says_where_they_are():
    done = python("-m", "broker.cli.main", "compile-kernels")
    assert done.returncode == 0
    assert done.stderr == f"kernels are kept in {os.environ['NUMBA_CACHE_DIR']}\n"


def test_where_nothing_is_compiled_nothing_is_said_to_be_kept():
    done = python("-m", "broker.cli.main", "compile-kernels", NUMBA_DISABLE_JIT="1")
    assert done.returncode == 1
    assert "NUMBA_DISABLE_JIT" in done.stderr
    assert "Traceback" not in done.stderr


def test_kernels_that_cannot_be_kept_are_not_said_to_be(monkeypatch):
    monkeypatch.setattr(broker.warm_up, "places_of_kernels", lambda: ([Path("/a")], ["features.clean.clean"]))
    with pytest.raises(FatalError, match=r"features\.clean\.clean.*NUMBA_CACHE_DIR"):
        compile_kernels()


@pytest.mark.slow
def test_damaged_kernels_change_no_record(tmp_path):
    """Whatever became of the files: all alerts are annotated as with good ones."""
    folder = tmp_path / "packets"
    folder.mkdir()
    for number, alert in enumerate(simulated()[:150]):
        (folder / f"{number:04d}{'.avro' if alert.survey == 'ztf' else '.bin'}").write_bytes(alert.payload)

    def classified(place):
        command = ["-m", "broker.cli.main", "classify", folder, "--schemas", SCHEMAS]
        done = python(*command, NUMBA_CACHE_DIR=str(place))
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        records = [json.loads(line) for line in done.stdout.splitlines()]
        return [{k: v for k, v in each.items() if k not in TIMES} for each in records], done.stderr

    good = Path(os.environ["NUMBA_CACHE_DIR"])
    expected, _ = classified(good)
    assert len(expected) >= 150
    place = tmp_path / "kernels"
    shutil.copytree(good, place, ignore=shutil.ignore_patterns("*.tmp"))
    for number, file in enumerate(sorted(place.rglob("*.nbc"))):
        file.write_bytes([b"", file.read_bytes()[:1000], b"\x80\x04garbage"][number % 3])
    for damaged in (True, False):
        records, said = classified(place)
        assert records == expected
        assert said.count("is damaged") == damaged, "one warning, and none once they are replaced"
