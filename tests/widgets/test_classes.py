"""The table of classes: names, colours, counts, and keys that choose."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QColorDialog, QTableWidget

from napari_vitrail.widgets import _counts
from napari_vitrail.widgets._layers import class_names
from tests.widgets.driving import button, combo, dock


@pytest.fixture
def viewer(make_napari_viewer_proxy, noise):
    viewer = make_napari_viewer_proxy()
    viewer.add_image(noise, name="noise")
    return viewer


@pytest.fixture
def widget(viewer):
    widget = dock(viewer)
    button(widget, "New").click()
    return widget


@pytest.fixture
def strokes(viewer, widget):
    layer = viewer.layers["noise strokes"]
    layer.data_setitem((np.array([1, 1, 2]), np.array([1, 2, 3])), 2)
    layer.data_setitem((np.array([5]), np.array([5])), 7)
    widget._classes.refresh()
    return layer


@pytest.fixture
def table(widget, strokes):
    return widget.findChild(QTableWidget)


def rows(table):
    return [[table.item(row, column).text() for column in range(4)] for row in range(table.rowCount())]


def test_there_is_a_row_for_what_is_painted_and_what_is_in_hand(table):
    assert rows(table) == [
        ["1", "class 1", "0", ""],
        ["2", "class 2", "3", ""],
        ["7", "class 7", "1", ""],
    ]


def test_a_name_is_kept_with_the_strokes(table, strokes):
    table.item(1, 1).setText("nucleus")
    assert class_names(strokes) == {2: "nucleus"}
    table.item(1, 1).setText(" ")
    assert class_names(strokes) == {}
    assert table.item(1, 1).text() == "class 2"


def test_names_given_elsewhere_are_shown(widget, table, strokes):
    strokes.features = {"index": [0, 9], "class": ["unlabelled", "spindle"]}
    widget._classes.refresh()
    assert rows(table)[-1][:3] == ["9", "spindle", "0"]


def test_the_selected_row_is_painted_with(table, strokes):
    table.selectRow(2)
    assert strokes.selected_label == 7
    strokes.selected_label = 2
    assert len(table.selectedIndexes()) > 0


def test_the_label_in_hand_is_the_selected_row(widget, table, strokes):
    strokes.selected_label = 2
    widget._classes.refresh()
    assert [row[0] for row in rows(table)] == ["2", "7"]  # nothing is painted with 1
    assert {index.row() for index in table.selectedIndexes()} == {0}


def test_a_colour_can_be_chosen(table, strokes, monkeypatch):
    before = strokes.get_color(7)
    monkeypatch.setattr(QColorDialog, "getColor", lambda *_: QColor(0, 128, 255))
    table.itemDoubleClicked.emit(table.item(1, 0))
    np.testing.assert_allclose(strokes.get_color(2), (0, 128 / 255, 1, 1), atol=1e-3)
    np.testing.assert_array_equal(strokes.get_color(7), before)


def test_areas_are_shares_of_the_plane_in_view(qtbot, viewer, widget, table, strokes):
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: "noise segmentation" in viewer.layers, timeout=60_000)
    qtbot.waitUntil(lambda: rows(table)[1][3] != "", timeout=5_000)
    found = viewer.layers["noise segmentation"].data
    assert rows(table)[1][3] == f"{(found == 2).mean():.1%}"
    assert rows(table)[0][3] == "0.0%"


def test_add_takes_a_label_that_is_not_used(widget, table, strokes):
    button(widget, "Add class").click()
    assert strokes.selected_label == 8
    assert strokes.mode == "paint"
    strokes.selected_label = 2
    widget._classes.refresh()
    assert rows(table)[-1][0] == "8"  # though nothing is painted with it yet


def test_digits_choose_classes_on_the_strokes_layer_only(viewer, widget, strokes):
    other = viewer.add_labels(np.zeros((12, 16), int))
    bound = {str(key) for key in strokes.keymap}
    assert set("123456789") <= bound
    assert not other.keymap
    strokes.keymap[next(key for key in strokes.keymap if str(key) == "7")](strokes)
    assert strokes.selected_label == 7


def test_a_key_that_the_layer_has_uses_for_is_left_alone(viewer, widget):
    other = viewer.add_labels(np.zeros((12, 16), np.uint8), name="own")
    pressed = []
    other.bind_key("3", lambda layer: pressed.append(3))
    combo(widget, "own").setCurrentText("own")
    other.keymap[next(key for key in other.keymap if str(key) == "3")](other)
    assert pressed == [3]
    assert "4" in {str(key) for key in other.keymap}


def test_keys_are_given_back(viewer, widget, strokes):
    viewer.window.remove_dock_widget(widget)
    assert not strokes.keymap


@pytest.fixture
def counted(monkeypatch):
    """Return a list that each count adds the counted shape to."""
    shapes = []
    count = _counts.count_labels
    monkeypatch.setattr(_counts, "count_labels", lambda labels: shapes.append(labels.shape) or count(labels))
    return shapes


@pytest.mark.parametrize("is_brush_deep", [False, True])
def test_a_step_of_the_slider_counts_one_plane_and_later(qtbot, viewer, widget, counted, is_brush_deep):
    viewer.add_image(np.zeros((5, 20, 30), np.uint8), name="stack")
    combo(widget, "noise").setCurrentText("stack")
    button(widget, "New").click()
    table, layer = widget.findChild(QTableWidget), viewer.layers["stack strokes"]
    qtbot.waitUntil(lambda: not widget._classes._soon.isActive(), timeout=5_000)
    counted.clear()
    for step in (1, 2, 3):
        viewer.dims.set_current_step(0, step)
    assert counted == []
    layer.n_edit_dimensions = 3 if is_brush_deep else 2
    layer.brush_size, layer.selected_label = 5, 4
    layer.paint((3, 10, 10), 4)
    qtbot.waitUntil(lambda: not widget._classes._soon.isActive(), timeout=5_000)
    assert len(counted) == (4 if is_brush_deep else 1)
    assert ["4", "class 4", f"{(layer.data == 4).sum():,}", ""] in rows(table)
    viewer.dims.set_current_step(0, 0)
    widget._classes.refresh()
    assert ["4", "class 4", f"{(layer.data == 4).sum():,}", ""] in rows(table)


def test_other_data_are_counted_on_all_planes(qtbot, viewer, widget):
    viewer.add_image(np.zeros((5, 20, 30), np.uint8), name="stack")
    combo(widget, "noise").setCurrentText("stack")
    button(widget, "New").click()
    viewer.layers["stack strokes"].data = np.full((5, 20, 30), 3, np.uint8)
    qtbot.waitUntil(
        lambda: ["3", "class 3", "3,000", ""] in rows(widget.findChild(QTableWidget)), timeout=5_000
    )
    viewer.dims.order = (1, 0, 2)
    widget._classes.refresh()
    assert ["3", "class 3", "3,000", ""] in rows(widget.findChild(QTableWidget))


@pytest.mark.parametrize(("dtype", "strange"), [(np.uint64, 1 << 40), (np.int32, -7), (np.uint32, 65_536)])
def test_labels_that_can_be_no_class_are_not_counted(widget, strokes, table, dtype, strange):
    labels = np.zeros(strokes.data.shape, dtype)
    labels[0, :4], labels[1, :3] = strange, 65_535
    strokes.data = labels
    widget._classes.refresh()
    assert [row[::2] for row in rows(table)] == [["1", "0"], ["65535", "3"]]
