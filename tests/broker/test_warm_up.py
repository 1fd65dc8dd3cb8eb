"""Kernels are ready before the first packet; a machine that cannot make them ready stops the worker."""

from __future__ import annotations

import json
import os
import re
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
from broker.warm_up import warm, warm_up
from features.compilation.machine_code import KernelError
from tests.broker.streams import SCHEMAS, TIMES, packets, pipeline, simulated

ROOT = Path(__file__).resolve().parents[2]
TROUBLES = [KernelError("cannot compile the kernel x: OSError: no such symbol"), MemoryError()]

MADE = """
import gc, itertools, json
from numba.core.dispatcher import Dispatcher
from features.compilation.machine_code import KernelCache
import numpy as np

def made():
    kernels = [each for each in gc.get_objects() if isinstance(each, Dispatcher)]  # and numba's own
    stats = [each.stats for each in kernels if isinstance(each._cache, KernelCache)]
    counts = [(sum(each.cache_hits.values()), sum(each.cache_misses.values())) for each in stats]
    return [sum(each) for each in zip(*counts)]
"""

USED = """
from broker.batch import n_labelled
from tests.broker.streams import packets, pipeline, simulated
from broker.state.store import MemoryStore
from features import CONVENTIONS, count_used, extract, extract_together
batch = pipeline(MemoryStore()).annotate(packets([alert.payload for alert in simulated()]))
rng = np.random.default_rng(3)
for n, convention, clip_sigma, can_write in itertools.product(
    (8, 30, 400), CONVENTIONS, (None, 3.0), (True, False)
):
    series = rng.uniform(0, 300, n), rng.normal(15, 1, n), rng.normal(0, 1, n)
    for each in series:
        each.flags.writeable = can_write
    bounds = np.array([0, n // 2, n])
    count_used(*series, bounds, clip_sigma=clip_sigma)
    if CONVENTIONS[convention].by_support:
        extract_together(*series, np.arange(n) % 6, bounds, convention=convention)
        clip_sigma = None
    extract(*series, bounds, convention=convention, clip_sigma=clip_sigma)
"""

IN_ONE_PROCESS = f"""
{MADE}
from broker.warm_up import warm_up
warm_up()
before = made()
{USED}
print(json.dumps([before, made(), n_labelled(batch.annotations)]))
"""

IN_ANOTHER = f"""
{MADE}
{USED}
print(json.dumps(made()))
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
    done = python("-c", IN_ONE_PROCESS)
    assert done.returncode == 0, done.stderr
    before, after, labelled = json.loads(done.stdout)
    assert sum(before) > 1
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
        pipeline(MemoryStore()).annotate(packets([simulated()[0].payload]))


@pytest.mark.parametrize("trouble", TROUBLES)
def test_kernels_that_fail_in_scoring_stop_the_worker(monkeypatch, trouble):
    monkeypatch.setattr(classifying, "extract", refuse(trouble))
    with pytest.raises(FatalError, match=r"features cannot be computed: (cannot compile|out of memory)"):
        pipeline(MemoryStore()).annotate(packets([simulated()[0].payload]))


def test_no_file_is_blamed_for_a_kernel_that_cannot_be_compiled(monkeypatch, tmp_path, capsys):
    packet = tmp_path / "packet.avro"
    packet.write_bytes(next(alert.payload for alert in simulated() if alert.survey == "ztf"))
    monkeypatch.setattr(columnar, "execute", refuse(TROUBLES[0]))
    assert main(["classify", str(packet), "--output", str(tmp_path / "out.jsonl")]) == 1
    said = capsys.readouterr().err
    assert "cannot compile the kernel x" in said
    assert "packet.avro" not in said
    assert "Traceback" not in said


def test_what_is_there_is_loaded_at_once_and_the_command_says_so():
    for _ in range(2):
        done = python("-m", "broker.cli.main", "warm")
        assert done.returncode == 0
    found = re.fullmatch(r"kernels were there and are loaded in \d+\.\d s, kept in (.*)\n", done.stderr)
    assert found, done.stderr
    assert found[1] == os.environ["NUMBA_CACHE_DIR"]


@pytest.mark.slow
def test_what_was_compiled_ahead_is_all_that_other_processes_need(tmp_path):
    place = str(tmp_path / "kernels")
    done = python("-m", "broker.cli.main", "warm", NUMBA_CACHE_DIR=place)
    assert done.returncode == 0
    found = re.fullmatch(r"(\d+) functions compiled in \d+\.\d s, kept in (.*)\n", done.stderr)
    assert found, done.stderr
    assert int(found[1]) > 20
    assert found[2] == place
    done = python("-c", IN_ANOTHER, NUMBA_CACHE_DIR=place)
    assert done.returncode == 0, done.stderr
    loaded, compiled = json.loads(done.stdout)
    assert loaded > 1
    assert compiled == 0


def test_where_nothing_is_compiled_the_setting_is_named():
    done = python("-m", "broker.cli.main", "warm", NUMBA_DISABLE_JIT="1")
    assert done.returncode == 1
    assert "NUMBA_DISABLE_JIT" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_setting_of_arithmetic_is_named():
    done = python("-m", "broker.cli.main", "warm", VARSTREAM_FUSED_ARITHMETIC="off")
    assert done.returncode == 1
    assert "VARSTREAM_FUSED_ARITHMETIC must be auto or no, got 'off'" in done.stderr
    assert "Traceback" not in done.stderr


def test_modules_of_the_folder_one_is_in_are_not_taken_for_ours(tmp_path, monkeypatch):
    (tmp_path / "numba.py").write_text("open('taken', 'w')")
    monkeypatch.chdir(tmp_path)
    warm()
    assert not (tmp_path / "taken").exists()


def test_kernels_that_cannot_be_kept_are_not_said_to_be(monkeypatch):
    monkeypatch.setattr(broker.warm_up, "places_of_kernels", lambda: ([Path("/a")], ["features.clean.clean"]))
    with pytest.raises(FatalError, match=r"features\.clean\.clean.*NUMBA_CACHE_DIR"):
        warm()


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
