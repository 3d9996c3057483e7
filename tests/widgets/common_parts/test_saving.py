"""What the images of a folder share is written as the command line writes it."""

from __future__ import annotations

import json
import threading

import imageio.v3 as iio
import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog

from napari_vitrail import cosegmentfiles
from tests.widgets.common_parts.conftest import PLACES
from tests.widgets.common_parts.hands import (
    choose_folder,
    dock,
    find,
    overlap,
    rows_of,
    set_parts,
    settle,
)
from tests.widgets.driving import button, says


@pytest.fixture
def folder(tmp_path, images):
    """Return a folder of three images and a damaged one."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, image in enumerate(images):
        iio.imwrite(folder / f"photo_{number}.png", image)
    (folder / "broken.png").write_bytes(b"no image")
    return folder


@pytest.fixture
def of_files(qtbot, make_napari_viewer_proxy, folder):
    """Return the widget after it has found what the files share."""
    widget = dock(qtbot, make_napari_viewer_proxy(show=True))
    choose_folder(widget, folder)
    find(qtbot, widget)
    return widget


@pytest.fixture
def save(qtbot, of_files, monkeypatch):
    """Return a function that presses the button and chooses a folder."""

    def save(folder):
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
        button(of_files, "Save masks and gallery ...").click()
        settle(qtbot, of_files)

    return save


def test_masks_areas_and_a_gallery_are_written(of_files, save, tmp_path):
    rows_of(of_files).item(0, 1).setText("tile")
    into = tmp_path / "found"
    save(into)
    assert says(of_files, f"3 masks, areas.json and index.html are in {into}")
    for number, place in enumerate(PLACES):
        mask = iio.imread(into / "masks" / f"photo_{number}.png")
        assert set(np.unique(mask)) == {0, 1}
        assert overlap(mask, place) > 0.5
    areas = json.loads((into / "areas.json").read_text())
    assert [part["name"] for part in areas["parts"]] == ["tile"]
    [failed] = areas["failed"]
    assert failed["image"].endswith("broken.png")
    assert "tile" in (into / "index.html").read_text()
    assert not list(into.rglob("*.tmp*"))


@pytest.mark.slow
def test_parts_that_were_merged_are_one_in_the_files_and_keep_their_colour(qtbot, of_files, save, tmp_path):
    set_parts(qtbot, of_files, 3)
    of_files._sharing.edit(of_files._sharing.naming.merged([2, 3]))
    save(tmp_path / "found")
    masks = [iio.imread(tmp_path / "found" / "masks" / f"photo_{number}.png") for number in range(3)]
    assert set(np.unique(masks)) == {0, 1, 2}
    areas = json.loads((tmp_path / "found" / "areas.json").read_text())
    shown = rows_of(of_files).item(1, 0).background().color().name()
    assert [part["colour"] for part in areas["parts"]][1] == shown


def test_images_in_a_folder_of_masks_do_not_move_the_masks_of_others(qtbot, of_files, save, folder, images):
    (folder / "masks").mkdir()
    iio.imwrite(folder / "masks" / "before_the_others.png", images[2])
    choose_folder(of_files, folder / "**" / "*.png")
    find(qtbot, of_files)
    assert len(of_files._sharing.found.small) == 4
    save(folder)
    assert says(of_files, "3 masks")
    for number, place in enumerate(PLACES):
        assert overlap(iio.imread(folder / "masks" / f"photo_{number}.png"), place) > 0.5


def test_masks_that_were_drawn_are_not_replaced(of_files, save, folder, notes):
    (folder / "masks").mkdir()
    (folder / "masks" / "photo_1.png").write_bytes(b"by hand")
    save(folder)
    assert any("photo_1.png would be replaced" in note.message for note in notes)
    assert [path.read_bytes() for path in (folder / "masks").iterdir()] == [b"by hand"]


def test_what_is_saved_is_what_was_shown_at_the_press(qtbot, of_files, save, tmp_path, monkeypatch):
    write, may_go = cosegmentfiles.write_masks_steps, threading.Event()

    def slow_steps(*arguments):
        may_go.wait(20)
        return (yield from write(*arguments))

    monkeypatch.setattr(cosegmentfiles, "write_masks_steps", slow_steps)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "found"))
    button(of_files, "Save masks and gallery ...").click()
    set_parts(qtbot, of_files, 3, is_settled=False)
    may_go.set()
    settle(qtbot, of_files)
    assert of_files._sharing.found.parts.n_parts == 3
    masks = [iio.imread(tmp_path / "found" / "masks" / f"photo_{number}.png") for number in range(3)]
    assert set(np.unique(masks)) == {0, 1}
    assert (tmp_path / "found" / "index.html").exists()


@pytest.fixture
def slow(monkeypatch):
    """Return an event for which masks wait after the first was written."""
    write, may_go = cosegmentfiles.write_masks_steps, threading.Event()

    def slow_steps(*arguments):
        steps = write(*arguments)
        while True:
            try:
                progress = next(steps)
            except StopIteration as stop:
                return stop.value
            if progress.so_far is not None:
                may_go.wait(20)
            yield progress

    monkeypatch.setattr(cosegmentfiles, "write_masks_steps", slow_steps)
    yield may_go
    may_go.set()


def test_a_save_that_is_cancelled_leaves_what_was_saved_before(
    qtbot, of_files, save, tmp_path, slow, monkeypatch
):
    slow.set()
    into = tmp_path / "found"
    save(into)
    before = {path: path.read_bytes() for path in into.rglob("*") if path.is_file()}
    slow.clear()
    rows_of(of_files).item(0, 1).setText("tile")
    button(of_files, "Save masks and gallery ...").click()
    qtbot.waitUntil(lambda: bool(list(into.glob(".*/masks/*.png"))))
    of_files._save.cancel()
    slow.set()
    settle(qtbot, of_files)
    assert says(of_files, "Cancelled; no file was changed.")
    assert {path: path.read_bytes() for path in into.rglob("*") if path.is_file()} == before
    assert not list(into.glob(".*"))


def test_a_save_goes_on_while_something_else_is_asked_for(qtbot, of_files, tmp_path, slow, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "found"))
    button(of_files, "Save masks and gallery ...").click()
    button(of_files, "Find").click()
    slow.set()
    settle(qtbot, of_files)
    assert says(of_files, "3 masks, areas.json and index.html are in")
    assert len(list((tmp_path / "found" / "masks").iterdir())) == 3


def test_a_disk_that_is_full_is_said_to_be_and_nothing_is_left_on_it(
    of_files, save, tmp_path, notes, monkeypatch
):
    def fail(path, labels):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("napari_vitrail.cosegmentfiles._masks._write_mask", fail)
    save(tmp_path / "found")
    assert any("No space left on device" in note.message for note in notes)
    assert says(of_files, "Stopped by an error.")
    assert not (tmp_path / "found").exists()


def test_a_file_that_has_gone_meanwhile_is_named_and_the_others_are_written(
    of_files, save, folder, tmp_path, notes
):
    (folder / "photo_1.png").unlink()
    save(tmp_path / "found")
    assert says(of_files, "2 masks")
    assert any("1 images were left out" in note.message and "photo_1.png" in note.message for note in notes)
    assert overlap(iio.imread(tmp_path / "found" / "masks" / "photo_2.png"), PLACES[2]) > 0.5


def test_a_save_that_is_not_wanted_after_all_writes_nothing(of_files, save, folder, tmp_path):
    save("")
    assert list(tmp_path.iterdir()) == [folder]


def test_layers_are_left_to_napari(found):
    assert "napari saves layers itself" in button(found, "Save masks and gallery ...").toolTip().replace(
        "\n", " "
    )
