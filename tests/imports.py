"""The imports between our own modules, read from their sources."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("broker", "features", "schemas", "training")

Graph = Mapping[str, set[str]]
"""Path of a module from the root -> paths of those that it imports; a package is its ``__init__.py``."""


def modules(root: Path = ROOT) -> list[str]:
    """Paths of all modules of the packages, from the root."""
    return [
        path.relative_to(root).as_posix()
        for package in PACKAGES
        for path in sorted((root / package).rglob("*.py"))
    ]


def imported_names(source: Path) -> Iterator[str]:
    """Dotted names that a module asks for, wherever in it: at its top, in a function, for its types alone.

    ``from a import b`` asks for ``a`` and for ``a.b``, which may be a module or not.
    """
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{source} line {node.lineno}: imports are absolute"
            assert node.module
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def import_graph(root: Path = ROOT) -> Graph:
    """Who imports whom."""
    paths = modules(root)
    by_name = {path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in paths}
    return {
        path: {by_name[name] for name in imported_names(root / path) if name in by_name} for path in paths
    }


def folder_graphs(graph: Graph) -> dict[str, Graph]:
    """For every folder that has folders in it, which of these import from which.

    All that is somewhere below a folder counts as the folder's. Two folders of which neither contains the
    other lie below two folders of one parent, so that a circle of any folders is one of the parent's.
    """
    result: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for importing, imported in graph.items():
        for other in imported:
            mine, others = PurePosixPath(importing).parent.parts, PurePosixPath(other).parent.parts
            pairs = zip(mine, others, strict=False)
            depth = next((i for i, (a, b) in enumerate(pairs) if a != b), None)
            if depth is not None:
                result["/".join(mine[:depth])]["/".join(mine[: depth + 1])].add("/".join(others[: depth + 1]))
    return dict(result)


def circle(graph: Graph) -> list[str]:
    """Names along one circle, its first name again at the end; empty where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as exc:
        found: list[str] = exc.args[1]
        return found[::-1]  # as it gives them each is imported by the next
    return []
