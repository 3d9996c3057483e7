"""All that a hand can do without a mouse: reach every control, see where one is, and work it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QColorDialog,
    QComboBox,
    QLineEdit,
    QListWidget,
    QScrollArea,
    QTableWidget,
    QTabWidget,
    QToolButton,
)

from napari_vitrail.widgets import FeaturesWidget
from napari_vitrail.widgets._focus import FocusRing
from napari_vitrail.widgets._layers import class_names, locked_classes
from tests.widgets.driving import activate, button, combo, dock, says, tab_through

CONTROLS = (QAbstractButton, QComboBox, QAbstractSpinBox, QLineEdit, QListWidget, QTableWidget)


@pytest.fixture
def viewer(make_napari_viewer_proxy, textures):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.add_image(np.stack([textures, textures]), name="stack")
    viewer.add_image(textures, name="textures")
    return viewer


@pytest.fixture
def widget(qtbot, viewer):
    """Return the widget, docked, with a stroke of either class, in a window that has the keyboard."""
    widget = dock(viewer)
    activate(qtbot, widget)
    button(widget, "New").click()
    strokes = viewer.layers["textures strokes"]
    strokes.data[10:50, 8:12], strokes.data[10:50, 50:54] = 2, 7
    widget._classes.refresh()
    return widget


@pytest.fixture
def segmented(qtbot, widget):
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: says(widget, "Done in"), timeout=60_000)
    return widget


@pytest.fixture
def table(widget):
    table = widget.findChild(QTableWidget)
    table.setFocus(Qt.FocusReason.TabFocusReason)
    return table


def controls(page) -> set:
    """Return what a page has to work with."""
    found = {part for kind in CONTROLS for part in page.findChildren(kind)}
    return {
        part
        for part in found
        if part.isVisible() and part.isEnabled()
        and not isinstance(part.parent(), (QAbstractSpinBox, QComboBox, QAbstractItemView))
        and not isinstance(part, QToolButton)
    }  # fmt: skip


def is_before(first, second, whole) -> bool:
    """Whether one part is seen above another, or left of it in the same row."""
    at, then = first.mapTo(whole, QPoint()), second.mapTo(whole, QPoint())
    return at.y() + first.height() <= then.y() or at.x() + first.width() <= then.x()


@pytest.mark.parametrize("title", ["Paint", "Results", "Trust", "Batch", "Settings"])
def test_tab_reaches_every_control_of_a_page_as_it_is_seen(qtbot, segmented, title):
    pages = segmented.findChild(QTabWidget)
    titles = [pages.tabText(index) for index in range(pages.count())]
    pages.tabBar().setFocus()
    for _ in range(titles.index(title)):
        qtbot.keyClick(pages.tabBar(), Qt.Key.Key_Right)
    assert pages.tabText(pages.currentIndex()) == title
    page = pages.currentWidget()
    for fold in page.findChildren(QAbstractButton):
        if fold.text().startswith("▸"):
            fold.click()
    reached = tab_through(qtbot, segmented, pages.tabBar())
    assert controls(page) - set(reached) == set()
    assert reached[-1] is button(segmented, "Segment")
    scrolled = [area.widget() for area in page.findChildren(QScrollArea)]
    for whole in (segmented, *scrolled):
        parts = [part for part in reached if whole.isAncestorOf(part)]
        own = [part for part in parts if whole in scrolled or not any(s.isAncestorOf(part) for s in scrolled)]
        for first, second in pairwise(own):
            assert is_before(first, second, whole), (first, second)


def test_tab_reaches_every_control_of_explore_features(qtbot, viewer):
    widget = FeaturesWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Explore features")
    activate(qtbot, widget)
    images = widget.findChild(QListWidget)
    reached = tab_through(qtbot, widget, images)
    assert controls(widget) - set(reached) == set()
    for first, second in pairwise(reached):
        assert is_before(first, second, widget), (first, second)
    assert [image.name for image in widget._images.chosen] == ["textures"]
    images.setFocus()
    qtbot.keyClick(images, Qt.Key.Key_Down)
    qtbot.keyClick(images, Qt.Key.Key_Space)
    assert {image.name for image in widget._images.chosen} == {"textures", "stack"}


def test_a_frame_shows_where_the_keys_go_unless_the_mouse_went_there(qtbot, widget):
    ring, add = widget.findChild(FocusRing), button(widget, "Add class")
    combo(widget, "Manual").setFocus(Qt.FocusReason.TabFocusReason)
    assert ring.isVisible()
    add.setFocus(Qt.FocusReason.TabFocusReason)
    framed = ring.geometry()
    assert framed.contains(add.rect().translated(add.mapTo(widget, QPoint())))
    assert framed.height() < add.height() + 8
    widget.findChild(QTabWidget).setCurrentIndex(1)
    assert not ring.geometry().contains(framed) or not ring.isVisible()
    widget.findChild(QTabWidget).setCurrentIndex(0)
    qtbot.mouseClick(button(widget, "New"), Qt.MouseButton.LeftButton)
    assert QApplication.focusWidget() is button(widget, "New")
    assert not ring.isVisible()


def test_enter_presses_a_button_as_space_does(qtbot, viewer, widget):
    new = button(widget, "New")
    new.setFocus()
    qtbot.keyClick(new, Qt.Key.Key_Return)
    qtbot.keyClick(new, Qt.Key.Key_Space)
    assert [layer.name for layer in viewer.layers if "strokes" in layer.name] == [
        "textures strokes", "textures strokes [1]", "textures strokes [2]",
    ]  # fmt: skip


def test_a_class_is_chosen_by_arrows_and_locked_by_space(qtbot, viewer, table):
    strokes = viewer.layers["textures strokes"]
    assert strokes.selected_label == 1
    qtbot.keyClick(table, Qt.Key.Key_Down)
    assert strokes.selected_label == 2
    qtbot.keyClick(table, Qt.Key.Key_Space)
    assert locked_classes(strokes) == {2}
    assert table.item(table.currentRow(), 0).text() == "2"
    qtbot.keyClick(table, Qt.Key.Key_Space)
    assert locked_classes(strokes) == set()


@pytest.mark.parametrize("key", [Qt.Key.Key_F2, Qt.Key.Key_Return])
def test_a_class_is_renamed_by_a_key(qtbot, viewer, table, key):
    qtbot.keyClick(table, Qt.Key.Key_Down)
    qtbot.keyClick(table, key)
    editor = table.findChild(QLineEdit)
    qtbot.keyClicks(editor, "board")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: table.findChild(QLineEdit) is None)
    assert class_names(viewer.layers["textures strokes"])[2] == "board"


def test_a_class_gets_another_colour_by_a_key(qtbot, viewer, table, monkeypatch):
    monkeypatch.setattr(QColorDialog, "getColor", lambda *_: QColor(10, 20, 30))
    qtbot.keyClick(table, Qt.Key.Key_C)
    colour = viewer.layers["textures strokes"].get_color(1)
    np.testing.assert_allclose(np.asarray(colour)[:3] * 255, (10, 20, 30), atol=1)


def test_keys_that_the_table_has_no_use_for_are_the_viewers(qtbot, viewer, table):
    qtbot.keyClick(table, Qt.Key.Key_7)
    assert viewer.layers["textures strokes"].selected_label == 7
    assert table.findChild(QLineEdit) is None
