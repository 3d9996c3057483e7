"""What the stories of Match points do over and over."""

from __future__ import annotations

import numpy as np

from napari_vitrail import Correspondences, SavedPairs
from napari_vitrail.widgets import MatchWidget
from tests.widgets.driving import button, click, says

SHIFT = np.array([16, -8])
"""From a place of the right photograph to the same in the left one."""
GRID = [[30, 30], [30, 100], [110, 30], [110, 100], [70, 60], [50, 90]]


def dock(qtbot, viewer) -> MatchWidget:
    widget = MatchWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Match points")
    qtbot.wait(50)
    return widget


def match(qtbot, widget):
    button(widget, "Match").click()
    qtbot.waitUntil(lambda: says(widget, "click in either image"), timeout=60_000)


def settle(qtbot, widget):
    """Wait until nothing is computed."""
    busy = widget._matching
    qtbot.waitUntil(lambda: not busy._transfers.is_busy and not busy.job.is_busy, timeout=60_000)


def world(layer, pixel):
    return np.asarray(layer.data_to_world(np.asarray(pixel, float)))[-2:]


def add(qtbot, viewer, widget, side, *pixels):
    """Click on some pixels of an image; return the pairs when their partners are found."""
    image = widget._matching.images[side]
    for pixel in pixels:
        click(viewer, widget, world(image, pixel))
    settle(qtbot, widget)
    return widget._matching.pairs


def layers_of(viewer):
    return viewer.layers["left points"], viewer.layers["right points"]


def set_pairs(widget, points0, misses=0.0):
    """Set accepted pairs whose truth is known."""
    points0 = np.array(points0, float)
    points1 = points0 - SHIFT + misses
    pairs = SavedPairs(
        Correspondences(points0, points1), np.arange(len(points0)), ("accepted",) * len(points0)
    )
    widget._matching.link().write(pairs)
    return pairs
