"""Results on disk, and what they are known by."""

import errno
import importlib.metadata
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from training import result_cache
from training.errors import SettingsError
from training.result_cache import cached, code_hash, hash_of, name_of, what_it_does


def test_results_are_computed_once_and_a_damaged_one_again(tmp_path):
    calls = []

    def compute():
        calls.append(1)
        return {"x": np.arange(3.0)}

    def get(a: int) -> list[float]:
        return cached(tmp_path, "thing", {"a": a}, compute, code="training.errors")["x"].tolist()

    for _ in range(2):
        assert get(1) == [0.0, 1.0, 2.0]
    assert len(calls) == 1
    next(tmp_path.glob("thing-*.npz")).write_bytes(b"PK\x03\x04 cut short")
    assert get(1) == get(1) == get(2) == [0.0, 1.0, 2.0]
    assert len(calls) == 3


def test_arrays_are_known_by_their_numbers_their_shape_and_their_kind():
    x = np.arange(6.0)
    assert hash_of(x) == hash_of(x.copy())
    others = [x + 1.0, x.reshape(2, 3), x.astype(np.float32), x[:5]]
    assert len({hash_of(each) for each in [x, *others]}) == 5
    assert hash_of(x, x) != hash_of(x)


@pytest.fixture
def house(tmp_path, monkeypatch) -> Path:
    """A package whose module `top` imports `helper`, inside a function, and that nothing else of it."""
    folder = tmp_path / "made_up_house"
    (folder / "deep").mkdir(parents=True)
    for name in ("__init__", "other", "deep/__init__"):
        (folder / f"{name}.py").write_text("")
    (folder / "top.py").write_text(
        "import numpy as np\n\ndef work():\n    from made_up_house.deep import helper\n    return helper.x\n"
    )
    (folder / "deep" / "helper.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(result_cache, "OUR_PACKAGES", frozenset({"made_up_house"}))
    yield folder
    for name in [name for name in sys.modules if name.startswith("made_up_house")]:
        del sys.modules[name]


def key() -> str:
    code_hash.cache_clear()
    return name_of("thing", {}, code="made_up_house.top")


def test_a_result_is_another_when_code_it_depends_on_is_edited(house):
    before = key()
    (house / "other.py").write_text("y = 1\n")  # nobody imports it
    (house / "deep" / "helper.py").write_text('"""A word."""\n\nx = 1  # and a comment\n')
    assert key() == before
    (house / "deep" / "helper.py").write_text("x = 2\n")
    edited = key()
    assert edited != before
    (house / "top.py").write_text((house / "top.py").read_text().replace("helper.x", "2 * helper.x"))
    assert key() not in (before, edited)


def test_a_result_is_another_when_a_package_it_depends_on_is_of_another_version(house, monkeypatch):
    before = key()
    real = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0" if name == "scipy" else real(name))
    assert key() == before
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0" if name == "numpy" else real(name))
    assert key() != before


def test_code_edited_while_it_runs_keeps_no_result(house, tmp_path, monkeypatch):
    monkeypatch.setattr(result_cache, "_CHANGED_BEFORE_START", result_cache._sources_changed())
    key()
    helper = house / "deep" / "helper.py"
    changed = helper.stat().st_mtime_ns
    helper.write_text("x = 2\n")
    os.utime(helper, ns=(changed, changed + 1))
    code_hash.cache_clear()
    with pytest.raises(SettingsError, match=r"deep/helper\.py was edited while this ran.* start again"):
        cached(tmp_path, "thing", {}, pytest.fail, code="made_up_house.top")


def test_what_went_wrong_is_said_though_the_system_has_no_words_for_it(tmp_path, monkeypatch):
    """NumPy raises an error without a number where a disk takes a part only."""

    def short(*_, **__):
        raise OSError("24 requested and 8 written")

    monkeypatch.setattr(np, "savez", short)
    with pytest.raises(SettingsError, match=f"cannot write to the cache {tmp_path}: 24 requested and 8"):
        cached(tmp_path, "thing", {}, lambda: {"x": np.arange(3)}, code="training.errors")


def test_a_cache_without_room_is_named_and_nothing_half_written_stays(tmp_path, monkeypatch):
    def no_room(file, **arrays):
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", no_room)
    with pytest.raises(SettingsError, match=r"cannot write to the cache .*: No space left .* --cache"):
        cached(tmp_path, "thing", {}, lambda: {"x": np.arange(3)}, code="training.errors")
    assert not list(tmp_path.iterdir())


def test_networks_are_known_by_the_optimiser_and_features_are_not():
    reached = result_cache._reached
    assert {
        "training.network.one_cycle",
        "training.network.loss",
        "training.crossfit.crossfit",
        "features.period.search",
    } <= reached("training.reproduce.ours.models")
    assert "training.network.paper_sgd" in reached("training.reproduce.cell")
    of_features = reached("training.examples.measure_examples")
    assert {"features.extract", "features.period.search", "training.examples.augment"} <= of_features
    assert not {name for name in of_features if name.startswith("training.network")}


CODE = '''"""A module."""
class Kind:
    FIRST = 6
    """What it is."""

def double(x):
    """Twice x."""
    return 2 * x  # as it says
'''


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("A module.", "Another word.", True),
        ("What it is.", "What else it is.", True),
        ('    """Twice x."""\n', "", True),
        ("  # as it says", "", True),
        ("(x):", "(\n    x\n):", True),
        ("2 * x", "3 * x", False),
        ("FIRST = 6", "FIRST = 7", False),
        ("return 2 * x", "return 'Twice x.'", False),
    ],
)
def test_code_is_known_by_what_it_does(old, new, same):
    assert old in CODE
    assert (what_it_does(CODE) == what_it_does(CODE.replace(old, new))) == same
