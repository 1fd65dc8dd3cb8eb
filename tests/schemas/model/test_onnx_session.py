"""Whoever asks a model reports nothing to anybody, and leaves nothing in a home."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.broker.streams import SCHEMAS, simulated

ROOT = Path(__file__).resolve().parents[3]
STATED = "ORT_DISABLE_TELEMETRY"

WATCHED = """
import importlib.abc, json, os, sys

class Watch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "onnxruntime":
            stated.append(os.environ.get("ORT_DISABLE_TELEMETRY"))
        return None

stated = []
sys.meta_path.insert(0, Watch())
code = 0
"""

CLASSIFY = """
from broker.cli.main import main
code = main(["classify", *sys.argv[1:]])
"""

LIBRARY = """
import numpy as np
from training import Classifier, light_curve_features
time = np.sort(np.random.default_rng(1).uniform(0.0, 90.0, 60))
table = light_curve_features([(time, 15.0 + 0.3 * np.sin(time), np.full(60, 0.02))])
assert Classifier.load("varstream-ztf").predict(table)["scored"].all()
"""

SAID = """
print(json.dumps(stated))
sys.exit(code)
"""


def run(code, home, *arguments, **environment):
    """Run code with an empty home; return what the environment said of telemetry before onnxruntime came."""
    home.mkdir()
    without = {STATED, "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"}
    kept = {name: value for name, value in os.environ.items() if name not in without}
    done = subprocess.run(
        [sys.executable, "-c", WATCHED + code + SAID, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**kept, "HOME": str(home), **environment},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def packet(tmp_path):
    """A file of one alert."""
    path = tmp_path / "packet.avro"
    path.write_bytes(next(alert.payload for alert in simulated() if alert.survey == "ztf"))
    return path


def test_packets_are_classified_and_nothing_is_left_or_sent(tmp_path, packet):
    home, output = tmp_path / "home", tmp_path / "annotations.jsonl"
    arguments = (packet, "--schemas", SCHEMAS, "--output", output)
    assert run(CLASSIFY, home, *arguments) == ["1"]
    assert list(home.rglob("*")) == []
    assert output.read_text()


def test_the_library_asks_a_model_and_nothing_is_left_or_sent(tmp_path):
    home = tmp_path / "home"
    assert run(LIBRARY, home) == ["1"]
    assert list(home.rglob("*")) == []


@pytest.mark.parametrize(("said", "then"), [("0", "0"), ("1", "1"), ("", "1")])
def test_whoever_has_decided_keeps_what_he_said(tmp_path, packet, said, then):
    arguments = (packet, "--output", tmp_path / "annotations.jsonl")
    assert run(CLASSIFY, tmp_path / "home", *arguments, **{STATED: said}) == [then]
