"""What the stories of Find common parts do over and over."""

from __future__ import annotations

from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QSlider, QSpinBox

from napari_vitrail.widgets import CommonPartsWidget
from napari_vitrail.widgets._gallery import Gallery, picture_rect
from tests.widgets.driving import button, combo, says


def dock(qtbot, viewer) -> CommonPartsWidget:
    """Return the widget, docked, which looks for the object as a whole."""
    widget = CommonPartsWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Find common parts")
    widget.findChild(QSlider).setValue(1)
    qtbot.waitUntil(lambda: not widget._amount._soon.isActive())
    return widget


def find(qtbot, widget):
    """Press Find and wait for what comes of it."""
    button(widget, "Find").click()
    qtbot.waitUntil(lambda: says(widget, "found in"), timeout=60_000)
    settle(qtbot, widget)


def settle(qtbot, widget):
    """Wait until nothing is computed or written."""
    qtbot.waitUntil(lambda: widget._sharing.is_settled, timeout=60_000)


def set_parts(qtbot, widget, count):
    """Move the slider to a number of parts and wait for what comes of it."""
    widget.findChild(QSlider).setValue(count)
    qtbot.waitUntil(lambda: not widget._amount._soon.isActive())
    settle(qtbot, widget)


def by_votes(qtbot, widget, count=None):
    """Have the object found by votes for clusters, of a number or by the elbow rule."""
    combo(widget, "Votes for clusters").setCurrentText("Votes for clusters")
    if count is not None:
        widget.findChild(QSpinBox).setValue(count)
    qtbot.waitUntil(lambda: not widget._how._soon.isActive())
    settle(qtbot, widget)


def click_picture(widget, row: int, place: tuple[int, int], *, twice: bool = False):
    """Click a pixel of a picture in the gallery."""
    gallery = widget.findChild(Gallery)
    index = gallery.model().index(row, 0)
    shape = widget._sharing.found.small[row].shape
    corner = picture_rect(gallery.visualRect(index), shape).topLeft()
    at = corner + QPoint(place[1], place[0])
    QTest.mouseClick(gallery.viewport(), Qt.MouseButton.LeftButton, pos=at)
    if twice:
        QTest.mouseDClick(gallery.viewport(), Qt.MouseButton.LeftButton, pos=at)
