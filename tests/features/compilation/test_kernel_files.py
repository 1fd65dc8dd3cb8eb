"""Kept machine code: found whole or not at all, wherever it is, and never taken from a stranger."""

from __future__ import annotations

import errno
import logging
import os
import random
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.compilation import kernel_files
from features.compilation.kernel_files import MAX_VERSIONS, KernelFile, find, keep, places

NOWHERE = Path("/proc/no/place")  # where not even root can make a folder
FILE = KernelFile(
    "stars_0123456789abcdef", "fold.turn-12-fedcba9876543210.nbc", b"sources, versions, processor"
)
CODE = bytes(range(256)) * 20


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch):
    monkeypatch.setattr(kernel_files, "_said", set())


def version(number):
    return KernelFile(f"stars_{number:016x}", FILE.name, FILE.key)


def path_of(place, file=FILE):
    return place / file.folder / file.name


def test_what_was_kept_is_found(tmp_path):
    assert find(FILE, [tmp_path]) is None
    assert keep(FILE, CODE, [tmp_path / "new"]) == tmp_path / "new"
    assert find(FILE, [NOWHERE, tmp_path, tmp_path / "new"]) == (CODE, tmp_path / "new")


def test_it_is_kept_in_the_first_place_that_takes_it_and_found_in_any(tmp_path, caplog):
    assert keep(FILE, CODE, [NOWHERE, tmp_path / "a", tmp_path / "b"]) == tmp_path / "a"
    assert not (tmp_path / "b").exists()
    keep(FILE, b"older", [tmp_path / "b"])
    assert find(FILE, [tmp_path / "a", tmp_path / "b"]) == (CODE, tmp_path / "a")
    path_of(tmp_path / "a").write_bytes(b"")
    assert find(FILE, [tmp_path / "a", tmp_path / "b"]) == (b"older", tmp_path / "b")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "damaged" in caplog.text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_no_damage_goes_unseen(tmp_path, data):
    keep(FILE, CODE, [tmp_path])
    path = path_of(tmp_path)
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    noise = random.Random(at).randbytes(at)
    hurt = data.draw(
        st.sampled_from(
            [whole[:at], whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :], whole + b"\0", noise]
        )
    )
    path.write_bytes(hurt)
    assert find(FILE, [tmp_path]) is None
    keep(FILE, CODE, [tmp_path])
    assert path.read_bytes() == whole


def test_a_file_under_the_name_of_another_is_not_taken_for_it(tmp_path):
    keep(FILE, CODE, [tmp_path])
    assert find(KernelFile(FILE.folder, FILE.name, b"another processor"), [tmp_path]) is None


def test_a_folder_in_the_place_of_a_file_is_passed_over(tmp_path, caplog):
    path_of(tmp_path).mkdir(parents=True)
    assert find(FILE, [tmp_path]) is None
    assert keep(FILE, CODE, [tmp_path]) is None
    assert "Traceback" not in caplog.text


@pytest.mark.timeout(60)
@pytest.mark.parametrize("put_there", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_a_pipe_or_a_device_in_the_place_of_a_file_is_not_read(tmp_path, caplog, put_there):
    path = path_of(tmp_path)
    path.parent.mkdir(parents=True)
    put_there(path)
    assert find(FILE, [tmp_path]) is None
    assert len(caplog.records) == 1
    assert keep(FILE, b"code", [tmp_path]) == tmp_path
    assert find(FILE, [tmp_path]) == (b"code", tmp_path)


def test_a_full_disk_costs_one_warning_and_leaves_nothing_behind(tmp_path, monkeypatch, caplog):
    real = os.open

    def on_a_full_disk(path, flags, mode):
        os.close(real(path, flags, mode))
        return real("/dev/full", os.O_WRONLY)

    monkeypatch.setattr(kernel_files.os, "open", on_a_full_disk)
    for number in range(3):
        assert keep(version(number), CODE, [tmp_path]) is None
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert os.strerror(errno.ENOSPC) in caplog.text
    assert str(tmp_path) in caplog.text
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.ENOENT, errno.EIO]
)
@pytest.mark.parametrize("step", ["mkdir", "open", "replace"])
def test_whatever_the_disk_says_the_next_place_is_tried(tmp_path, monkeypatch, number, step):
    owner = kernel_files.os if step == "open" else Path
    real = getattr(owner, step)

    def fails(path, *arguments, **named):
        if Path(path).is_relative_to(tmp_path / "a"):
            raise OSError(number, os.strerror(number), str(path))
        return real(path, *arguments, **named)

    monkeypatch.setattr(owner, step, fails)
    assert keep(FILE, CODE, [tmp_path / "a", tmp_path / "b"]) == tmp_path / "b"
    assert find(FILE, [tmp_path / "a", tmp_path / "b"]) == (CODE, tmp_path / "b")
    assert not [path for path in (tmp_path / "a").rglob("*") if path.is_file()]


def test_a_folder_that_vanished_is_made_again(tmp_path):
    keep(FILE, CODE, [tmp_path])
    path_of(tmp_path).unlink()
    path_of(tmp_path).parent.rmdir()
    assert find(FILE, [tmp_path]) is None
    assert keep(FILE, CODE, [tmp_path]) == tmp_path


@pytest.mark.parametrize("what", ["folder", "file"])
def test_what_everybody_can_write_to_is_not_run(tmp_path, caplog, what):
    keep(FILE, CODE, [tmp_path])
    path = path_of(tmp_path) if what == "file" else path_of(tmp_path).parent
    path.chmod(path.stat().st_mode | 0o002)
    assert find(FILE, [tmp_path]) is None
    assert f"everybody can write to {path}" in caplog.text
    path.chmod(path.stat().st_mode & ~0o002 | 0o020)  # a group was chosen by the owner
    assert find(FILE, [tmp_path]) == (CODE, tmp_path)


