"""What was found is written as the command line writes it, as it is shown: all of it or nothing."""

from __future__ import annotations

import csv
import json
import threading

import imageio.v3 as iio
import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog

from napari_vitrail.widgets import _save_objects
from tests.widgets.driving import activate, button, press_key, says
from tests.widgets.objects.hands import dock, find, rows_of, settle, slide, statuses

_NAME = 2


@pytest.fixture
def save(qtbot, monkeypatch):
    """Return a function that presses the button of a widget and chooses a folder."""

    def save(widget, folder, *, is_settled=True):
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
        button(widget, "Save ...").click()
        if is_settled:
            settle(qtbot, widget)

    return save


@pytest.fixture
def slow(monkeypatch):
    """Return an event for which files wait after the first picture was written."""
    write, may_go = _save_objects.write_png, threading.Event()

    def slow_write(*arguments):
        write(*arguments)
        may_go.wait(20)

    monkeypatch.setattr(_save_objects, "write_png", slow_write)
    yield may_go
    may_go.set()


def rows(path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def contents(folder) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_hold_what_the_layers_show(viewer, found, save, tmp_path):
    rows_of(found).item(0, _NAME).setText("tile")
    save(found, tmp_path / "out")
    assert says(found, "labels of 1 image and")
    shown, into = viewer.layers["photo found objects"].data, tmp_path / "out"
    labels = iio.imread(into / "labels" / "photo.tif")
    np.testing.assert_array_equal(np.where(shown > 0, labels, 0), shown)
    assert (labels > 0).all()
    np.testing.assert_array_equal(iio.imread(into / "masks" / "photo.tif"), shown > 0)
    assert iio.imread(into / "overlays" / "photo.png").shape == (72, 96, 3)
    classes = rows(into / "classes.csv")
    assert [int(row["label"]) for row in classes] == np.unique(labels).tolist()
    assert [row["name"] for row in classes] == ["tile", *[""] * (len(classes) - 1)]
    assert [int(row["area_px"]) for row in classes] == np.bincount(labels.ravel())[np.unique(labels)].tolist()
    boxes = rows(into / "boxes.csv")
    layer = viewer.layers["photo boxes"]
    assert [float(row["left_px"]) for row in boxes] == [shape[:, 1].min() + 0.5 for shape in layer.data]
    assert [int(row["label"]) for row in boxes] == layer.features["label"].tolist()
    assert not list(into.glob(".*"))


def test_boxes_of_all_objects_together_are_white_in_overlays(qtbot, viewer, found, save, tmp_path):
    slide(qtbot, found, 40)
    save(found, tmp_path)
    layer, overlay = viewer.layers["photo boxes"], iio.imread(tmp_path / "overlays" / "photo.png")
    together = [shape for shape, label in zip(layer.data, layer.features["label"], strict=True) if label == 0]
    assert together
    for shape in together:
        bottom, right = (shape.max(axis=0) - 0.5).astype(int)
        assert (overlay[bottom - 1, right - 1] == 255).all()


def test_boxes_are_written_as_they_were_judged_and_rejected_ones_are_not(
    qtbot, viewer, found, save, tmp_path
):
    slide(qtbot, found, 40)
    activate(qtbot, found)
    press_key(found, "K")
    press_key(found, "N")
    layer = viewer.layers["photo boxes"]
    viewer.layers.selection.active = layer
    moved = statuses(layer).index("proposed")
    layer.data = [shape - [4, 0] if row == moved else shape for row, shape in enumerate(layer.data)]
    layer.selected_data = {moved}
    button(found, "Accept").click()
    save(found, tmp_path)
    kept = [status for status in statuses(layer) if status != "rejected"]
    assert sorted(row["status"] for row in rows(tmp_path / "boxes.csv")) == sorted(kept)
    assert kept.count("accepted") == 2
    told = json.loads((tmp_path / "boxes.json").read_text())
    assert len(told["annotations"]) == len(kept)
    for own in told["annotations"]:
        runs, (height, width) = own["segmentation"]["counts"], own["segmentation"]["size"]
        inside = np.repeat(np.arange(len(runs)) % 2, runs).reshape(width, height).T
        left, top, wide, high = own["bbox"]
        assert inside.sum() == own["area"] == inside[top : top + high, left : left + wide].sum() > 0


def test_a_name_is_a_category_and_the_others_are_objects(viewer, found, save, tmp_path):
    first = rows_of(found).item(0, 0).text()
    rows_of(found).item(0, _NAME).setText("tile")
    save(found, tmp_path)
    told = json.loads((tmp_path / "boxes.json").read_text())
    names = {own["id"]: own["name"] for own in told["categories"]}
    assert list(names.values()) == ["object", "tile"]
    for own in told["annotations"]:
        assert names[own["category_id"]] == ("tile" if str(own["label"]) == first else "object")


def test_planes_of_a_stack_are_counted(qtbot, make_napari_viewer_proxy, things, save, tmp_path):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.add_image(np.stack([*things, things[0]]), name="a/stack")
    viewer.dims.set_point(0, 2)
    widget = dock(qtbot, viewer)
    find(qtbot, widget)
    save(widget, tmp_path)
    labels = iio.imread(tmp_path / "labels" / "a_stack.tif")
    assert labels.shape == (3, 72, 96)
    assert labels.any(axis=(1, 2)).tolist() == [False, False, True]
    assert {row["plane"] for row in rows(tmp_path / "classes.csv")} == {"2"}
    assert (tmp_path / "overlays" / "a_stack" / "0002.png").exists()


def test_a_save_that_is_cancelled_leaves_what_was_saved_before(qtbot, found, save, tmp_path, slow):
    slow.set()
    save(found, tmp_path)
    before = contents(tmp_path)
    slide(qtbot, found, 40)
    slow.clear()
    save(found, tmp_path, is_settled=False)
    qtbot.waitUntil(lambda: bool(list(tmp_path.glob(".*/overlays/photo.png"))))
    found._save.cancel()
    slow.set()
    settle(qtbot, found)
    assert says(found, "Cancelled; no file was changed.")
    assert contents(tmp_path) == before
    save(found, tmp_path)
    assert contents(tmp_path).keys() == before.keys()
    assert contents(tmp_path) != before


def test_a_save_goes_on_while_objects_are_found_again(qtbot, found, save, tmp_path, slow):
    save(found, tmp_path / "out", is_settled=False)
    button(found, "Find objects").click()
    slow.set()
    settle(qtbot, found)
    assert says(found, "labels of 1 image and")
    assert (tmp_path / "out" / "boxes.json").exists()


def test_a_disk_that_is_full_is_said_to_be_and_nothing_is_left_on_it(
    found, save, tmp_path, notes, monkeypatch
):
    def fail(path, *_):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("napari_vitrail.widgets._save_objects.write_tiff", fail)
    save(found, tmp_path / "out")
    assert any("No space left on device" in note.message for note in notes)
    assert says(found, "Stopped by an error.")
    assert not (tmp_path / "out").exists()


def test_masks_that_were_drawn_are_not_replaced(found, save, tmp_path, notes):
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "photo.tif").write_bytes(b"by hand")
    save(found, tmp_path)
    assert any("photo.tif would be replaced" in note.message for note in notes)
    assert list(contents(tmp_path).values()) == [b"by hand"]


def test_a_save_that_is_not_wanted_after_all_writes_nothing(found, save, tmp_path):
    save(found, "")
    assert list(tmp_path.iterdir()) == []
    assert not any(says(found, text) for text in ("Writing files", "labels of"))


def test_before_anything_was_found_there_is_nothing_to_save(widget):
    assert button(widget, "Save ...").toolTip() == "Not yet: press Find objects"
    assert not button(widget, "Save ...").isEnabled()
