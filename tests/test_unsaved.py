"""Unsaved strokes: whose they are, and for how long they are offered."""

import os
import subprocess
import sys
import time

import pytest

from napari_vitrail import unsaved
from napari_vitrail.unsaved import KEPT_DAYS, close_unsaved, left_behind, open_unsaved


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("VITRAIL_DATA_DIR", str(tmp_path))
    (tmp_path / "unsaved").mkdir()
    return tmp_path / "unsaved"


def written(path, age=0.0):
    path.write_bytes(b"")
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_every_viewer_has_a_file_of_its_own(folder):
    assert open_unsaved() != open_unsaved()
    assert open_unsaved().parent == folder


def test_a_file_is_left_behind_once_its_viewer_is_closed():
    path = written(open_unsaved())
    assert left_behind() == []
    close_unsaved(path)
    assert left_behind() == [path]


def test_a_file_of_a_running_process_is_in_use_and_of_a_dead_one_is_not():
    program = (
        "from napari_vitrail.unsaved import open_unsaved\n"
        "path = open_unsaved(); path.write_bytes(b''); print(path, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        path = process.stdout.readline().strip()
        assert left_behind() == []
        process.communicate("\n")
    assert [str(found) for found in left_behind()] == [path]


def test_a_process_that_has_inherited_the_number_is_another_one(folder):
    name = f"{unsaved._host()}-{os.getppid()}-1-0.vitrail"  # begun in 1970
    assert left_behind() == []
    path = written(folder / name)
    assert left_behind() == [path]


def test_a_file_of_another_machine_is_in_use_for_a_day(folder):
    written(folder / "elsewhere-1-1-0.vitrail")
    old = written(folder / "elsewhere-1-1-1.vitrail", 2 * 86400)
    assert left_behind() == [old]


def test_the_newest_comes_first_and_old_ones_go(folder):
    host = unsaved._host()
    hour = written(folder / f"{host}-999999-1-0.vitrail", 3600)
    now = written(folder / f"{host}-999999-1-1.vitrail")
    old = written(folder / f"{host}-999999-1-2.vitrail", (KEPT_DAYS + 1) * 86400)
    assert left_behind() == [now, hour]
    assert not old.exists()


def test_a_file_being_written_is_left_alone(folder):
    path = written(folder / f".{os.getpid()}-x-1-1-0.vitrail", 30 * 86400)
    written(folder / "notes.vitrail", 30 * 86400)
    assert left_behind() == []
    assert path.exists()
