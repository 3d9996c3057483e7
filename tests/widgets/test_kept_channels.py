"""The channels of an image, and further layers, are part of a project: saved, opened, recovered."""

from __future__ import annotations

import json
import os
import zipfile

import numpy as np
import pytest
import tifffile
from napari.layers import Image, Labels
from qtpy.QtWidgets import QFileDialog, QLineEdit

from napari_vitrail.annotations import load_annotations
from napari_vitrail.channels import ChosenChannels
from napari_vitrail.cli import main
from napari_vitrail.project import load_classifier
from napari_vitrail.segmentation import segment as segmented
from napari_vitrail.training import training_planes
from napari_vitrail.widgets import ClassifierWidget
from napari_vitrail.widgets._channels import ChannelsMenu
from napari_vitrail.widgets._further_files import FurtherFiles
from napari_vitrail.widgets._segment_files import SegmentFiles
from tests.widgets.driving import button, combo, draw, says


@pytest.fixture
def files(tmp_path, textures):
    """Return a folder with an image of three channels along its first axis, and a depth map."""
    folder = tmp_path / "images"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 90, (3, 64, 64)).astype(np.uint16)
    noise[1] += textures
    tifffile.imwrite(folder / "stains.tif", noise, photometric="minisblack")
    tifffile.imwrite(folder / "depth.tif", textures.astype(np.float32) / 7)
    return folder


@pytest.fixture
def chosen(monkeypatch, tmp_path):
    """Return the path that every file dialog answers with."""
    path = tmp_path / "own.vitrail"
    monkeypatch.setattr(QFileDialog, "exec", lambda dialog: 1)
    monkeypatch.setattr(QFileDialog, "selectedFiles", lambda dialog: [str(path)])
    return path


def dock(viewer) -> ClassifierWidget:
    widget = ClassifierWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Paint to segment")
    combo(widget, "Classical").setCurrentText("Classical")
    combo(widget, "Live").setCurrentText("Manual")
    return widget


def choose(widget, text: str) -> None:
    """Open the menu of channels and press an entry."""
    menu = widget.findChild(ChannelsMenu)
    menu._menu.aboutToShow.emit()
    next(action for action in menu._menu.actions() if action.text().startswith(text)).trigger()


@pytest.fixture
def begun(make_napari_viewer, files):
    """Return a viewer with both images, two channels and the further layer chosen, and strokes."""
    viewer = make_napari_viewer(show=True)
    viewer.open(files / "depth.tif", plugin="napari", name="depth", scale=(2, 2), translate=(3, 0))
    viewer.open(files / "stains.tif", plugin="napari", name="stains", scale=(1, 2, 2))
    widget = dock(viewer)
    combo(widget, "stains").setCurrentText("stains")
    for entry in ("Axis 0", "Channel 2", "depth"):
        choose(widget, entry)
    button(widget, "New").click()
    strokes = viewer.layers["stains strokes"]
    strokes.brush_size = 4
    viewer.reset_view()
    draw(viewer, widget, (20, 16), (100, 20))
    strokes.selected_label = 2
    draw(viewer, widget, (20, 100), (100, 108))
    assert set(np.unique(strokes.data)) == {0, 1, 2}
    return viewer, widget


def save(qtbot, widget, notes):
    notes.clear()
    button(widget, "Save project...").click()
    qtbot.waitUntil(lambda: notes != [], timeout=60_000)
    assert "project is saved as" in notes[0].message, notes[0].message
    qtbot.waitUntil(button(widget, "Save project...").isEnabled)
    notes.clear()


def segment(qtbot, viewer, widget) -> np.ndarray:
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: "stains segmentation" in viewer.layers, timeout=60_000)
    qtbot.waitUntil(lambda: says(widget, "Done in") and not says(widget, ".vitrail"), timeout=60_000)
    return viewer.layers["stains segmentation"].data.copy()


