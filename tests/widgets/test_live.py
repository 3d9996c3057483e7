"""Stories in a real viewer whose picture follows the brush."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox

from napari_vitrail.widgets import ClassifierWidget
from tests.widgets.conftest import SIDE
from tests.widgets.driving import button, canvas_of, combo, dock, draw, pixel_of, says

RESULT = "textures segmentation"


@pytest.fixture
def viewer(make_napari_viewer_proxy, textures):
    """Return a viewer that is seen and shows the textures."""
    viewer = make_napari_viewer_proxy(show=True)
    viewer.add_image(textures, name="textures")
    return viewer


@pytest.fixture
def widget(viewer):
    """Return the widget, docked, on classical features, which take no time, with the brush in hand."""
    widget = dock(viewer, update=None)
    button(widget, "New").click()
    viewer.layers["textures strokes"].brush_size = 4
    viewer.reset_view()
    return widget


@pytest.fixture
def strokes(viewer, widget):
    return viewer.layers["textures strokes"]


@pytest.fixture
def taught(qtbot, viewer, widget, strokes):
    """Paint a stroke of either class with the mouse, and wait until all is learned from them."""
    draw(viewer, widget, (10, 8), (50, 10))
    strokes.selected_label = 2
    draw(viewer, widget, (10, 50), (50, 54))
    settled(qtbot, widget)
    return viewer.layers[RESULT]


def gear(widget, text: str) -> None:
    found = next(box for box in widget.findChildren(QComboBox) if box.findText("Live") >= 0)
    found.setCurrentText(text)


def settled(qtbot, widget) -> None:
    qtbot.waitUntil(lambda: widget._live.is_settled, timeout=60_000)


def agreement(layer) -> float:
    truth = np.where(np.arange(SIDE) < SIDE // 2, 1, 2) * np.ones((SIDE, 1))
    return float((layer.data == truth).mean())


def test_a_stroke_of_a_second_class_makes_a_picture(taught):
    assert agreement(taught) > 0.9


def test_one_class_says_what_is_missing(qtbot, viewer, widget, notes):
    draw(viewer, widget, (10, 8), (50, 10))
    qtbot.waitUntil(lambda: says(widget, "paint a stroke of another class"), timeout=60_000)
    assert RESULT not in viewer.layers
    assert notes == []


def test_the_next_stroke_is_followed(qtbot, viewer, widget, strokes, taught):
    strokes.selected_label = 3
    draw(viewer, widget, (4, 45), (4, 60))
    qtbot.waitUntil(lambda: 3 in taught.data, timeout=60_000)


@pytest.mark.parametrize("how", ["undo", "erase", "fill", "script", "data"])
def test_whatever_changes_what_is_painted_counts_as_a_stroke(how, qtbot, viewer, widget, strokes, taught):
    draw(viewer, widget, (60, 45), (60, 60))
    settled(qtbot, widget)
    before = widget._live._live.classifier
    if how == "undo":
        strokes.undo()
    elif how == "erase":
        strokes.mode = "erase"
        draw(viewer, widget, (60, 45), (60, 60))
    elif how == "fill":
        strokes.fill((60, 52), 1)
    elif how == "script":
        strokes.data_setitem((np.array([60]), np.array([2])), 1)
    else:
        strokes.data = np.where(np.indices(strokes.data.shape)[0] > 55, 0, strokes.data)
    qtbot.waitUntil(lambda: widget._live._live.classifier is not before, timeout=60_000)
    settled(qtbot, widget)


def test_the_slider_is_no_stroke(qtbot, make_napari_viewer_proxy, textures, widget_of):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.add_image(np.stack([textures] * 3), name="textures")
    widget = widget_of(viewer)
    viewer.dims.set_point(0, 0)
    strokes = viewer.layers["textures strokes"]
    strokes.data_setitem((np.zeros(40, int), np.arange(10, 50), np.full(40, 9)), 1)
    strokes.data_setitem((np.zeros(40, int), np.arange(10, 50), np.full(40, 50)), 2)
    settled(qtbot, widget)
    classifier = widget._live._live.classifier
    viewer.dims.set_point(0, 2)
    qtbot.waitUntil(lambda: viewer.layers[RESULT].data[2].all(), timeout=60_000)
    assert not viewer.layers[RESULT].data[1].any()
    assert widget._live._live.classifier is classifier


@pytest.fixture
def widget_of():
    """Return a function that docks a widget on a viewer, with strokes to paint on."""

    def make(viewer) -> ClassifierWidget:
        widget = dock(viewer, update=None)
        button(widget, "New").click()
        return widget

    return make


def test_manual_waits_for_segment(qtbot, viewer, widget, strokes):
    gear(widget, "Manual")
    draw(viewer, widget, (10, 8), (50, 10))
    strokes.selected_label = 2
    draw(viewer, widget, (10, 50), (50, 54))
    qtbot.wait(500)
    assert RESULT not in viewer.layers
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: RESULT in viewer.layers, timeout=60_000)


def test_live_does_not_wait_for_the_brush_to_be_lifted(qtbot, viewer, widget, strokes, taught):
    gear(widget, "Live")
    before, canvas = widget._live._live.classifier, canvas_of(widget)
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=pixel_of(viewer, widget, (60, 40)))
    for column in (45, 50, 55):
        qtbot.mouseMove(canvas, pixel_of(viewer, widget, (60, column)))
    qtbot.waitUntil(lambda: widget._live._live.classifier is not before, timeout=60_000)
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=pixel_of(viewer, widget, (60, 55)))
    settled(qtbot, widget)


def test_only_what_is_in_view_is_segmented_if_so_chosen(qtbot, viewer, widget, strokes):
    widget._live._visible_only.value = True
    camera = getattr(viewer, "scene", viewer).camera
    camera.zoom *= 4
    qtbot.wait(200)
    strokes.data_setitem((np.arange(25, 40), np.full(15, 29)), 1)
    strokes.data_setitem((np.arange(25, 40), np.full(15, 36)), 2)
    settled(qtbot, widget)
    data = viewer.layers[RESULT].data
    assert data[32, 32]
    assert not data[:4].any()
    viewer.reset_view()
    qtbot.waitUntil(lambda: data.all(), timeout=60_000)


def test_the_newest_stroke_wins(qtbot, viewer, widget, strokes, taught):
    """Of strokes in quick succession the last one's classes are what is shown in the end."""
    for label in (3, 4, 5):
        strokes.data_setitem((np.full(20, 10 * label), np.arange(40, 60)), label)
    settled(qtbot, widget)
    assert set(widget._live._live.classifier.classes_) == {1, 2, 3, 4, 5}


