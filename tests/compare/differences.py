"""Differences of two folders of results: by field, counted, with one example each."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

IGNORED = ("ingest_time_us", "publish_time_us")
"""Fields that say when, not what."""

MISSING = "missing"
SKIPPED_FOLDERS = ("cache",)


def differences(old: Path, new: Path) -> list[str]:
    """Return a line for every field that differs between the files of two folders."""
    paths = sorted(
        {
            path.relative_to(folder)
            for folder in (old, new)
            for path in folder.rglob("*")
            if path.is_file() and not set(path.relative_to(folder).parts) & set(SKIPPED_FOLDERS)
        }
    )
    lines = []
    for path in paths:
        found: dict[str, list[tuple[object, object]]] = {}
        for field, before, after in _walk(_read(old / path), _read(new / path), ""):
            found.setdefault(field, []).append((before, after))
        lines += [
            f"{path}{field}: {len(pairs):,} differ, such as {pairs[0][0]!r:.80} -> {pairs[0][1]!r:.80}"
            for field, pairs in found.items()
        ]
    return lines


def _read(path: Path) -> object:
    """Return a file as plain values: records of tables, lines of text, the hash of anything else."""
    if not path.is_file():
        return MISSING
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    if path.suffix == ".json":
        return json.loads(path.read_text(encoding="utf-8"))
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    if path.suffix in (".md", ".html"):
        return path.read_text(encoding="utf-8").splitlines()
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _walk(old: object, new: object, field: str) -> Iterator[tuple[str, object, object]]:
    """Yield every field with two values; numbers of list items are left out of its name."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            if key not in IGNORED:
                yield from _walk(old.get(key, MISSING), new.get(key, MISSING), f"{field}.{key}")
    elif isinstance(old, list) and isinstance(new, list):
        if len(old) != len(new):
            yield f"{field}[length]", len(old), len(new)
        for before, after in zip(old, new, strict=False):
            yield from _walk(before, after, f"{field}[]")
    elif old != new:
        yield field, old, new