def opened(qtbot, viewer, path):
    """Open a project as a double click does; return the widget once it has taken it up."""
    viewer.open(path, plugin=None)
    widget = dock(viewer)
    qtbot.waitUntil(lambda: not widget._bench.job.is_busy and says(widget, "own.vitrail"), timeout=60_000)
    return widget


def test_channels_and_further_layers_are_there_again_and_give_the_same_bits(
    qtbot, make_napari_viewer, begun, chosen, notes
):
    viewer, widget = begun
    found = segment(qtbot, viewer, widget)
    save(qtbot, widget, notes)
    [annotation] = load_annotations(chosen).images
    assert (annotation.channels.axis, annotation.channels.chosen) == (0, (0, 1))
    assert [layer.name for layer in annotation.channels.layers] == ["depth"]
    assert annotation.channels.layers[0].digest

    other = make_napari_viewer()
    again = opened(qtbot, other, chosen)
    assert [layer.name for layer in other.layers] == ["stains", "depth", "stains strokes"]
    assert again.findChild(ChannelsMenu).text() == "channels 0, 1 + depth"
    np.testing.assert_array_equal(other.layers["depth"].scale, (2, 2))
    assert again._bench.classifier_obstacle() == ""
    np.testing.assert_array_equal(segment(qtbot, other, again), found)
    assert notes == []

    model = chosen.with_name("by_shell.vitrail")
    assert main(["train", str(chosen), "-o", str(model)]) == 0
    [picture] = training_planes(chosen).images
    np.testing.assert_array_equal(segmented(picture, load_classifier(model)), found[0])
    assert load_classifier(model).report == again._bench.classifier.report


def test_the_open_button_joins_layers_that_are_there(qtbot, begun, chosen, notes):
    viewer, widget = begun
    save(qtbot, widget, notes)
    viewer.layers.remove("stains strokes")
    choose(widget, "depth")
    choose(widget, "None")
    assert widget.findChild(ChannelsMenu).text() == "as shown"
    button(widget, "Open project...").click()
    qtbot.waitUntil(lambda: says(widget, "own.vitrail"), timeout=60_000)
    assert [layer.name for layer in viewer.layers] == ["depth", "stains", "stains strokes"]
    assert widget.findChild(ChannelsMenu).text() == "channels 0, 1 + depth"


def test_a_further_layer_that_is_missing_is_named_and_nothing_painted_is_lost(
    qtbot, make_napari_viewer, begun, files, chosen, notes
):
    viewer, widget = begun
    drawn = viewer.layers["stains strokes"].data.copy()
    save(qtbot, widget, notes)
    (files / "depth.tif").unlink()
    other = make_napari_viewer()
    again = opened(qtbot, other, chosen)
    [note] = notes
    assert note.severity == "warning"
    assert f"'depth' is neither at {files / 'depth.tif'}" in note.message
    assert "choose it under Channels of 'stains'" in note.message
    np.testing.assert_array_equal(other.layers["stains strokes"].data, drawn)
    assert again.findChild(ChannelsMenu).text() == "channels 0, 1"
    assert button(again, "Segment").isEnabled()


def test_channels_wait_for_an_image_that_is_opened_later(
    qtbot, make_napari_viewer, begun, files, chosen, notes
):
    _, widget = begun
    save(qtbot, widget, notes)
    (files / "stains.tif").rename(files / "moved.tif")
    other = make_napari_viewer()
    again = opened(qtbot, other, chosen)
    assert "open the image yourself" in notes[0].message
    other.open(files / "moved.tif", plugin="napari", name="stains", scale=(1, 2, 2))
    qtbot.waitUntil(lambda: again._bench.layers.channels_of(other.layers["stains"]).chosen == (0, 1))
    combo(again, "stains").setCurrentText("stains")
    assert again.findChild(ChannelsMenu).text() == "channels 0, 1 + depth"


