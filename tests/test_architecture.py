"""The house rules that imports must keep."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = {"broker", "features", "schemas", "training"}
MAY_IMPORT = {
    "broker": {"broker", "features", "schemas"},
    "features": {"features"},
    "schemas": {"schemas"},
    "training": {"features", "schemas", "training"},
}


def imported(source: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("package", sorted(OURS))
def test_a_package_imports_only_what_it_may(package):
    sources = sorted((ROOT / package).rglob("*.py"))
    assert sources
    for source in sources:
        assert imported(source) & OURS <= MAY_IMPORT[package], source


@pytest.mark.parametrize("package", ["broker", "features", "schemas"])
def test_the_worker_never_imports_torch(package):
    for source in (ROOT / package).rglob("*.py"):
        assert not imported(source) & {"torch", "onnx", "matplotlib"}, source


def test_help_is_answered_without_loading_the_kernels():
    code = "import sys; from broker import cli; print('numba' in sys.modules or 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "False"
