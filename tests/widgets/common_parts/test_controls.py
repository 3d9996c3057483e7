"""What stands in the way is said, every control is explained, and everything fits."""

from __future__ import annotations

import numpy as np
from qtpy.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit, QSlider

from tests.widgets.common_parts.hands import dock
from tests.widgets.driving import activate, button, tab_through
from tests.widgets.test_keyboard import controls


def test_without_images_the_widget_waits(qtbot, make_napari_viewer_proxy, images):
    viewer = make_napari_viewer_proxy(show=True)
    widget = dock(qtbot, viewer)
    assert button(widget, "Find").toolTip() == "Not yet: tick an image"
    assert button(widget, "Merge").toolTip() == "Not yet: press Find"
    viewer.add_image(images[0], name="photo")
    assert button(widget, "Find").isEnabled()


def test_a_volume_in_view_is_said_to_be_in_the_way(qtbot, viewer, widget, images):
    viewer.add_image(np.stack(images), name="stack")
    viewer.dims.ndisplay = 3
    qtbot.waitUntil(lambda: "switch it to 2-D" in button(widget, "Find").toolTip())


def test_every_control_has_a_tooltip(found):
    kinds = (QAbstractButton, QComboBox, QAbstractSpinBox, QLineEdit, QSlider)
    parts = [part for kind in kinds for part in found.findChildren(kind)]
    assert [part for part in parts if not (part.toolTip() or part.parent().toolTip())] == []


def test_everything_fits_into_320_pixels(found):
    assert found.minimumSizeHint().width() <= 320


def test_tab_reaches_every_control(qtbot, found):
    activate(qtbot, found)
    first = found._sharing.source.findChild(QComboBox)
    assert controls(found) <= {first, *tab_through(qtbot, found, first)}