def test_another_image_of_the_name_keeps_its_own_channels(
    qtbot, make_napari_viewer, begun, files, chosen, notes, textures
):
    _, widget = begun
    save(qtbot, widget, notes)
    (files / "stains.tif").unlink()
    other = make_napari_viewer()
    again = opened(qtbot, other, chosen)
    notes.clear()
    other.add_image(textures, name="stains")
    qtbot.waitUntil(lambda: notes != [])
    assert "are not those of 'stains', whose shape is (64, 64): choose them anew" in notes[0].message
    assert again._bench.layers.channels_of(other.layers["stains"]).axis is None


def test_a_level_of_a_pyramid_is_kept_and_a_level_that_is_not_there_is_said(
    qtbot, make_napari_viewer, textures, chosen, notes, tmp_path
):
    large = np.kron(textures, np.ones((4, 4), np.uint8))
    tifffile.imwrite(tmp_path / "large.tif", large)
    viewer = make_napari_viewer()
    viewer.add_image([large, large[::2, ::2], large[::4, ::4]], name="large", multiscale=True)
    widget = dock(viewer)
    choose(widget, "Level 1")
    button(widget, "New").click()
    viewer.layers["large strokes"].data[10:50, 8:12] = 1
    save(qtbot, widget, notes)
    assert load_annotations(chosen).images[0].channels.level == 1
    viewer.layers.remove("large strokes")
    choose(widget, "Level 0")
    button(widget, "Open project...").click()
    qtbot.waitUntil(lambda: says(widget, "own.vitrail"), timeout=60_000)
    assert widget._bench.layers.channels.level == 1
    assert notes == []

    other = make_napari_viewer()
    again = opened(qtbot, other, chosen)
    other.add_image(large, name="large")
    qtbot.waitUntil(lambda: any("has no level 1 of a pyramid here" in note.message for note in notes))
    assert again._bench.layers.channels.level == 0


def test_a_file_without_channels_opens_with_those_that_are_guessed(
    qtbot, make_napari_viewer, begun, chosen, notes
):
    _, widget = begun
    save(qtbot, widget, notes)
    with zipfile.ZipFile(chosen) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    description = json.loads(members["project.json"])
    del description["images"][0]["channels"]
    with zipfile.ZipFile(chosen, "w") as archive:
        for name, data in (members | {"project.json": json.dumps(description).encode()}).items():
            archive.writestr(name, data)
    other = make_napari_viewer()
    again = opened(qtbot, other, chosen)
    assert [layer.name for layer in other.layers] == ["stains", "stains strokes"]
    assert again.findChild(ChannelsMenu).text() == "as shown"
    assert notes == []


def test_channels_survive_a_crash_also_those_chosen_after_the_last_stroke(
    qtbot, make_napari_viewer, begun, unsaved
):
    viewer, widget = begun
    choose(widget, "Channel 2")
    qtbot.waitUntil(lambda: widget._autosave._file.path.exists(), timeout=10_000)
    qtbot.waitUntil(
        lambda: load_annotations(widget._autosave._file.path).images[0].channels.chosen == (0, 1, 2),
        timeout=10_000,
    )
    died = widget._autosave._file.path
    died.rename(unsaved / died.name.replace(f"-{os.getpid()}-", "-999999-"))
    viewer.layers.clear()
    other = make_napari_viewer()
    again = dock(other)
    button(again, "Restore").click()
    assert {type(layer) for layer in other.layers} == {Image, Labels}
    assert again.findChild(ChannelsMenu).text() == "channels 0, 1, 2 + depth"


def test_a_removed_image_leaves_its_channels_with_its_strokes(begun):
    viewer, widget = begun
    viewer.layers.remove("stains")
    [(_, subject)] = widget._bench.layers.pairs
    assert subject.image.name == "stains"
    assert subject.channels == ChosenChannels(0, (0, 1), subject.channels.layers)


