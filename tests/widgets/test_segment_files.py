"""Segmenting files from the widget: the same bits as the command line."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from qtpy.QtWidgets import QCheckBox, QFileDialog, QLineEdit

from napari_vitrail.cli import main
from napari_vitrail.widgets._channels import ChannelsMenu
from napari_vitrail.widgets._segment_files import SegmentFiles
from tests.widgets.driving import button, dock, says


@pytest.fixture
def plate(tmp_path, textures):
    """Return a folder of two images."""
    folder = tmp_path / "plate"
    folder.mkdir()
    tifffile.imwrite(folder / "a.tif", textures)
    tifffile.imwrite(folder / "b.tif", np.fliplr(textures))
    return folder


@pytest.fixture
def viewer(make_napari_viewer_proxy):
    return make_napari_viewer_proxy()


def learned(qtbot, viewer, image, choose=""):
    """Return the widget after it has learned from strokes on an image."""
    viewer.add_image(image, name="image")
    widget = dock(viewer)
    if choose:
        menu = widget.findChild(ChannelsMenu)
        menu._menu.aboutToShow.emit()
        next(action for action in menu._menu.actions() if action.text().startswith(choose)).trigger()
    button(widget, "New").click()
    labels = viewer.layers["image strokes"].data
    labels[..., 10:50, 8:12], labels[..., 10:50, 50:54] = 2, 7
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: says(widget, "Done in"), timeout=60_000)
    return widget


def segment_files(qtbot, widget, files, into, says_so):
    lines = widget.findChild(SegmentFiles).findChildren(QLineEdit)
    for line, text in zip(lines, (files, into), strict=True):
        line.setText(str(text))
    button(widget, "Segment files").click()
    qtbot.waitUntil(lambda: not widget._bench.job.is_busy, timeout=60_000)
    assert says(widget, says_so)


def test_a_clean_up_that_is_on_is_done_to_files_to_the_bit_as_by_the_command_line(
    qtbot, viewer, plate, textures, tmp_path, monkeypatch
):
    widget = learned(qtbot, viewer, textures)
    next(box for box in widget.findChildren(QCheckBox) if box.text() == "Clean up every result").click()
    qtbot.waitUntil(lambda: not widget._bench.job.is_busy, timeout=60_000)
    segment_files(qtbot, widget, plate, tmp_path / "napari", ", cleaned up by smoothing over 2 px.")
    by_command_line(widget, tmp_path, monkeypatch, plate, "--smooth", "2")
    for name in ("a_segmentation.tif", "b_segmentation.tif"):
        ours, theirs = ((tmp_path / where / name).read_bytes() for where in ("napari", "shell"))
        assert ours == theirs
    np.testing.assert_array_equal(
        tifffile.imread(tmp_path / "napari" / "a_segmentation.tif"),
        viewer.layers["image segmentation"].data,
    )


def by_command_line(widget, tmp_path, monkeypatch, *words):
    """Save the classifier by its button and let the command line segment with it."""
    model = tmp_path / "m.vitrail"
    monkeypatch.setattr(QFileDialog, "exec", lambda dialog: 1)
    monkeypatch.setattr(QFileDialog, "selectedFiles", lambda dialog: [str(model)])
    button(widget, "Save classifier...").click()
    assert main(["segment", *map(str, words), "-m", str(model), "-o", str(tmp_path / "shell")]) == 0


def test_a_folder_is_segmented_to_the_bit_as_by_the_command_line(
    qtbot, viewer, plate, textures, tmp_path, monkeypatch
):
    widget = learned(qtbot, viewer, textures)
    segment_files(qtbot, widget, plate, tmp_path / "napari", "2 of 2 images segmented")
    by_command_line(widget, tmp_path, monkeypatch, plate)
    for name in ("a_segmentation.tif", "b_segmentation.tif"):
        ours, theirs = ((tmp_path / where / name).read_bytes() for where in ("napari", "shell"))
        assert ours == theirs
    np.testing.assert_array_equal(
        tifffile.imread(tmp_path / "napari" / "a_segmentation.tif"),
        viewer.layers["image segmentation"].data,
    )


def test_channels_and_stacks_are_read_as_those_of_the_chosen_image(
    qtbot, viewer, textures, tmp_path, monkeypatch
):
    stack = np.stack([[textures, textures // 2], [textures.T, textures // 3], [textures, textures]])
    tifffile.imwrite(tmp_path / "stack.tif", stack)
    widget = learned(qtbot, viewer, stack, choose="Axis 1")
    segment_files(qtbot, widget, tmp_path / "*.tif", tmp_path / "napari", "1 of 1 images segmented")
    words = [tmp_path / "stack.tif", "--stack", "--channel-axis", "1", "--stains", "0", "1"]
    by_command_line(widget, tmp_path, monkeypatch, *words)
    ours, theirs = (
        tifffile.imread(tmp_path / where / "stack_segmentation.tif") for where in ("napari", "shell")
    )
    assert ours.shape == (3, *textures.shape)
    np.testing.assert_array_equal(ours, theirs)


def test_files_that_cannot_be_read_are_named_and_the_others_done(
    qtbot, viewer, plate, textures, tmp_path, notes
):
    (plate / "a.tif").write_bytes(b"no tiff")
    widget = learned(qtbot, viewer, textures)
    segment_files(qtbot, widget, plate, tmp_path / "out", "1 of 2 images segmented")
    [note] = notes
    assert "a.tif cannot be read" in note.message
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b_segmentation.tif"]


def test_a_folder_without_images_is_one_notification(qtbot, viewer, textures, tmp_path, notes):
    (tmp_path / "empty").mkdir()
    widget = learned(qtbot, viewer, textures)
    segment_files(qtbot, widget, tmp_path / "empty", tmp_path / "out", "Stopped by an error")
    [note] = notes
    assert "holds no image" in note.message
    assert not (tmp_path / "out").exists()


def test_the_images_themselves_are_never_overwritten(qtbot, viewer, textures, tmp_path, notes):
    tifffile.imwrite(tmp_path / "x.tif", textures)
    tifffile.imwrite(tmp_path / "x_segmentation.tif", textures)
    widget = learned(qtbot, viewer, textures)
    segment_files(qtbot, widget, tmp_path, tmp_path, "Stopped by an error")
    assert "is an input and is not overwritten" in notes[0].message
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "x_segmentation.tif"), textures)


def test_what_is_missing_is_said(qtbot, viewer, textures):
    widget = learned(qtbot, viewer, textures)
    assert "where the images are" in button(widget, "Segment files").toolTip()
    widget.findChild(SegmentFiles).findChildren(QLineEdit)[0].setText("plate")
    assert "which folder" in button(widget, "Segment files").toolTip()


def test_stacks_of_colours_are_read_plane_by_plane(qtbot, viewer, textures, tmp_path):
    colours = np.stack([np.stack([textures] * 3, axis=-1), np.stack([textures.T] * 3, axis=-1)])
    tifffile.imwrite(tmp_path / "rgb.tif", colours, photometric="rgb")
    widget = learned(qtbot, viewer, colours)
    segment_files(qtbot, widget, tmp_path / "*.tif", tmp_path / "out", "1 of 1 images segmented")
    found = tifffile.imread(tmp_path / "out" / "rgb_segmentation.tif")
    assert found.shape == (2, *textures.shape)
    np.testing.assert_array_equal(found[0], viewer.layers["image segmentation"].data[0])
