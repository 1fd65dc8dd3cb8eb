"""The wheel, built and installed in an empty environment: what a user of a package index gets."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.packaging, pytest.mark.timeout(900)]
ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {"broker", "features", "schemas", "training"}


def run(*command, cwd):
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT, cwd=folder)
    (built,) = folder.glob("varstream-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Folder of the programs of an environment that holds the wheel and what it requires."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", wheel, cwd=folder)
    return folder / "bin"


def test_the_wheel_holds_the_packages_and_nothing_else_at_its_top(wheel):
    with zipfile.ZipFile(wheel) as archive:
        tops = {Path(name).parts[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == PACKAGES


def test_type_checkers_of_users_see_the_types(wheel):
    with zipfile.ZipFile(wheel) as archive:
        assert {f"{top}/py.typed" for top in PACKAGES} <= {*archive.namelist()}


def test_the_wheel_carries_the_models_and_the_schemas(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    for name in ("varstream-ztf", "varstream-lsst", "varstream-source"):
        assert {f"broker/models/{name}/3.0.0/{file}" for file in ("model.onnx", "manifest.json")} <= {*names}
    assert "schemas/classification/1/classification.avsc" in names
    assert "schemas/simulator/1100.avsc" in names


def test_the_wheel_carries_the_templates_of_pages_and_cards(wheel):
    templates = {path.relative_to(ROOT).as_posix() for path in (ROOT / "training").rglob("*.jinja")}
    assert "training/report/templates/model_card.md.jinja" in templates
    with zipfile.ZipFile(wheel) as archive:
        assert templates <= set(archive.namelist())


def test_the_models_of_the_wheel_are_found_by_name_from_anywhere(installed, tmp_path):
    find = "from schemas.model.shipped import find_model, shipped_models; print(*shipped_models());"
    find += " print(find_model('varstream-lsst'))"
    names, folder = run(installed / "python", "-I", "-c", find, cwd=tmp_path).splitlines()
    assert names.split() == ["varstream-lsst", "varstream-source", "varstream-ztf"]
    assert Path(folder).is_relative_to(installed.parent)
    assert folder.endswith("broker/models/varstream-lsst/3.0.0")


def test_the_demo_runs_from_anywhere_without_the_training_framework(installed, tmp_path):
    missing = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is not None)"
    run(installed / "python", "-c", missing, cwd=tmp_path)
    shown = run(installed / "varstream", "demo", "--seconds", "10", cwd=tmp_path)
    assert "how often the class was right" in shown
    assert " alerts in = " in shown


def test_the_offline_command_says_how_to_get_what_it_lacks(installed, tmp_path):
    command = [str(installed / "varstream-train"), "train", "--light-curves", "x.npz", "--output", "y"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'varstream[training]'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
