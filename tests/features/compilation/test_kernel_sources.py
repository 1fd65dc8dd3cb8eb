"""What machine code is known by: the files that may be compiled into it, all of them and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

import features
from features.compilation.kernel_sources import current_source_hash, kernel_source_hash
from features.compilation.source_hash import source_hash
from tests.imports import import_graph

FILES = {
    "sky/__init__.py": "",
    "sky/constants.py": "TURN = 2.0\n",
    "sky/other.py": "",
    "sky/deep/__init__.py": "",
    "sky/deep/curve.py": "from sky.maths import helper\nfrom sky.deep.near import a\n",
    "sky/deep/near.py": "a = 1\n",
    "sky/deep/aside.py": "",
    "sky/maths/__init__.py": "",
    "sky/maths/helper.py": "import sky.constants\n",
    "sky/maths/unused.py": "",
}


@pytest.fixture
def curve(tmp_path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path / "sky" / "deep" / "curve.py"


@pytest.mark.parametrize(
    "name",
    [
        "sky/__init__.py",
        "sky/constants.py",
        "sky/deep/__init__.py",
        "sky/deep/aside.py",
        "sky/deep/curve.py",
        "sky/deep/near.py",
        "sky/maths/__init__.py",
        "sky/maths/helper.py",
    ],
)
def test_an_edit_of_what_a_kernel_may_be_made_of_is_seen(tmp_path, curve, name):
    before = current_source_hash(curve)
    (tmp_path / name).write_text(FILES[name] + "# edited\n")
    assert current_source_hash(curve) != before
    (tmp_path / name).write_text(FILES[name])
    assert current_source_hash(curve) == before, "contents count, not times"


@pytest.mark.parametrize("name", ["sky/other.py", "sky/maths/unused.py"])
def test_an_edit_of_what_it_cannot_be_made_of_is_not(tmp_path, curve, name):
    before = current_source_hash(curve)
    (tmp_path / name).write_text("# edited\n")
    assert current_source_hash(curve) == before


def test_the_same_sources_elsewhere_are_the_same(tmp_path, curve):
    before = current_source_hash(curve)
    (tmp_path / "sky").rename(tmp_path / "moved")
    (tmp_path / "place").mkdir()
    (tmp_path / "moved").rename(tmp_path / "place" / "sky")
    assert current_source_hash(tmp_path / "place" / "sky" / "deep" / "curve.py") == before


def test_a_lone_module_is_known_by_itself_and_the_features(tmp_path):
    lone = tmp_path / "lone.py"
    lone.write_text("a = 1\n")
    before = current_source_hash(lone)
    (tmp_path / "neighbour.py").write_text("a = 2\n")
    assert current_source_hash(lone) == before
    lone.write_text("a = 2\n")
    assert current_source_hash(lone) not in {before, source_hash()}


def test_all_kernels_of_the_features_are_known_by_the_whole_package():
    package = Path(features.__file__).parent
    assert {kernel_source_hash(package / name) for name in ("extract.py", "period/nufft.py")} == {
        source_hash()
    }


def test_the_hash_is_of_the_code_that_runs_not_of_a_later_edit(curve):
    before = kernel_source_hash(curve)
    curve.write_text("# edited\n")
    assert kernel_source_hash(curve) == before
    assert current_source_hash(curve) != before


def test_kernels_of_ours_are_made_of_their_own_package_and_the_features_alone():
    """What they took from a third package would not be looked at."""
    graph = import_graph()
    defining = {path for path, imported in graph.items() if "features/compilation/jit.py" in imported}
    outside = {path for path in defining if not path.startswith("features/")}
    assert {"broker/avro/interpreter.py", "training/reobserve/phase_curve.py"} <= outside
    for path in outside:
        own = path.split("/")[0]
        waiting, made_of = [path], set()
        while waiting:
            made_of.add(waiting[-1])
            waiting += [
                other for other in graph[waiting.pop()] if other.startswith(own) and other not in made_of
            ]
        imported = {other.split("/")[0] for each in made_of for other in graph[each]}
        assert imported <= {own, "features"}, path


def test_without_sources_there_is_no_hash(tmp_path):
    with pytest.raises(FileNotFoundError, match="no source"):
        kernel_source_hash(tmp_path / "packed.zip" / "features" / "extract.py")