def test_files_with_further_images_are_segmented_to_the_bit_as_layers(
    qtbot, make_napari_viewer, files, chosen, notes, tmp_path
):
    viewer = make_napari_viewer()
    viewer.open(files / "depth.tif", plugin="napari", name="depth")
    viewer.open(files / "stains.tif", plugin="napari", name="stains")
    widget = dock(viewer)
    combo(widget, "stains").setCurrentText("stains")
    for entry in ("Axis 0", "Channel 2", "depth"):
        choose(widget, entry)
    button(widget, "New").click()
    labels = viewer.layers["stains strokes"].data
    labels[0, 10:50, 8:12], labels[0, 10:50, 50:54] = 1, 2
    found = segment(qtbot, viewer, widget)
    save(qtbot, widget, notes)
    words = [str(files), "-m", str(chosen), "-o", str(tmp_path / "out"), "--channel-axis", "0"]
    words += ["--stains", "0", "1", "--extra", "depth={folder}/depth.tif"]
    assert main(["segment", *words]) == 0
    [written] = (tmp_path / "out").iterdir()  # the further image is no image of its own
    np.testing.assert_array_equal(tifffile.imread(written), found[0])

    page = widget.findChild(SegmentFiles)
    assert "say where the files of 'depth' are" in button(page, "Segment files").toolTip()
    further = page.findChild(FurtherFiles)
    for line, text in (
        (further.findChild(QLineEdit), "{folder}/depth.tif"),
        (page._files, str(files / "s*.tif")),
        (page._into, str(tmp_path / "napari")),
    ):
        line.setText(text)
    button(page, "Segment files").click()
    qtbot.waitUntil(lambda: says(widget, "1 of 1 images segmented"), timeout=60_000)
    assert (tmp_path / "napari" / written.name).read_bytes() == written.read_bytes()


def test_the_files_of_a_further_layer_are_guessed_from_its_own(make_napari_viewer, files, textures):
    tifffile.imwrite(files / "stains_depth.tif", textures)
    viewer = make_napari_viewer()
    viewer.open(files / "stains_depth.tif", plugin="napari", name="depth")
    viewer.open(files / "stains.tif", plugin="napari", name="stains")
    widget = dock(viewer)
    combo(widget, "stains").setCurrentText("stains")
    further = widget.findChild(FurtherFiles)
    assert further.isHidden()
    choose(widget, "depth")
    assert further.extra == (("depth", "{folder}/{stem}_depth.tif"),)
    assert not further.isHidden()
    choose(widget, "depth")
    assert further.isHidden()


def test_several_painted_images_are_learned_from_alike(
    qtbot, make_napari_viewer, textures, chosen, notes, tmp_path
):
    tifffile.imwrite(tmp_path / "a.tif", np.stack([textures, textures.T]), photometric="minisblack")
    tifffile.imwrite(tmp_path / "b.tif", np.flipud(textures))
    viewer = make_napari_viewer()
    for name, turned in (("a", {}), ("b", {"scale": (0.5, 0.5), "rotate": 10})):
        viewer.open(tmp_path / f"{name}.tif", plugin="napari", name=name, **turned)
    widget = dock(viewer)
    for name in ("b", "a"):
        combo(widget, "a").setCurrentText(name)
        button(widget, "New").click()
        labels = viewer.layers[f"{name} strokes"].data
        labels[..., 5:60, 8:12], labels[..., 10:50, 50:54] = 1, 2
    save(qtbot, widget, notes)
    other = make_napari_viewer()
    again = opened(qtbot, other, chosen)
    box = again._bench.layers._all
    assert "all 2 painted images" in box.text()
    box.setChecked(True)
    button(again, "Segment").click()
    qtbot.waitUntil(lambda: "a segmentation" in other.layers, timeout=60_000)
    qtbot.waitUntil(lambda: says(again, "Done in") and not says(again, ".vitrail"), timeout=60_000)
    assert main(["train", str(chosen), "-o", str(tmp_path / "m.vitrail")]) == 0
    shown = other.dims.current_step[0]
    np.testing.assert_array_equal(
        segmented([textures, textures.T][shown], load_classifier(tmp_path / "m.vitrail")),
        other.layers["a segmentation"].data[shown],
    )
    assert len(training_planes(chosen).images) == 3
