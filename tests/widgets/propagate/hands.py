"""What the stories of Propagate do over and over."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QListWidget

from napari_vitrail.widgets import PropagateWidget
from napari_vitrail.widgets._quality_curve import QualityCurve
from tests.widgets.driving import button, click, draw

SIDE = 24
"""Pixels a side of the square in the movie."""


def dock(qtbot, viewer) -> PropagateWidget:
    """Return the widget, docked."""
    widget = PropagateWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Propagate")
    qtbot.waitUntil(lambda: widget.isVisible())
    return widget


def propagate(qtbot, widget, action: str = "Propagate"):
    """Press a button and wait for what comes of it."""
    button(widget, action).click()
    settle(qtbot, widget)


def settle(qtbot, widget):
    """Wait until nothing is computed."""
    qtbot.waitUntil(lambda: not widget._propagation.job.is_busy, timeout=60_000)


def square(place) -> np.ndarray:
    """Return the mask (72, 96) of a square that begins at a place."""
    mask = np.zeros((72, 96), bool)
    mask[place[0] : place[0] + SIDE, place[1] : place[1] + SIDE] = True
    return mask


def overlap(labels, place, label: int = 1) -> float:
    """Return the intersection over union of a label and the square that begins at a place."""
    found, truth = np.asarray(labels) == label, square(place)
    return float((found & truth).sum() / (found | truth).sum())


def frames_of(widget) -> list[str]:
    """Return the labelled frames as they are listed, those that are not ticked in brackets."""
    rows = widget.findChild(QListWidget)
    items = [rows.item(row) for row in range(rows.count())]
    return [
        item.text() if item.checkState() == Qt.CheckState.Checked else f"({item.text()})" for item in items
    ]


def curve_of(widget) -> QualityCurve:
    return widget.findChild(QualityCurve)


def click_curve(qtbot, widget, frame: int):
    """Click the curve where a frame is drawn."""
    curve = curve_of(widget)
    place = curve.place_of(frame, 0.5)
    qtbot.mouseClick(curve, Qt.MouseButton.LeftButton, pos=QPoint(round(place.x()), round(place.y())))


def click_pixel(viewer, widget, layer, spot):
    """Click a pixel (frame, row, column) of a layer, whose frame is in view, on the canvas."""
    click(viewer, widget, np.array(layer.data_to_world(spot))[-2:])


def paint(viewer, widget, layer, start, end):
    """Drag the mouse between two pixels (frame, row, column) of a layer, whose frame is in view."""
    draw(viewer, widget, *(np.array(layer.data_to_world(spot))[-2:] for spot in (start, end)))
