from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks import gate
from tests.benchmarks.bench_features import CELLS
from tests.benchmarks.feature_contenders import contenders, simulate


@pytest.fixture(autouse=True)
def stored(tmp_path, monkeypatch):
    path = tmp_path / "gate.json"
    path.write_text(json.dumps({"a peer": 40.0, "another": 2.0}))
    monkeypatch.setattr(gate, "STORED", path)
    return path


@pytest.mark.parametrize(
    ("arguments", "found", "code"),
    [
        ([], {"a peer": 31.0, "another": 1.6}, 0),
        ([], {"a peer": 29.0, "another": 2.5}, 1),
        (["--short"], {"a peer": 21.0}, 0),
        (["--short"], {"another": 0.9}, 1),
    ],
)
def test_a_ratio_may_be_below_the_stored_one_by_the_margin(monkeypatch, capsys, arguments, found, code):
    monkeypatch.setattr(gate, "ratios", lambda cells, rounds: found)
    assert gate.main(arguments) == code
    printed = capsys.readouterr()
    assert ("SLOWER" in printed.out) == (code == 1)
    assert ("--store" in printed.err) == (code == 1)


def test_storing_replaces_what_was_stored(stored, monkeypatch):
    monkeypatch.setattr(gate, "ratios", lambda cells, rounds: {"a peer": 12.0})
    assert gate.main(["--store"]) == 0
    assert json.loads(stored.read_text()) == {"a peer": 12.0}


def test_a_ratio_is_stored_for_all_that_is_compared():
    stored = Path(gate.__file__).with_name("gate.json")
    named = {name.split(":")[0] for name in json.loads(stored.read_text(encoding="utf-8"))}
    assert named == {f"{baseline_d:.0f} d, {n} points" for baseline_d, n in gate.CELLS}
    peers = {peer.title for peer in contenders([simulate(0, 100, 30.0)], 30.0)}
    assert {name.split(": ")[1] for name in json.loads(stored.read_text(encoding="utf-8"))} == peers
    assert {*gate.SHORT_CELLS} <= {*gate.CELLS} <= {*CELLS}