def test_nothing_is_kept_where_everybody_could_change_it(tmp_path, caplog):
    path_of(tmp_path).parent.mkdir()
    path_of(tmp_path).parent.chmod(0o777)
    assert keep(FILE, CODE, [tmp_path]) is None
    assert "chmod o-w" in caplog.text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("what", ["folder", "file"])
def test_what_another_user_owns_is_not_run(tmp_path, caplog, what):
    keep(FILE, CODE, [tmp_path])
    path = path_of(tmp_path) if what == "file" else path_of(tmp_path).parent
    os.chown(path, 54321, -1)
    assert find(FILE, [tmp_path]) is None
    assert "belongs to another user, 54321" in caplog.text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_whoever_owns_the_package_is_trusted_with_its_machine_code(tmp_path, monkeypatch):
    """An image may be built by one user and run by another."""
    package = tmp_path / "features"
    package.mkdir()
    keep(FILE, CODE, [tmp_path])
    for path in (package, path_of(tmp_path), path_of(tmp_path).parent):
        os.chown(path, 54321, -1)
    monkeypatch.setattr(kernel_files, "PACKAGE", package)
    assert find(FILE, [tmp_path]) == (CODE, tmp_path)


def test_a_kept_file_is_for_others_to_read_and_not_to_write(tmp_path):
    before = os.umask(0)
    try:
        keep(FILE, CODE, [tmp_path])
    finally:
        os.umask(before)
    assert path_of(tmp_path).stat().st_mode & 0o777 == 0o644
    assert path_of(tmp_path).parent.stat().st_mode & 0o777 == 0o755


def used(folder, hours_ago):
    then = folder.stat().st_mtime - 3600.0 * hours_ago
    os.utime(folder, (then, then))


def test_versions_do_not_pile_up_and_the_latest_used_stay(tmp_path):
    for number in range(MAX_VERSIONS):
        keep(version(number), CODE, [tmp_path])
        used(tmp_path / version(number).folder, hours_ago=2 * (MAX_VERSIONS - number))
    for number in (100, 101, 102):
        find(version(0), [tmp_path])  # the oldest is in use
        keep(version(number), CODE, [tmp_path])
    expected = [0, *range(4, MAX_VERSIONS), 100, 101, 102]
    assert {path.name for path in tmp_path.iterdir()} == {version(number).folder for number in expected}


def test_two_checkouts_that_share_a_cache_do_not_drive_each_other_out(tmp_path):
    for number in (1, 2):
        keep(version(number), CODE, [tmp_path])
    for _ in range(3):
        for number in (1, 2):
            assert find(version(number), [tmp_path]) is not None
            keep(version(number), CODE, [tmp_path])


def test_only_machine_code_is_removed(tmp_path):
    others = [
        tmp_path / "stars_of_mine",
        tmp_path / "stars_0123456789abcdef0",
        tmp_path / "planets_0000000000000001",
    ]
    for folder in others:
        folder.mkdir()
        (folder / "a.nbc").touch()
    mine = tmp_path / version(1).folder
    mine.mkdir()
    (mine / "notes.txt").write_text("not machine code")
    for path in [*others, mine]:
        used(path, hours_ago=1000)
    for number in range(2, MAX_VERSIONS + 5):
        keep(version(number), CODE, [tmp_path])
    assert all((folder / "a.nbc").exists() for folder in others)
    assert (mine / "notes.txt").exists()


def test_what_a_killed_process_left_unfinished_is_removed_in_time(tmp_path):
    keep(FILE, CODE, [tmp_path])
    folder = path_of(tmp_path).parent
    old, new = folder / "x.nbc.1.tmp", folder / "x.nbc.2.tmp"
    old.touch()
    new.touch()
    used(old, hours_ago=25)
    keep(FILE, CODE, [tmp_path])
    assert not old.exists()
    assert new.exists()


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path, monkeypatch):
    keep(FILE, b"older", [tmp_path])
    path, real, seen = path_of(tmp_path), Path.replace, []

    def replace(unfinished, target):
        seen.append((target, find(FILE, [tmp_path])))
        real(unfinished, target)

    monkeypatch.setattr(Path, "replace", replace)
    keep(FILE, CODE, [tmp_path])
    assert seen == [(path, (b"older", tmp_path))]
    assert find(FILE, [tmp_path]) == (CODE, tmp_path)


def test_processes_that_write_the_same_file_leave_it_whole_at_every_moment(tmp_path):
    keep(FILE, CODE, [tmp_path])
    seen = []

    def write_and_read():
        seen.extend((keep(FILE, CODE, [tmp_path]), find(FILE, [tmp_path])) for _ in range(50))

    threads = [threading.Thread(target=write_and_read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [(tmp_path, (CODE, tmp_path))] * 200
    assert [path.name for path in path_of(tmp_path).parent.iterdir()] == [FILE.name]


def test_a_chosen_folder_is_the_only_place():
    assert places("/var/cache/kernels") == (Path("/var/cache/kernels"),)


def test_otherwise_it_is_beside_the_package_then_in_the_cache_of_the_user(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    beside = Path(kernel_files.__file__).parents[1] / "__pycache__" / "kernels"
    assert places("") == (beside, Path("/home/me/.cache/varstream/kernels"))
    monkeypatch.setenv("XDG_CACHE_HOME", "/scratch/me")
    assert places("") == (beside, Path("/scratch/me/varstream/kernels"))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # as the standard asks, it is ignored
    assert places("") == (beside, Path("/home/me/.cache/varstream/kernels"))
