"""The pages that show code: it runs, from top to bottom, and does what they say."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run_page(page: Path) -> dict[str, Any]:
    """Run the Python of a page and return its names; an error has the line of the page."""
    text = page.read_text(encoding="utf-8")
    names: dict[str, Any] = {"__name__": "page"}
    for block in BLOCK.finditer(text):
        above = text.count("\n", 0, block.start(1))
        exec(compile("\n" * above + block[1], page, "exec"), names)
    return names


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> dict[str, Any]:
    """Names of ``docs/library.md``, run in a folder that has only the shipped models."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "deploy").symlink_to(ROOT / "deploy")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return {**run_page(ROOT / "docs" / "library.md"), "folder": folder}


def test_the_stars_of_the_library_page_get_the_labels_it_states(library):
    answers = library["answers"]
    assert answers.label.dropna().to_dict() == {"A": "RRL_ab", "B": "LPV"}
    assert answers.loc["C"].filter(like="p_").astype(float).idxmax() == "p_NonVar"
    assert answers.loc["C", "withheld"] == "ABSTAINED"


def test_the_columns_that_the_library_page_explains_are_those_of_the_answers(library):
    page = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE))
    assert {name for name in library["answers"].columns if not name.startswith("p_")} == explained - {
        "p_RRL_ab"
    }
    assert "p_RRL_ab" in explained & set(library["answers"].columns)


def test_transfer_is_worth_it_on_the_library_page(library):
    right = library["right"]
    assert right(library["target"]) > right(library["scratch"])
    assert library["target"].manifest.training["unlabelled"] == 195


def test_the_library_page_saves_a_model_of_its_classes(library):
    assert library["again"].classes == ("eclipsing", "round", "steep")
    assert sorted(path.name for path in (library["folder"] / "my-model").iterdir()) == [
        "README.md",
        "background.npz",
        "manifest.json",
        "model.onnx",
    ]


@pytest.fixture
def pages() -> list[Path]:
    found = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    assert len(found) > 10
    return found


def test_links_of_the_pages_lead_to_files(pages):
    for page in pages:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
            assert "://" in target or (page.parent / target).exists(), f"{page.name}: {target}"


def test_modules_that_the_pages_name_exist(pages):
    for page in pages:
        for path in re.findall(r"`([a-z]\w*/[\w/]+\.\w+)`", page.read_text(encoding="utf-8")):
            assert "NAME" in path or (ROOT / path).exists(), f"{page.name}: {path}"


def test_every_decision_is_listed():
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(
        r"^\| \[[^]]+\]\(([\w-]+\.md)\) \| \S", (folder / "README.md").read_text("utf-8"), re.MULTILINE
    )
    assert sorted([*listed, "README.md"]) == sorted(page.name for page in folder.glob("*.md"))


def test_package_citation_and_changelog_are_of_one_version():
    patterns = {
        "pyproject.toml": r'^version = "(.+)"$',
        "CITATION.cff": r"^version: (.+)$",
        "CHANGELOG.md": r"^## \[(\d.*)\]",  # the first below Unreleased
    }
    found = {
        name: re.search(pattern, (ROOT / name).read_text("utf-8"), re.MULTILINE)
        for name, pattern in patterns.items()
    }
    assert len({match and match[1] for match in found.values()}) == 1, found


def test_make_alone_lists_what_there_is_to_run():
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is not installed")
    done = subprocess.run([make], capture_output=True, text=True, check=True, cwd=ROOT)
    listed = re.findall(r"^  make (\S+) +\S", done.stdout, re.MULTILINE)
    (phony,) = re.findall(r"^\.PHONY: help (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(phony.split())
