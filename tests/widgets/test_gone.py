"""Strokes whose image is removed from the viewer: still kept, still saved, and never another image's."""

from __future__ import annotations

import imageio.v3 as iio
import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog

from napari_vitrail.annotations import load_annotations
from napari_vitrail.reference import pixels_digest
from napari_vitrail.widgets import ClassifierWidget
from tests.widgets.driving import button, combo, draw, says


@pytest.fixture
def picture(textures, tmp_path):
    path = tmp_path / "textures.png"
    iio.imwrite(path, textures)
    return path


@pytest.fixture
def viewer(make_napari_viewer, picture):
    viewer = make_napari_viewer(show=True)
    viewer.open(picture, plugin="napari")
    return viewer


@pytest.fixture
def widget(viewer):
    widget = ClassifierWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Paint to segment")
    combo(widget, "Classical").setCurrentText("Classical")
    combo(widget, "Live").setCurrentText("Manual")
    return widget


@pytest.fixture
def chosen(monkeypatch, tmp_path):
    """Return the path that every file dialog answers with."""
    path = tmp_path / "own.vitrail"
    monkeypatch.setattr(QFileDialog, "exec", lambda dialog: 1)
    monkeypatch.setattr(QFileDialog, "selectedFiles", lambda dialog: [str(path)])
    return path


def paint(viewer, widget):
    """Press New and draw a stroke of two classes."""
    button(widget, "New").click()
    strokes = viewer.layers.selection.active
    strokes.brush_size = 4
    viewer.reset_view()
    draw(viewer, widget, (10, 8), (50, 10))
    strokes.selected_label = 2
    draw(viewer, widget, (10, 50), (50, 54))
    return strokes


def save(qtbot, widget, notes):
    notes.clear()
    button(widget, "Save project...").click()
    qtbot.waitUntil(lambda: notes != [], timeout=60_000)
    assert "project is saved as" in notes[0].message, notes[0].message
    qtbot.waitUntil(button(widget, "Save project...").isEnabled)


def test_strokes_outlive_their_image_in_what_is_kept_and_what_is_saved(
    qtbot, viewer, widget, picture, textures, chosen, notes
):
    strokes = paint(viewer, widget)
    viewer.layers.remove("textures")
    viewer.add_image(np.zeros((64, 64), np.uint8), name="next")  # and work goes on
    viewer.layers.selection.active = strokes
    draw(viewer, widget, (30, 30), (30, 40))
    autosave = widget._autosave
    qtbot.waitUntil(lambda: autosave._kept == autosave.revision > 0, timeout=20_000)
    [kept] = load_annotations(autosave._file.path).images
    np.testing.assert_array_equal(kept.strokes.dense(), strokes.data)
    assert (kept.image.name, kept.image.path) == ("textures", str(picture))
    assert kept.image.digest == pixels_digest(textures)

    save(qtbot, widget, notes)
    [saved] = load_annotations(chosen).images
    np.testing.assert_array_equal(saved.strokes.dense(), strokes.data)
    assert saved.image.path == str(picture)
    assert not autosave._file.path.exists()


def test_an_image_that_comes_back_has_its_strokes_again(viewer, widget, picture):
    strokes = paint(viewer, widget)
    viewer.layers.remove("textures")
    assert not button(widget, "Segment").isEnabled()
    [image] = viewer.open(picture, plugin="napari")
    assert widget._bench.layers.pairs == [(strokes, image)]
    assert button(widget, "Segment").isEnabled()


def test_the_next_image_brings_its_own_strokes(viewer, widget, textures):
    viewer.add_image(textures.T.copy(), name="next")
    combo(widget, "next").setCurrentText("next")
    own = paint(viewer, widget)
    combo(widget, "next").setCurrentText("textures")
    paint(viewer, widget)
    viewer.layers.remove("textures")
    assert widget._bench.layers.image is viewer.layers["next"]
    assert widget._bench.layers.strokes is own


def test_strokes_that_are_learned_from_with_another_image_become_its_own(
    qtbot, viewer, widget, textures, chosen, notes
):
    paint(viewer, widget)
    viewer.layers.remove("textures")
    viewer.add_image(textures, name="corrected")
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: says(widget, "Done in"), timeout=60_000)
    save(qtbot, widget, notes)
    assert [each.image.name for each in load_annotations(chosen).images] == ["corrected"]


def test_a_project_keeps_strokes_whose_image_was_not_found(
    qtbot, make_napari_viewer, viewer, widget, picture, textures, chosen, notes
):
    drawn = paint(viewer, widget).data.copy()
    save(qtbot, widget, notes)
    picture.unlink()
    other = make_napari_viewer(show=True)
    other.open(chosen, plugin=None)
    other.add_image(textures.T.copy(), name="other")
    again = ClassifierWidget(other)
    other.window.add_dock_widget(again, name="Paint to segment")
    qtbot.waitUntil(lambda: says(again, "own.vitrail"), timeout=60_000)
    combo(again, "other").setCurrentText("other")
    paint(other, again)
    save(qtbot, again, notes)
    saved = {each.name: each for each in load_annotations(chosen).images}
    assert saved.keys() == {"textures strokes", "other strokes"}
    np.testing.assert_array_equal(saved["textures strokes"].strokes.dense(), drawn)
    assert saved["textures strokes"].image.path == str(picture)
