"""Which code made a model."""

import os
import re
import subprocess
from importlib.metadata import version

import pytest

from schemas.model.manifest import load_manifest
from training.artifact.code_version import commit_of


def git(folder, *words):
    """What git prints in a folder, whatever the user's settings and whatever hook the tests run in."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    who = ("-c", "user.name=Test", "-c", "user.email=test@localhost")
    done = subprocess.run(
        ["git", *who, *words], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    root = tmp_path / "checkout"
    (root / "training").mkdir(parents=True)
    (root / "training" / "fit.py").write_text("rate = 0.1\n")
    (root / "README.md").write_text("Words.\n")
    git(root, "init", "--quiet")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "First")
    return root


def test_the_commit_is_the_one_that_is_checked_out(checkout):
    assert commit_of(checkout) == git(checkout, "rev-parse", "HEAD")


def test_changed_and_new_code_are_said(checkout):
    head = git(checkout, "rev-parse", "HEAD")
    (checkout / "training" / "fit.py").write_text("rate = 0.2\n")
    assert commit_of(checkout) == f"{head}+changes"
    git(checkout, "checkout", "--quiet", "--", ".")
    assert commit_of(checkout) == head
    (checkout / "training" / "other.py").write_text("")
    assert commit_of(checkout) == f"{head}+changes"


def test_other_files_make_no_other_model(checkout):
    (checkout / "README.md").write_text("Other words.\n")
    (checkout / "light_curves.npz").write_text("")
    assert commit_of(checkout) == git(checkout, "rev-parse", "HEAD")


def test_the_commit_of_another_project_is_not_taken(checkout):
    environment = checkout / ".venv" / "site-packages"
    environment.mkdir(parents=True)
    assert commit_of(environment) is None


def test_the_repository_of_a_hook_is_not_taken(checkout, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(checkout / ".git"))
    (tmp_path / "installed").mkdir()
    assert commit_of(tmp_path / "installed") is None


def test_where_there_is_no_checkout_or_no_git_there_is_no_commit(checkout, tmp_path, monkeypatch):
    (tmp_path / "installed").mkdir()
    assert commit_of(tmp_path / "installed") is None
    monkeypatch.setenv("PATH", "")
    assert commit_of(checkout) is None


def test_a_new_model_and_what_is_written_about_it_say_which_code_made_it(transferred):
    training = load_manifest(transferred).training
    assert training["varstream_version"] == version("varstream")
    made_by = f"varstream {version('varstream')}"
    if "commit" in training:
        assert re.fullmatch(r"[0-9a-f]{40}(\+changes)?", training["commit"])
        made_by += f", commit `{training['commit']}`"
    card = (transferred / "README.md").read_text(encoding="utf-8")
    assert f"```\n\nMade by {made_by}.\n" in card
    page = (transferred / "report.html").read_text(encoding="utf-8")
    assert re.sub("`(.*)`", r"<code>\1</code>", f"</code>, {made_by}.</p>") in page
