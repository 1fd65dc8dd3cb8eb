"""The house rules: which way imports go, how large a room may be, and that the plans show the house."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path, PurePosixPath

import pytest

from tests.imports import PACKAGES, ROOT, circle, folder_graphs, import_graph, imported_names, modules

MAY_IMPORT = {
    "broker": {"broker", "features", "schemas"},
    "features": {"features"},
    "schemas": {"schemas"},
    "training": {"features", "schemas", "training"},
}
MAX_MODULES = 12  # of a folder, its __init__.py apart
MAX_LINES = 300  # of a module


def packages_asked_for(source: Path) -> set[str]:
    return {name.split(".")[0] for name in imported_names(source)}


def diagrams() -> list[list[tuple[int, str]]]:
    """Return the diagrams of the architecture page, each a list of (depth, path of a module)."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```text\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    lines = [[re.fullmatch(r"((?:  )*)(\w\S*\.py)  +\S.*", line) for line in b.splitlines()] for b in blocks]
    assert all(match for diagram in lines for match in diagram), "a line is no module with a few words"
    return [[(len(match[1]) // 2, match[2]) for match in diagram if match] for diagram in lines]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_it_may(package):
    sources = sorted((ROOT / package).rglob("*.py"))
    assert sources
    for source in sources:
        assert packages_asked_for(source) & {*PACKAGES} <= MAY_IMPORT[package], source


@pytest.mark.parametrize("package", ["broker", "features", "schemas"])
def test_the_worker_never_imports_torch(package):
    for source in (ROOT / package).rglob("*.py"):
        assert not packages_asked_for(source) & {"torch", "onnx", "matplotlib"}, source


def test_one_module_alone_imports_the_library_that_would_report_its_use():
    """Who imports it in another way has not told it to be silent."""
    asking = [path for path in modules() if "onnxruntime" in packages_asked_for(ROOT / path)]
    assert asking == ["schemas/model/onnx_session.py"]


def test_help_is_answered_without_loading_the_kernels():
    code = "import sys, broker.cli.main; print({'numba', 'onnxruntime', 'torch'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "set()"


def test_no_module_imports_itself_by_way_of_others():
    found = circle(import_graph())
    assert not found, " imports ".join(found)


def test_no_folder_imports_itself_by_way_of_others():
    found = {parent: circle(graph) for parent, graph in folder_graphs(import_graph()).items()}
    assert found.keys() >= {"", "broker", "training"}
    assert not any(found.values()), [" imports ".join(names) for names in found.values() if names]


def test_a_folder_can_be_seen_at_a_glance():
    counts = Counter(
        str(PurePosixPath(path).parent) for path in modules() if not path.endswith("/__init__.py")
    )
    assert {folder: n for folder, n in counts.items() if n > MAX_MODULES} == {}


def test_a_module_is_one_idea():
    lines = {path: len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in modules()}
    assert {path: n for path, n in lines.items() if n > MAX_LINES} == {}


def test_a_folder_says_what_lives_there_and_what_may_not():
    folders = {(ROOT / path).parent for path in modules()}
    for folder in sorted(folders):
        docstring = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or ""
        _, *further = re.split(r"(?<=\.)\s+", docstring)
        assert re.search(r"\b(?:No|Nothing|never|not|nothing)\b", " ".join(further)), folder


def test_the_readme_says_what_is_in_every_folder():
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=False, cwd=ROOT)
    if tracked.returncode:
        pytest.skip("not a checkout of the repository")
    folders = {path.split("/")[0] for path in tracked.stdout.splitlines() if "/" in path}
    rows = re.findall(
        r"^\| \[(\w+)\]\(\1\) \| \S", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(rows) == sorted(folder for folder in folders if not folder.startswith("."))


def test_the_diagrams_name_modules_that_exist():
    named = {path for diagram in diagrams() for _, path in diagram}
    assert sorted(named - {*modules()}) == []


def test_in_the_diagrams_a_module_is_imported_by_the_one_that_it_is_nested_under():
    graph = import_graph()
    assert [diagram[0] for diagram in diagrams()] == [
        (0, "broker/cli/commands.py"),
        (0, "training/cli/commands.py"),
    ]
    for diagram in diagrams():
        above: list[str] = []
        for depth, path in diagram:
            assert depth <= len(above), f"{path} is nested too deep"
            del above[depth:]
            assert not above or path in graph.get(above[-1], ()), f"{above[-1]} does not import {path}"
            above.append(path)
