import os
from contextlib import suppress

from napari_vitrail.files import written_aside


def test_failed_write_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("old")
    with suppress(KeyError), written_aside(path) as aside:
        aside.write_text("half")
        raise KeyError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["result.txt"]


def test_written_file_has_the_usual_permissions(tmp_path):
    (tmp_path / "usual").write_text("")
    with written_aside(tmp_path / "ours") as aside:
        aside.write_text("")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_two_writers_at_once_leave_one_whole_file(tmp_path):
    path = tmp_path / "result.txt"
    with written_aside(path) as first, written_aside(path) as second:
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"
    assert os.listdir(tmp_path) == ["result.txt"]
