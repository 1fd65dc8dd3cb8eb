"""Long work in pieces: in order, kept, spread over threads."""

import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from training.errors import SettingsError
from training.examples.cached_pool import TASKS_AHEAD, compute_chunks


def square(task: tuple[int, Path]) -> dict[str, np.ndarray]:
    """Square a number, and leave a file each time it is done."""
    number, folder = task
    (folder / f"{number}-{len(list(folder.glob(f'{number}-*')))}").touch()
    return {"square": np.array([number**2]), "thread": np.array([threading.get_ident()])}


def broken(task: tuple[int, Path]) -> dict[str, np.ndarray]:
    """Square a number, but fail at the third."""
    if task[0] == 2:
        raise ZeroDivisionError("the third")
    return square(task)


ENDLESS = """
import sys, time
from pathlib import Path
import numpy as np
from training.examples.cached_pool import compute_chunks

def work(number):
    time.sleep(0.1)
    return {"number": np.array(number)}

tasks = ((number, f"{number}.npz") for number in range(100_000))
for made in compute_chunks(work, tasks, cache_folder=Path(sys.argv[1]), workers=2):
    print(made["number"], flush=True)
"""


@pytest.fixture
def done(tmp_path) -> Path:
    """A folder with a file for everything that was done."""
    folder = tmp_path / "done"
    folder.mkdir()
    return folder


def tasks(done: Path, n: int = 6) -> list[tuple[tuple[int, Path], str]]:
    return [((number, done), f"square-{number}.npz") for number in range(n)]


def squares(done: Path, cache: Path | None, workers: int = 1, n: int = 6) -> list[int]:
    made = compute_chunks(square, tasks(done, n), cache_folder=cache, workers=workers)
    return [int(each["square"][0]) for each in made]


def test_results_come_in_the_order_of_the_tasks_and_are_not_computed_again(done, tmp_path):
    cache = tmp_path / "not" / "there" / "yet"
    for _ in range(2):
        assert squares(done, cache) == [0, 1, 4, 9, 16, 25]
    assert sorted(file.name for file in done.iterdir()) == [f"{number}-0" for number in range(6)]
    assert sorted(file.name for file in cache.iterdir()) == [f"square-{number}.npz" for number in range(6)]
    with np.load(cache / "square-3.npz") as kept:
        assert kept["square"].tolist() == [9]


def test_without_a_cache_everything_is_computed_each_time(done):
    for _ in range(2):
        assert squares(done, None, n=2) == [0, 1]
    assert len(list(done.iterdir())) == 4


def test_nothing_is_computed_before_it_is_asked_for(done, tmp_path):
    made = compute_chunks(square, tasks(done), cache_folder=tmp_path / "cache", workers=1)
    next(made)
    next(made)
    assert len(list(done.iterdir())) == 2


def test_threads_give_the_same_in_the_same_order(done, tmp_path):
    made = list(compute_chunks(square, tasks(done), cache_folder=tmp_path / "cache", workers=2))
    assert [int(each["square"][0]) for each in made] == [0, 1, 4, 9, 16, 25]
    assert threading.get_ident() not in {int(each["thread"][0]) for each in made}
    assert squares(done, tmp_path / "cache") == [0, 1, 4, 9, 16, 25]
    assert len(list(done.iterdir())) == 6  # what other threads have kept is reused here


def test_threads_that_make_the_same_do_not_disturb_each_other(tmp_path):
    together = threading.Barrier(4)

    def work(size):
        together.wait()
        return {"zeros": np.zeros(size)}

    for size in range(1_000_000, 1_000_003):
        tasks = [(size, f"{size}.npz")] * 4
        made = list(compute_chunks(work, tasks, cache_folder=tmp_path, workers=4))
        assert [len(each["zeros"]) for each in made] == [size] * 4
        with np.load(tmp_path / f"{size}.npz") as kept:
            assert not kept["zeros"].any()
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize(
    "damage", [b"", b"PK\x03\x04 cut short", b"not an archive"], ids=["empty", "cut", "foreign"]
)
def test_a_damaged_file_is_computed_and_written_again(done, tmp_path, damage):
    cache = tmp_path / "cache"
    squares(done, cache)
    (cache / "square-4.npz").write_bytes(damage)
    for _ in range(2):
        assert squares(done, cache) == [0, 1, 4, 9, 16, 25]
    twice = [file.name for file in done.iterdir() if file.name.endswith("-1")]
    assert twice == ["4-1"]


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_task_raises_is_raised_in_its_turn_and_what_was_finished_is_kept(done, tmp_path, workers):
    made = compute_chunks(broken, tasks(done, 100), cache_folder=tmp_path / "cache", workers=workers)
    assert [int(next(made)["square"][0]) for _ in range(2)] == [0, 1]
    with pytest.raises(ZeroDivisionError, match="the third"):
        next(made)
    kept = {file.name for file in (tmp_path / "cache").iterdir()}
    assert {"square-0.npz", "square-1.npz"} <= kept
    assert len(kept) < 2 + 2 * (TASKS_AHEAD + 1)  # nobody waits for the others


def test_an_interrupt_ends_it_and_what_was_in_work_is_kept(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", ENDLESS, str(tmp_path / "cache")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[3],
    )
    assert process.stdout.readline() == "0\n"
    process.send_signal(signal.SIGINT)
    said, complained = process.communicate(timeout=60)
    assert complained.rstrip().endswith("KeyboardInterrupt")
    assert len(said.splitlines()) < 100
    kept = {file.name for file in (tmp_path / "cache").iterdir()}
    assert {f"{number}.npz" for number in ("0", *said.split())} <= kept
    assert not [name for name in kept if not name.endswith(".npz")]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_cache_that_cannot_be_written_is_named(done, tmp_path, workers):
    cache = tmp_path / "file"
    cache.write_text("no folder")
    with pytest.raises(SettingsError, match=re.escape(f"cannot write to the cache {cache}: ")) as told:
        squares(done, cache, workers, n=2)
    assert told.value.exit_code == 2


@pytest.mark.parametrize("workers", [1, 2])
def test_tasks_are_made_as_their_turn_comes(done, workers):
    """What waits for its turn holds its data twice: no more of it than a few tasks a thread."""
    made = []

    def making():
        for task in tasks(done, 40):
            made.append(task)
            yield task

    results = compute_chunks(square, making(), cache_folder=None, workers=workers)
    assert made == []
    for number, result in enumerate(results):
        assert result["square"][0] == number**2
        assert len(made) <= number + 1 + workers * (TASKS_AHEAD + 1)
    assert len(made) == 40
