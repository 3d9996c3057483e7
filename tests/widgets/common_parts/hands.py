"""What the stories of Find common parts do over and over."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLineEdit, QSlider, QSpinBox, QTableWidget

from napari_vitrail.widgets import CommonPartsWidget
from napari_vitrail.widgets._gallery import Gallery, picture_rect
from tests.widgets.driving import button, canvas_of, combo, says


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
    qtbot.waitUntil(lambda: widget._sharing.is_settled and not widget._save.is_busy, timeout=60_000)


def set_parts(qtbot, widget, count, *, is_settled=True):
    """Move the slider to a number of parts and wait for what comes of it."""
    widget.findChild(QSlider).setValue(count)
    qtbot.waitUntil(lambda: not widget._amount._soon.isActive())
    if is_settled:
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


def show_grid(viewer, stride: int):
    """Show the layers beside each other, some in each cell."""
    grid = getattr(viewer, "canvas", viewer).grid  # napari 0.9 moved it
    grid.stride = stride
    grid.enabled = True
    viewer.reset_view()


def click_cell(viewer, widget, cell: tuple[int, int], cells: tuple[int, int], position):
    """Click a position in the world in a cell (row, column) of a grid view of so many."""
    canvas, camera = canvas_of(widget), getattr(viewer, "scene", viewer).camera
    sides = np.array([canvas.height(), canvas.width()]) / cells
    row, column = (np.array(cell) + 0.5) * sides + (np.asarray(position) - camera.center[-2:]) * camera.zoom
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(round(column), round(row)))


def overlap(labels, place) -> float:
    """Return the intersection over union of labels (64, 72) and the square that begins somewhere."""
    truth = np.zeros((64, 72), bool)
    truth[place[0] : place[0] + 24, place[1] : place[1] + 24] = True
    return float(((labels > 0) & truth).sum() / ((labels > 0) | truth).sum())


def choose_folder(widget, folder):
    """Choose the files of a folder."""
    combo(widget, "Files of a folder").setCurrentText("Files of a folder")
    next(line for line in widget.findChildren(QLineEdit) if line.isVisible()).setText(str(folder))


def rows_of(widget) -> QTableWidget:
    """Return the table of parts."""
    return widget.findChild(QTableWidget)
