"""Nothing that was painted is lost: several strokes layers, restoring, and writers that overlap."""

from __future__ import annotations

import os

import imageio.v3 as iio
import numpy as np
import pytest
from napari.layers import Image, Labels
from qtpy.QtWidgets import QFileDialog

from napari_vitrail.annotations import Annotations, ClassLabel, load_annotations
from napari_vitrail.widgets._keeping import KeptFile
from tests.widgets.driving import button, combo, dock, draw


@pytest.fixture
def viewer(make_napari_viewer_proxy, textures):
    """Return a viewer that shows the textures, which are in no file."""
    viewer = make_napari_viewer_proxy()
    viewer.add_image(textures, name="textures")
    return viewer


@pytest.fixture
def widget(viewer):
    return dock(viewer)


def paint(layer, row, label=1):
    layer.data_setitem((np.full(20, row), np.arange(20, 40)), label)


def new(viewer, widget, row) -> Labels:
    """Press New and paint a row."""
    button(widget, "New").click()
    layer = viewer.layers.selection.active
    paint(layer, row)
    return layer


def kept_in(path) -> dict[str, np.ndarray]:
    """Return the strokes in a file by name."""
    return {each.name: each.strokes.dense() for each in load_annotations(path).images}


def images_in(path) -> dict[str, str]:
    """Return which image each strokes layer in a file is on."""
    return {each.name: each.image.name for each in load_annotations(path).images}


def left_by_a_crash(viewer, widget, unsaved):
    """Return the file that a process has left which painted on the textures and then died."""
    new(viewer, widget, 5)
    widget._autosave.flush()
    [path] = unsaved.glob("[!.]*.vitrail")
    died = path.rename(unsaved / path.name.replace(f"-{os.getpid()}-", "-999999-"))
    viewer.layers.clear()
    return died


# ---------------------------------------------------------------- all strokes are kept


def test_every_strokes_layer_of_an_image_is_kept_and_saved(
    qtbot, viewer, widget, monkeypatch, tmp_path, notes
):
    first, second = new(viewer, widget, 5), new(viewer, widget, 9)
    second.name = "my second try"
    widget._autosave.flush()
    names = {"textures strokes", "my second try"}
    kept = kept_in(widget._autosave._file.path)
    assert kept.keys() == names
    np.testing.assert_array_equal(kept["textures strokes"], first.data)
    path = tmp_path / "all.vitrail"
    monkeypatch.setattr(QFileDialog, "exec", lambda dialog: 1)
    monkeypatch.setattr(QFileDialog, "selectedFiles", lambda dialog: [str(path)])
    button(widget, "Save project...").click()
    qtbot.waitUntil(lambda: notes != [], timeout=60_000)
    assert kept_in(path).keys() == names
    assert set(images_in(path).values()) == {"textures"}


def test_strokes_painted_while_another_image_is_chosen_are_kept(qtbot, viewer, widget, textures):
    viewer.add_image(textures[::-1], name="other")
    combo(widget, "textures").setCurrentText("other")
    other = new(viewer, widget, 5)
    combo(widget, "textures").setCurrentText("textures")
    new(viewer, widget, 9)
    widget._autosave.flush()
    revision = widget._autosave.revision
    viewer.layers.selection.active = other
    other.mode, other.brush_size = "paint", 3
    draw(viewer, widget, (30, 10), (30, 50))
    qtbot.waitUntil(lambda: widget._autosave.revision > revision)
    widget._autosave.flush()
    np.testing.assert_array_equal(kept_in(widget._autosave._file.path)["other strokes"], other.data)
    assert images_in(widget._autosave._file.path) == {
        "textures strokes": "textures",
        "other strokes": "other",
    }


def test_another_image_in_view_does_not_take_the_strokes(viewer, widget, textures):
    new(viewer, widget, 5)
    viewer.add_image(textures[::-1], name="other")
    combo(widget, "textures").setCurrentText("other")
    widget._autosave.note()
    widget._autosave.flush()
    assert images_in(widget._autosave._file.path) == {"textures strokes": "textures"}


def test_strokes_of_any_name_stay_kept_when_another_image_is_painted_on(viewer, widget, textures):
    mine = viewer.add_labels(np.zeros((64, 64), np.uint8), name="mine")
    paint(mine, 5)
    viewer.add_image(textures[::-1], name="other")
    combo(widget, "textures").setCurrentText("other")
    new(viewer, widget, 9)
    widget._autosave.flush()
    assert kept_in(widget._autosave._file.path).keys() == {"mine", "other strokes"}


# ---------------------------------------------------------------- restoring


def test_restored_strokes_without_their_image_are_kept_and_saved_as_those_on_it(
    qtbot, viewer, widget, unsaved, make_napari_viewer_proxy, textures, notes
):
    died = left_by_a_crash(viewer, widget, unsaved)
    drawn = kept_in(died)["textures strokes"]
    other = make_napari_viewer_proxy()
    other.add_image(255 - textures, name="another")
    again = dock(other)
    new(other, again, 9)
    button(again, "Restore").click()
    qtbot.waitUntil(lambda: not died.exists(), timeout=10_000)
    path = again._autosave._file.path
    assert images_in(path) == {"another strokes": "another", "textures strokes": "textures"}
    np.testing.assert_array_equal(kept_in(path)["textures strokes"], drawn)