def test_strokes_layer_removed_while_learning(qtbot, viewer, widget, strokes, taught, notes):
    strokes.data_setitem((np.full(20, 60), np.arange(40, 60)), 3)
    viewer.layers.remove(strokes)
    qtbot.waitUntil(lambda: not widget._bench.job.is_busy, timeout=60_000)
    assert [note.message for note in notes] == []
    assert taught in viewer.layers


def test_image_removed_while_learning(qtbot, viewer, widget, strokes, taught, notes):
    strokes.data_setitem((np.full(20, 60), np.arange(40, 60)), 3)
    viewer.layers.remove("textures")
    qtbot.waitUntil(lambda: not widget._bench.job.is_busy, timeout=60_000)
    assert [note.message for note in notes] == []


def test_two_widgets_do_not_disturb_each_other(qtbot, viewer, widget, strokes, taught, notes):
    other = ClassifierWidget(viewer)
    viewer.window.add_dock_widget(other, name="another")
    combo(other, "Classical").setCurrentText("Classical")
    strokes.data_setitem((np.full(20, 60), np.arange(40, 60)), 3)
    settled(qtbot, widget)
    settled(qtbot, other)
    assert 3 in taught.data
    assert [note.message for note in notes] == []


def test_closing_while_learning_ends_quietly(qtbot, viewer, widget, strokes, taught, notes):
    strokes.data_setitem((np.full(20, 60), np.arange(40, 60)), 3)
    viewer.window.remove_dock_widget(widget)
    qtbot.waitUntil(lambda: not widget._bench.job.is_busy, timeout=60_000)
    assert notes == []
