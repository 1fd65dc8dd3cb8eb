"""Settings files that are handed out: each loads, and the complete one has every setting and its default."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from broker.settings.config import Config
from broker.settings.load_config import load_config

ROOT = Path(__file__).resolve().parents[3]
SETTINGS = ROOT / "deploy" / "settings"
COMPLETE = SETTINGS / "worker.toml"
LINE = re.compile(r"^(?P<comment># )?(?P<name>\w+) = |^\[(?P<section>[\w.]+)\]")


def load_text(text: str, folder: Path) -> Config:
    path = folder / "settings.toml"
    path.write_text(text)
    return load_config(path, environment={})


def every_setting(section: Any, where: str = "") -> dict[str, Any]:
    """Every setting by its full name."""
    settings = {}
    for f in fields(section):
        value = getattr(section, f.name)
        settings |= (
            every_setting(value, f"{where}{f.name}.") if is_dataclass(value) else {where + f.name: value}
        )
    return settings


def lines() -> Iterator[tuple[str, bool]]:
    """Settings of the complete file: the full name, and whether the line is a comment."""
    section = ""
    for found in map(LINE.match, COMPLETE.read_text().splitlines()):
        if found and found["section"]:
            section = found["section"]
        elif found:
            yield f"{section}.{found['name']}", bool(found["comment"])


@pytest.mark.parametrize("path", sorted(SETTINGS.iterdir()), ids=lambda path: path.name)
def test_settings_that_are_handed_out_load(path):
    assert load_config(path, environment={}).kafka.topics


def test_the_complete_settings_have_every_section_and_setting_once():
    config = load_config(COMPLETE, environment={})
    named = [name for name, _ in lines()]
    assert sorted([*named, "kafka.settings"]) == sorted(every_setting(config))
    sections = re.findall(r"^\[(\w+)\]", COMPLETE.read_text(), re.MULTILINE)
    assert sorted(sections) == sorted(f.name for f in fields(Config))


@pytest.mark.parametrize("left_out", [{"path"}, {"ztf", "lsst"}], ids=["models", "one-model"])
def test_what_the_complete_settings_state_as_default_is_it_and_may_be_set(tmp_path, left_out):
    """All but the model for every survey, or all but those for one: only one of these can be set."""
    text = re.sub(rf"^# (?!({'|'.join(left_out)}) )(?=\w+ = )", "", COMPLETE.read_text(), flags=re.MULTILINE)
    stated = every_setting(load_text(text, tmp_path))
    default = every_setting(load_text('kafka.topics = ["any"]', tmp_path))
    commented = {name for name, is_comment in lines() if is_comment}
    commented -= {f"model.{name}" for name in left_out}
    assert {name: stated[name] for name in commented if default[name] is not None} == {
        name: default[name] for name in commented if default[name] is not None
    }
    assert all(stated[name] is not None for name in commented)


def test_the_settings_of_the_readme_load_and_are_those_of_the_complete_file(tmp_path):
    (block,) = re.findall(r"^```toml\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert load_text(block, tmp_path) == load_config(COMPLETE, environment={})
