"""The comparison of a commit with this checkout: ``python -m tests.compare COMMIT``.

The commit is checked out under ``.cache/compare`` and installed there; the commands of
`tests.compare.commands` run in both versions, and every field that differs is printed. The exit code is 1
where one does.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from tests.compare.commands import COMMANDS, Command
from tests.compare.differences import differences
from tests.conftest import data_folder

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "compare"


def main() -> int:
    """Compare, and say what differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.compare", description=__doc__)
    parser.add_argument("commit", help="to compare this checkout with")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="commands whose name begins so")
    arguments = parser.parse_args()
    data = data_folder()
    if not data.is_dir():
        parser.error(f"real data not found in {data}; set VARSTREAM_TEST_DATA to use them")
    sha = _git("rev-parse", "--verify", f"{arguments.commit}^{{commit}}")
    chosen = [each for each in COMMANDS if each.name.startswith(tuple(arguments.only or ("",)))]
    before = _installed(sha)
    n_different = 0
    for command in chosen:
        print(f"\n{command.name}: {' '.join(map(str, command.words))}", flush=True)
        old, new = (_run(command, root, name, data) for root, name in ((before, "before"), (ROOT, "after")))
        found = differences(old, new)
        print("\n".join(f"  {line}" for line in found) or "  the same", flush=True)
        n_different += len(found)
    print(f"\n{len(chosen)} commands, {n_different} fields differ from {sha[:12]}")
    return 1 if n_different else 0


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _installed(sha: str) -> Path:
    """Return a checkout of the commit with an environment of its own, made where it is not there yet."""
    root = CACHE / sha[:12]
    ready = root / ".venv" / "ready"
    if not ready.exists():
        if not root.exists():
            _git("worktree", "add", "--detach", str(root), sha)
        print(f"installing {sha[:12]} in {root} ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", root / ".venv"], check=True)
        pip = [root / ".venv" / "bin" / "python", "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "--editable", f"{root}[training]"], check=True)
        ready.touch()
    return root


def _run(command: Command, root: Path, version: str, data: Path) -> Path:
    """Run a command of the version in `root` and return the folder that it wrote its files to."""
    folder = CACHE / "written" / version / command.name
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    program, *words = command.words
    filled = [str(word).format(data=data, models=ROOT / "deploy" / "models") for word in words]
    done = subprocess.run(
        [root / ".venv" / "bin" / program, *filled], cwd=folder, capture_output=True, text=True, check=False
    )
    (folder / "exit.json").write_text(f'{{"exit_code": {done.returncode}}}')
    if done.returncode:
        print(f"  {version}: exit code {done.returncode}: {done.stderr.strip()[-300:]}")
    return folder


if __name__ == "__main__":
    sys.exit(main())
