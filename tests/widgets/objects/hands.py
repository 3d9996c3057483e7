"""What the stories of Find objects do over and over."""

from __future__ import annotations

import numpy as np
from qtpy.QtWidgets import QSlider, QTableWidget

from napari_vitrail.widgets import FindObjectsWidget
from tests.widgets.driving import button, click, says


def dock(qtbot, viewer) -> FindObjectsWidget:
    """Return the widget, docked."""
    widget = FindObjectsWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Find objects")
    qtbot.waitUntil(lambda: widget.isVisible())
    return widget


def find(qtbot, widget):
    """Press Find objects and wait for what comes of it."""
    button(widget, "Find objects").click()
    qtbot.waitUntil(lambda: says(widget, "Done in"), timeout=60_000)
    settle(qtbot, widget)


def settle(qtbot, widget):
    """Wait until nothing is computed or written."""
    qtbot.waitUntil(lambda: widget._scenes.is_settled and not widget._save.is_busy, timeout=60_000)


def slide(qtbot, widget, place: int):
    """Move the slider and wait for what comes of it."""
    widget.findChild(QSlider).setValue(place)
    settle(qtbot, widget)


def rows_of(widget) -> QTableWidget:
    """Return the table of classes."""
    return widget.findChild(QTableWidget)


def ticked(widget) -> list[bool]:
    """Return which rows of the table are ticked."""
    table = rows_of(widget)
    return [table.item(row, 1).checkState().value == 2 for row in range(table.rowCount())]


def click_pixel(viewer, widget, layer, spot):
    """Click a pixel of a layer on the canvas."""
    click(viewer, widget, np.array(layer.data_to_world(spot))[-2:])


def overlap(labels, place) -> float:
    """Return the intersection over union of labels (72, 96) and the square that begins somewhere."""
    truth = np.zeros((72, 96), bool)
    truth[place[0] : place[0] + 32, place[1] : place[1] + 32] = True
    return float(((labels > 0) & truth).sum() / ((labels > 0) | truth).sum())


def statuses(layer) -> list[str]:
    """Return what is thought of each box of a layer."""
    return layer.features["status"].tolist()
