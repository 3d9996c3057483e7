"""What stands in the way is said, every control is explained, everything fits; strokes are sent on."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit, QSlider

from napari_vitrail.spec import DEFAULT_BACKBONE
from napari_vitrail.widgets import ClassifierWidget
from napari_vitrail.widgets._layers import class_names
from tests.widgets.driving import activate, button, combo, says, tab_through
from tests.widgets.objects.hands import dock, find, settle, slide
from tests.widgets.test_keyboard import controls


def test_without_images_the_widget_waits(qtbot, make_napari_viewer_proxy, things):
    viewer = make_napari_viewer_proxy(show=True)
    widget = dock(qtbot, viewer)
    assert button(widget, "Find objects").toolTip() == "Not yet: tick an image"
    for text in ("Accept", "Send to Paint to segment"):
        assert button(widget, text).toolTip() == "Not yet: press Find objects"
    viewer.add_image(things[0], name="photo")
    assert button(widget, "Find objects").isEnabled()


def test_every_control_has_a_tooltip(found):
    kinds = (QAbstractButton, QComboBox, QAbstractSpinBox, QLineEdit, QSlider)
    parts = [part for kind in kinds for part in found.findChildren(kind)]
    assert [part for part in parts if not (part.toolTip() or part.parent().toolTip())] == []


def test_everything_fits_into_320_pixels(found):
    assert found.minimumSizeHint().width() <= 320


def test_tab_reaches_every_control(qtbot, found):
    activate(qtbot, found)
    first = found._scenes.source
    assert controls(found) <= {first, *tab_through(qtbot, found, first)}


def test_what_was_found_is_sent_to_paint_to_segment_as_strokes(qtbot, viewer, found):
    labels = viewer.layers["photo found objects"]
    button(found, "Send to Paint to segment").click()
    settle(qtbot, found)
    assert says(found, "strokes on 1 image layer")
    strokes = viewer.layers["photo strokes"]
    *names, ground = class_names(strokes).values()
    assert names == [f"object {number}" for number in range(1, len(names) + 1)]
    assert ground == "ground"
    is_ground = strokes.data == len(names) + 1
    is_object = (strokes.data > 0) & ~is_ground
    assert (labels.data[is_object] > 0).all()
    assert (labels.data[is_ground] == 0).all()
    assert 0 < is_object.sum() < 0.5 * (labels.data > 0).sum()
    painter = found.window().findChild(ClassifierWidget)
    assert painter._bench.layers.image == viewer.layers["photo"]
    assert painter._bench.layers.strokes == strokes
    assert painter._bench.obstacle() == ""


@pytest.mark.slow
def test_each_object_of_one_image_is_a_class_and_in_several_there_is_one(qtbot, viewer, found, things):
    slide(qtbot, found, 40)
    n_objects = len(np.unique(viewer.layers["photo found objects"].data)) - 1
    button(found, "Send to Paint to segment").click()
    settle(qtbot, found)
    names = list(class_names(viewer.layers["photo strokes"]).values())
    assert len(names) == n_objects + 1 > 2
    viewer.layers.remove("photo strokes")
    viewer.add_image(things[1], name="other")
    for row in range(found._scenes.source.count()):
        found._scenes.source.item(row).setCheckState(found._scenes.source.item(0).checkState().Checked)
    find(qtbot, found)
    button(found, "Send to Paint to segment").click()
    settle(qtbot, found)
    for name in ("photo", "other"):
        assert list(class_names(viewer.layers[f"{name} strokes"]).values()) == ["object", "ground"]


@pytest.mark.slow
def test_another_network_or_more_pixels_are_asked_by_the_next_find(qtbot, viewer, widget, steps):
    find(qtbot, widget)
    assert (steps[0].descriptor.backbone, steps[0].side) == (DEFAULT_BACKBONE, 448)
    combo(widget, "896 pixels").setCurrentText("896 pixels")
    find(qtbot, widget)
    assert steps[1].side == 896
