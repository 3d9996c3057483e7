"""Press Find objects, and what is in the image is labelled and boxed: stories in a real viewer."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QSlider

from napari_vitrail.widgets._layers import is_result
from tests.widgets.driving import button, says
from tests.widgets.objects.conftest import PLACES
from tests.widgets.objects.hands import (
    click_pixel,
    dock,
    find,
    overlap,
    rows_of,
    settle,
    slide,
    ticked,
)


def test_objects_become_labels_and_boxes_where_the_image_lies(viewer, found):
    image, labels, boxes = (viewer.layers[name] for name in ("photo", "photo found objects", "photo boxes"))
    assert viewer.layers.index(labels) == viewer.layers.index(image) + 1
    assert overlap(labels.data, PLACES[0]) > 0.4
    for layer in (labels, boxes):
        assert is_result(layer)
        for name in ("scale", "translate", "rotate"):
            np.testing.assert_array_equal(getattr(layer, name), getattr(image, name))
    first, last = boxes.data[0].min(axis=0), boxes.data[0].max(axis=0)
    np.testing.assert_allclose(first, np.array(PLACES[0]) - 0.5, atol=4)
    np.testing.assert_allclose(last, np.array(PLACES[0]) + 31.5, atol=4)
    assert (first % 1 == 0.5).all()
    assert boxes.features["score"][0] > 1
    assert viewer.layers.selection.active == image


def test_the_slider_cuts_the_tree_and_a_class_keeps_its_label(qtbot, viewer, found):
    labels = viewer.layers["photo found objects"]
    counts = []
    for place in (0, 4, 20, 40):
        slide(qtbot, found, place)
        counts.append(rows_of(found).rowCount())
        assert says(found, f"{counts[-1]} class")
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]
    fine = labels.data.copy()
    slide(qtbot, found, 0)
    assert set(np.unique(labels.data)) < set(np.unique(fine))


def test_labels_in_view_follow_the_slider_at_once(viewer, found):
    labels = viewer.layers["photo found objects"]
    before = labels.data.copy()
    found.findChild(QSlider).setValue(40)
    assert not np.array_equal(labels.data, before)


def test_a_click_makes_ground_of_an_object_and_another_one_takes_it_back(qtbot, viewer, found):
    labels, image = viewer.layers["photo found objects"], viewer.layers["photo"]
    before, ticks = labels.data.copy(), ticked(found)
    spot = np.argwhere(before)[len(np.argwhere(before)) // 2]
    click_pixel(viewer, found, image, spot)
    assert labels.data[tuple(spot)] == 0
    assert sum(ticked(found)) == sum(ticks) - 1
    click_pixel(viewer, found, image, spot)
    np.testing.assert_array_equal(labels.data, before)
    assert ticked(found) == ticks


def test_a_class_that_is_ticked_in_the_table_is_an_object(qtbot, viewer, found):
    labels = viewer.layers["photo found objects"]
    ground = ticked(found).index(False)
    rows_of(found).item(ground, 1).setCheckState(Qt.CheckState.Checked)
    assert (labels.data > 0).all()
    rows_of(found).setCurrentCell(ground, 2)
    qtbot.keyClick(rows_of(found), Qt.Key.Key_Space)
    assert not (labels.data > 0).all()


@pytest.mark.slow
def test_what_was_decided_holds_at_other_details(qtbot, viewer, found):
    labels, image = viewer.layers["photo found objects"], viewer.layers["photo"]
    spot = np.argwhere(labels.data == 0)[0]
    click_pixel(viewer, found, image, spot)
    slide(qtbot, found, 30)
    assert labels.data[tuple(spot)] > 0
    slide(qtbot, found, 4)
    assert (labels.data > 0).all()


def test_the_ground_is_shown_when_it_is_wanted(qtbot, viewer, found):
    labels = viewer.layers["photo found objects"]
    objects = labels.data.copy()
    box = next(own for own in found.findChildren(QCheckBox) if "ground" in own.text())
    box.click()
    settle(qtbot, found)
    assert (labels.data > 0).all()
    np.testing.assert_array_equal(labels.data[objects > 0], objects[objects > 0])
    box.click()
    settle(qtbot, found)
    np.testing.assert_array_equal(labels.data, objects)


def test_a_stack_in_is_a_stack_out(qtbot, make_napari_viewer_proxy, things):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.add_image(np.stack([*things, things[0]]), name="stack", scale=(5, 2, 2))
    viewer.dims.set_point(0, 5)
    widget = dock(qtbot, viewer)
    next(own for own in widget.findChildren(QCheckBox) if "planes" in own.text()).click()
    find(qtbot, widget)
    labels, boxes = viewer.layers["stack found objects"], viewer.layers["stack boxes"]
    assert labels.data.shape == (3, 72, 96)
    for number, place in enumerate((*PLACES, PLACES[0])):
        assert overlap(labels.data[number], place) > 0.4
    assert {int(shape[0, 0]) for shape in boxes.data} == {0, 1, 2}
    assert says(widget, "labels and boxes in 3 of 3 images are layers")
    np.testing.assert_array_equal(boxes.scale, (5, 2, 2))
    before = labels.data.copy()
    spot = (1, *np.argwhere(before[1])[0])
    click_pixel(viewer, widget, viewer.layers["stack"], spot)
    settle(qtbot, widget)
    assert labels.data[spot] == 0 < before[spot]
    np.testing.assert_array_equal(labels.data[[0, 2]], before[[0, 2]])
    counts = [len(np.unique(plane)) for plane in labels.data]
    slide(qtbot, widget, 40)
    assert all(len(np.unique(plane)) > count for plane, count in zip(labels.data, counts, strict=True))


@pytest.mark.slow
def test_of_a_stack_the_plane_in_view_is_looked_at_and_others_are_added(
    qtbot, make_napari_viewer_proxy, things
):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.add_image(np.stack(things), name="stack")
    viewer.dims.set_point(0, 1)
    widget = dock(qtbot, viewer)
    find(qtbot, widget)
    labels = viewer.layers["stack found objects"]
    assert labels.data.any(axis=(1, 2)).tolist() == [False, True]
    viewer.dims.set_point(0, 0)
    qtbot.waitUntil(lambda: "show an image in which" in button(widget, "Accept").toolTip().replace("\n", " "))
    assert rows_of(widget).rowCount() == 0
    find(qtbot, widget)
    assert labels.data.any(axis=(1, 2)).tolist() == [True, True]


@pytest.mark.slow
def test_ticked_layers_each_get_their_own(qtbot, viewer, widget, things):
    viewer.add_image(things[1], name="other")
    for row in range(2):
        widget._scenes.source.item(row).setCheckState(Qt.CheckState.Checked)
    find(qtbot, widget)
    for name, place in zip(("photo", "other"), PLACES, strict=True):
        assert overlap(viewer.layers[f"{name} found objects"].data, place) > 0.4
        assert len(viewer.layers[f"{name} boxes"].data)
    assert says(widget, "Boxes in other: ")
    viewer.layers["other"].visible = False
    qtbot.waitUntil(lambda: says(widget, "Boxes in photo: "))


def test_a_coarse_answer_comes_first_and_what_is_decided_meanwhile_stays(qtbot, viewer, widget, may_go):
    button(widget, "Find objects").click()
    qtbot.waitUntil(lambda: "photo boxes" in viewer.layers, timeout=60_000)
    labels = viewer.layers["photo found objects"]
    coarse = labels.data.copy()
    assert coarse.any()
    corner = np.argwhere(coarse == 0)[0]
    click_pixel(viewer, widget, viewer.layers["photo"], corner)
    assert labels.data[tuple(corner)] > 0
    may_go.set()
    qtbot.waitUntil(lambda: says(widget, "Done in"), timeout=60_000)
    settle(qtbot, widget)
    assert viewer.layers["photo found objects"] == labels
    assert labels.data[tuple(corner)] > 0
    assert not np.array_equal(labels.data, coarse)


def test_a_find_that_is_cancelled_leaves_what_was_shown(qtbot, viewer, widget, may_go):
    button(widget, "Find objects").click()
    qtbot.waitUntil(lambda: "photo boxes" in viewer.layers, timeout=60_000)
    button(widget, "Cancel").click()
    may_go.set()
    settle(qtbot, widget)
    assert says(widget, "Cancelled; what was shown stays")


def test_an_image_that_is_removed_meanwhile_gets_no_layer(qtbot, viewer, widget, may_go, things):
    button(widget, "Find objects").click()
    viewer.layers.remove("photo")
    viewer.add_image(things[1], name="photo")
    may_go.set()
    qtbot.waitUntil(lambda: says(widget, "Done in"), timeout=60_000)
    settle(qtbot, widget)
    assert [layer.name for layer in viewer.layers] == ["photo"]


@pytest.mark.parametrize("image", [np.full((72, 96), 7, np.uint8), np.zeros((1, 1)), np.ones((3, 40))])
def test_an_image_without_anything_in_it_is_said_to_be_so(qtbot, make_napari_viewer_proxy, image, notes):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.add_image(image, name="blank", contrast_limits=(0, 1))
    widget = dock(qtbot, viewer)
    find(qtbot, widget)
    assert not viewer.layers["blank found objects"].data.any()
    assert len(viewer.layers["blank boxes"].data) == 0
    assert any("blank: " in note.message and "nothing" in note.message for note in notes)
    assert says(widget, "No box")
    assert says(widget, "no object was found.")


def test_a_volume_in_view_is_said_to_be_in_the_way(qtbot, make_napari_viewer_proxy):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.add_image(np.zeros((4, 72, 96)), name="stack")
    widget = dock(qtbot, viewer)
    viewer.dims.ndisplay = 3
    qtbot.waitUntil(lambda: "switch it to 2-D" in button(widget, "Find objects").toolTip())
    assert not button(widget, "Find objects").isEnabled()


def test_labels_of_a_channel_lie_above_the_channels_that_are_added_to_it(
    qtbot, make_napari_viewer_proxy, things
):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.add_image(np.stack([*things, things[0]]), channel_axis=0, name=["red", "green", "blue"])
    viewer.add_image(things[1], name="other")
    viewer.layers.selection.active = viewer.layers["red"]
    widget = dock(qtbot, viewer)
    items = [widget._scenes.source.item(row) for row in range(widget._scenes.source.count())]
    for item in items:
        item.setCheckState(Qt.CheckState.Checked if item.text() == "red" else Qt.CheckState.Unchecked)
    find(qtbot, widget)
    names = [layer.name for layer in viewer.layers]
    assert names == ["red", "green", "blue", "red found objects", "other", "red boxes"]


def test_labels_are_made_anew_when_they_were_removed(qtbot, viewer, found):
    viewer.layers.remove("photo found objects")
    slide(qtbot, found, 20)
    assert overlap(viewer.layers["photo found objects"].data, PLACES[0]) > 0.4


def test_a_widget_that_is_closed_leaves_clicks_to_the_viewer(viewer, found):
    listening = len(viewer.mouse_drag_callbacks)
    viewer.window.remove_dock_widget(found)
    assert len(viewer.mouse_drag_callbacks) == listening - 1
