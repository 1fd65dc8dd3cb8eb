"""Commands that make a model, and what is said of those that cannot."""

from __future__ import annotations

import json
from pathlib import Path

from training.cli.main import main


def making(command: str, light_curves: Path, output: Path) -> list[str]:
    """Arguments that train or transfer in one process, with the cache beside the output."""
    cache = output.parent / "cache"
    return (
        f"{command} --light-curves {light_curves} --label kind --output {output} --workers 1 --cache {cache}"
    ).split()


def class_map(folder: Path, **classes: str) -> Path:
    """Write classes by their labels in that folder."""
    path = folder / "map.json"
    path.write_text(json.dumps(classes))
    return path


def fails(arguments: list[str], capsys, code: int) -> str:
    assert main(arguments) == code
    output = capsys.readouterr().err
    assert "Traceback" not in output
    error = output.strip().splitlines()[-1]  # above it there may be a progress bar
    assert error.startswith("varstream-train: ")
    return error
