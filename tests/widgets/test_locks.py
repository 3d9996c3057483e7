"""Locked classes under the tools of a real viewer."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Labels
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLineEdit, QTableWidget

from napari_vitrail import load_annotations
from napari_vitrail.widgets import ClassifierWidget
from napari_vitrail.widgets._annotations import strokes_data
from napari_vitrail.widgets._files import write_project
from napari_vitrail.widgets._layers import class_names, locked_classes
from tests.widgets.driving import button, combo, dock, draw, says

LOCK = 4


@pytest.fixture
def viewer(make_napari_viewer_proxy, textures):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.add_image(textures, name="textures")
    return viewer


@pytest.fixture
def widget(qtbot, viewer):
    widget = dock(viewer)
    button(widget, "New").click()
    qtbot.wait(300)  # until the dock has taken its width from the canvas
    viewer.reset_view()
    return widget


@pytest.fixture
def strokes(viewer, widget):
    """Return strokes of class 2, which is locked, and of class 7, which is not."""
    layer = viewer.layers["textures strokes"]
    layer.data[10:50, 8:12], layer.data[10:50, 50:54] = 2, 7
    widget._classes.refresh()
    lock(widget, 2)
    return layer


def lock(widget, label: int, state=Qt.CheckState.Checked) -> None:
    table = widget.findChild(QTableWidget)
    row = next(row for row in range(table.rowCount()) if table.item(row, 0).text() == str(label))
    table.item(row, LOCK).setCheckState(state)


def area(strokes, label: int) -> int:
    return int((strokes.data == label).sum())


def test_the_lock_is_kept_with_the_strokes(widget, strokes):
    assert locked_classes(strokes) == {2}
    assert class_names(strokes)[2] == "class 2"
    widget.findChild(QTableWidget).item(0, 1).setText("nucleus")  # of the label in hand
    assert locked_classes(strokes) == {2}
    lock(widget, 2, Qt.CheckState.Unchecked)
    assert locked_classes(strokes) == set()


@pytest.mark.parametrize("mode", ["paint", "erase"])
@pytest.mark.parametrize(("column", "label", "is_kept"), [(10, 2, True), (52, 7, False)])
def test_the_brush_and_the_eraser_go_round_a_locked_class(
    column, label, is_kept, mode, qtbot, viewer, widget, strokes
):
    strokes.brush_size, strokes.mode, strokes.selected_label = 12, mode, 9
    draw(viewer, widget, (30, column), (34, column))
    assert (area(strokes, label) == 160) is is_kept
    if mode == "paint":
        assert area(strokes, 9) > 20  # beside the stroke, or over it


def test_the_lock_is_kept_in_a_project(viewer, strokes, tmp_path):
    path = str(tmp_path / "it.vitrail")
    write_project(path, [viewer.layers[name].as_layer_data_tuple() for name in ("textures", strokes.name)])
    annotations = load_annotations(path)
    data, attributes, _ = strokes_data(annotations.images[0], annotations.classes, {})
    assert locked_classes(Labels(data, **attributes)) == {2}


def test_undo_and_redo_leave_a_locked_class_as_it_is(qtbot, viewer, widget, strokes):
    strokes.brush_size, strokes.mode, strokes.selected_label = 12, "paint", 9
    before = strokes.data.copy()
    draw(viewer, widget, (30, 10), (34, 10))
    painted = strokes.data.copy()
    assert (painted == 9).any()
    strokes.undo()
    np.testing.assert_array_equal(strokes.data, before)
    strokes.redo()
    np.testing.assert_array_equal(strokes.data, painted)


def test_fill_and_polygon_go_round_a_locked_class(strokes):
    strokes.fill((30, 9), 9)
    assert area(strokes, 2) == 160
    strokes.paint_polygon([[0, 0], [0, 40], [60, 40], [60, 0]], 9)
    assert area(strokes, 2) == 160
    assert area(strokes, 9) > 1000
    strokes.data_setitem((np.array([20, 20]), np.array([9, 30])), np.array([3, 3]))
    assert (strokes.data[20, 9], strokes.data[20, 30]) == (2, 3)


def test_a_locked_class_may_be_painted_with(strokes):
    strokes.paint((55, 30), 2)
    assert area(strokes, 2) > 160


def test_an_unlocked_class_can_be_painted_over(widget, strokes):
    lock(widget, 2, Qt.CheckState.Unchecked)
    strokes.fill((30, 9), 9)
    assert area(strokes, 2) == 0


def test_the_tools_are_free_again_when_the_widget_has_gone(viewer, widget, strokes):
    viewer.window.remove_dock_widget(widget)
    strokes.fill((30, 9), 9)
    assert area(strokes, 2) == 0


def test_a_locked_class_keeps_its_area_in_the_result(qtbot, viewer, widget, strokes):
    lock(widget, 2, Qt.CheckState.Unchecked)
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: says(widget, "Done in"), timeout=60_000)
    result = viewer.layers["textures segmentation"]
    before = result.data == 2
    lock(widget, 2)
    strokes.data[:, :] = 0
    strokes.data[10:50, 20:30], strokes.data[10:50, 50:54] = 7, 9  # class 2 is painted nowhere any more
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: 9 in result.data and says(widget, "Done in"), timeout=60_000)
    np.testing.assert_array_equal(result.data == 2, before)
    strokes.data[20:30, 33:37] = 2
    strokes.data[40:60, 40:60] = 2
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: not widget._bench.job.is_busy, timeout=60_000)
    np.testing.assert_array_equal(result.data == 2, before)  # nor does it grow


def segment(qtbot, widget) -> None:
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: not widget._bench.job.is_busy and says(widget, "Done in"), timeout=60_000)


def test_a_class_that_was_locked_before_the_first_segmentation_keeps_its_area(qtbot, viewer, widget, strokes):
    segment(qtbot, widget)
    result = viewer.layers["textures segmentation"]
    before = result.data == 2
    assert before.mean() > 0.1
    strokes.data[:, :] = 0
    strokes.data[10:50, 20:30], strokes.data[10:50, 50:54] = 7, 9
    segment(qtbot, widget)
    assert 9 in result.data
    np.testing.assert_array_equal(result.data == 2, before)


def test_a_locked_class_keeps_its_area_in_the_result_that_follows_a_renamed_one(
    qtbot, viewer, widget, strokes
):
    segment(qtbot, widget)
    viewer.layers["textures segmentation"].name = "mine"
    segment(qtbot, widget)
    result = viewer.layers["textures segmentation"]
    before = result.data == 2
    strokes.data[:, :] = 0
    strokes.data[10:50, 20:30], strokes.data[10:50, 50:54] = 7, 9
    segment(qtbot, widget)
    np.testing.assert_array_equal(result.data == 2, before)


def test_a_locked_class_keeps_its_area_while_one_paints(qtbot, viewer, widget, strokes):
    combo(widget, "Live").setCurrentText("After stroke")
    strokes.paint((5, 30), 7)
    qtbot.waitUntil(lambda: widget._live.is_settled, timeout=60_000)
    result = viewer.layers["textures segmentation"]
    before = result.data == 2
    assert before.any()
    for row in (20, 30, 40):
        strokes.paint((row, 20), 7)
    qtbot.waitUntil(lambda: not widget._live.is_settled, timeout=60_000)
    qtbot.waitUntil(lambda: widget._live.is_settled, timeout=60_000)
    np.testing.assert_array_equal(result.data == 2, before)


def test_two_widgets_guard_a_layer_until_both_have_gone(viewer, widget, strokes):
    other = ClassifierWidget(viewer)
    viewer.window.add_dock_widget(other, name="another")
    viewer.window.remove_dock_widget(other)
    strokes.fill((30, 9), 9)
    assert area(strokes, 2) == 160
    viewer.window.remove_dock_widget(widget)
    strokes.fill((30, 9), 9)
    assert area(strokes, 2) == 0


def test_a_closed_widget_that_is_still_held_takes_no_keys_and_guards_nothing(viewer, widget, strokes):
    viewer.window.remove_dock_widget(widget)
    viewer.add_image(np.zeros((64, 64), np.uint8), name="later")
    viewer.layers.selection.active = strokes
    assert widget._classes._strokes is None
    assert not strokes.keymap
    strokes.fill((30, 9), 9)
    assert area(strokes, 2) == 0


def test_a_name_that_is_being_typed_is_left_alone(qtbot, widget, strokes):
    table = widget.findChild(QTableWidget)
    table.editItem(table.item(0, 1))
    editor = table.viewport().findChild(QLineEdit)
    editor.setText("nucl")
    strokes.data_setitem((np.array([60]), np.array([60])), 5)
    widget._classes.refresh()
    assert editor.text() == "nucl"
    assert table.rowCount() == 3
    qtbot.keyClicks(editor, "eus")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: table.rowCount() == 4, timeout=5_000)
    assert "nucleus" in class_names(strokes).values()