def test_restored_strokes_find_their_image_by_its_looks(
    qtbot, viewer, widget, unsaved, make_napari_viewer_proxy, textures
):
    died = left_by_a_crash(viewer, widget, unsaved)
    other = make_napari_viewer_proxy()
    other.add_image(textures, name="by another name")
    again = dock(other)
    button(again, "Restore").click()
    assert again._bench.layers.pairs == [(other.layers["textures strokes"], other.layers["by another name"])]
    qtbot.waitUntil(lambda: not died.exists(), timeout=5000)
    assert kept_in(again._autosave._file.path).keys() == {"textures strokes"}


def test_restored_strokes_belong_to_their_image_though_its_name_is_taken(
    make_napari_viewer_proxy, unsaved, textures, tmp_path
):
    iio.imwrite(tmp_path / "textures.png", textures)
    viewer = make_napari_viewer_proxy()
    viewer.open(tmp_path / "textures.png", plugin="napari")
    left_by_a_crash(viewer, dock(viewer), unsaved)
    other = make_napari_viewer_proxy()
    other.add_image(255 - textures, name="textures")
    again = dock(other)
    own = new(other, again, 9)
    button(again, "Restore").click()
    pairs = {strokes.name: image.name for strokes, image in again._bench.layers.pairs}
    assert pairs == {own.name: "textures", "textures strokes [1]": "textures [1]"}


def test_restored_strokes_are_no_project(qtbot, viewer, widget, unsaved, make_napari_viewer_proxy, textures):
    died = left_by_a_crash(viewer, widget, unsaved)
    other = make_napari_viewer_proxy()
    other.add_image(textures, name="textures")
    again = dock(other)
    button(again, "Restore").click()
    qtbot.waitUntil(lambda: not died.exists(), timeout=5000)
    once_more = dock(other)
    qtbot.wait(20)
    assert once_more._project._path == again._project._path == ""
    assert not once_more._bench.job.is_busy


def test_a_copy_of_a_projects_strokes_loads_nothing_and_opening_again_does(
    qtbot, viewer, widget, tmp_path, textures, monkeypatch
):
    new(viewer, widget, 5)
    path = tmp_path / "textures.vitrail"
    viewer.layers.save(str(path))
    del viewer.layers["textures strokes"]
    loaded = []
    monkeypatch.setattr(widget._project, "_load", loaded.append)
    widget._project.open(path)
    qtbot.waitUntil(lambda: loaded == [str(path)])
    strokes = viewer.layers["textures strokes"]
    viewer.add_layer(Labels(strokes.data.copy(), name="copy", metadata=strokes.metadata))
    qtbot.wait(20)
    assert loaded == [str(path)]
    widget._project.open(path)
    qtbot.waitUntil(lambda: len(loaded) == 2)
    for layer in [layer for layer in viewer.layers if not isinstance(layer, Image)]:
        viewer.layers.remove(layer)
    viewer.open(path, plugin=None)  # as by a double click
    qtbot.waitUntil(lambda: len(loaded) == 3)


# ---------------------------------------------------------------- writers that overlap


def of_class(label) -> Annotations:
    return Annotations(classes=(ClassLabel(label, "", (0.0, 0.0, 0.0, 1.0)),))


def test_what_was_read_earlier_is_not_written_over_what_was_read_later(tmp_path):
    file = KeptFile(tmp_path / "kept.vitrail")
    earlier, later = file.number(), file.number()
    assert file.write(of_class(2), later)
    assert not file.write(of_class(1), earlier)
    assert load_annotations(file.path).classes == of_class(2).classes


def test_a_removed_file_comes_back_with_new_strokes_only(tmp_path):
    file = KeptFile(tmp_path / "kept.vitrail")
    before = file.number()
    file.remove()
    assert not file.write(of_class(1), before)
    assert not file.path.exists()
    assert file.write(of_class(1), file.number())
    assert file.path.exists()


def test_a_worker_behind_a_flush_or_a_save_writes_nothing(viewer, widget):
    autosave = widget._autosave
    strokes = new(viewer, widget, 5)
    worker = autosave._steps(autosave._pairs())
    for step in worker:
        if step.what == "writing":  # at its last yield: it holds the first row only
            break
    paint(strokes, 9)
    autosave.note()
    autosave.flush()
    assert list(worker) == []
    np.testing.assert_array_equal(kept_in(autosave._file.path)["textures strokes"], strokes.data)

    worker = autosave._steps(autosave._pairs())
    for step in worker:
        if step.what == "writing":
            break
    autosave.forget(autosave.revision, [strokes])
    assert list(worker) == []
    assert not autosave._file.path.exists()
