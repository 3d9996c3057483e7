"""Click in one image, and the same place of the other gets a point: stories in a real viewer."""

from __future__ import annotations

import dask.array as da
import numpy as np
from qtpy.QtCore import Qt

from napari_vitrail import drain
from tests.widgets.driving import (
    button,
    canvas_of,
    click,
    draw,
    pixel_of,
    press_key,
    says,
)
from tests.widgets.match.hands import GRID, SHIFT, add, dock, layers_of, match, set_pairs, settle, world

CONTROL = Qt.KeyboardModifier.ControlModifier


def test_a_click_in_either_image_puts_the_same_place_into_the_other(qtbot, viewer, matched, expected):
    pairs = add(qtbot, viewer, matched, 0, (60, 60), (90, 40))
    found = expected.transfer(pairs.correspondences.points0)
    np.testing.assert_allclose(pairs.correspondences.points0, [(60, 60), (90, 40)], atol=1)
    np.testing.assert_allclose(pairs.correspondences.points1, found.points1, atol=1e-6)
    np.testing.assert_allclose(pairs.correspondences.points1, pairs.correspondences.points0 - SHIFT, atol=4)
    for layer in layers_of(viewer):
        np.testing.assert_allclose(layer.features["similarity"], found.similarity, atol=1e-6)
        assert layer.features["id"].tolist() == [0, 1]
    pairs = add(qtbot, viewer, matched, 1, (50, 80))
    np.testing.assert_allclose(pairs.correspondences.points1[2], (50, 80), atol=1)
    np.testing.assert_allclose(pairs.correspondences.points0[2], np.array((50, 80)) + SHIFT, atol=4)
    assert viewer.layers.selection.active == viewer.layers["right points"]


def test_a_click_before_the_network_has_seen_anything_is_answered_later(qtbot, viewer, widget, may_go):
    button(widget, "Match").click()
    click(viewer, widget, world(viewer.layers["left"], (60, 60)))
    pairs = widget._matching.pairs
    assert np.isnan(pairs.correspondences.similarity).all()
    np.testing.assert_allclose(pairs.correspondences.points1, pairs.correspondences.points0)
    may_go.set()
    qtbot.waitUntil(lambda: says(widget, "click in either image"), timeout=60_000)
    settle(qtbot, widget)
    pairs = widget._matching.pairs
    assert pairs.correspondences.similarity[0] > 0.3
    np.testing.assert_allclose(pairs.correspondences.points1, pairs.correspondences.points0 - SHIFT, atol=4)


def test_a_partner_that_is_dragged_is_locked_and_asked_for_no_more(qtbot, viewer, matched):
    add(qtbot, viewer, matched, 0, (60, 60))
    right = viewer.layers["right points"]
    viewer.layers.selection.active.mode = "select"
    start = world(right, right.data[0])
    end = start + np.array([10, 15])
    draw(viewer, matched, start, end)
    settle(qtbot, matched)
    assert matched._matching.pairs.status == ("locked",)
    np.testing.assert_allclose(world(right, right.data[0]), end, atol=1.5)
    match(qtbot, matched)
    settle(qtbot, matched)
    np.testing.assert_allclose(world(right, right.data[0]), end, atol=1.5)


def test_an_answer_that_comes_in_a_moment_is_there_with_the_point(viewer, matched, expected, monkeypatch):
    monkeypatch.setattr("napari_vitrail.widgets._transfers.PATIENCE", 20)
    told = []
    viewer.layers["right points"].events.data.connect(lambda event: told.append(event.action.name))
    viewer.layers["left points"].add([[60, 60]])
    pairs = matched._matching.pairs.correspondences
    found = expected.transfer([[60, 60]])
    np.testing.assert_allclose(pairs.points1, found.points1, atol=1e-6)
    np.testing.assert_allclose(pairs.cycle_error, found.cycle_error, atol=1e-6)
    assert told == ["CHANGED"]


def test_undo_brings_no_first_guess_back(qtbot, viewer, matched, monkeypatch):
    monkeypatch.setattr("napari_vitrail.widgets._transfers.PATIENCE", 0)
    pairs = add(qtbot, viewer, matched, 0, (60, 60), (90, 40))
    press_key(matched, "Z", CONTROL)
    left = matched._matching.pairs
    assert left.ids.tolist() == [0]
    np.testing.assert_array_equal(left.correspondences.points1, pairs.correspondences.points1[:1])
    button(matched, "Redo").click()
    np.testing.assert_array_equal(
        matched._matching.pairs.correspondences.points1, pairs.correspondences.points1
    )
    button(matched, "Undo").click()
    button(matched, "Undo").click()
    assert len(matched._matching.pairs.ids) == 0


def test_the_moving_image_is_shown_beside_the_fixed_one_and_given_back(qtbot, viewer, matched):
    left, right = viewer.layers["left"], viewer.layers["right"]
    box = matched._beside
    assert box.isChecked()
    assert world(right, (0, 0))[1] > world(left, (0, 127))[1]
    np.testing.assert_allclose(world(viewer.layers["right points"], (3, 4)), world(right, (3, 4)))
    box.click()
    np.testing.assert_array_equal(right.translate, (0, 0))
    np.testing.assert_allclose(world(viewer.layers["right points"], (3, 4)), (3, 4))
    box.click()
    viewer.window.remove_dock_widget(matched)
    np.testing.assert_array_equal(right.translate, (0, 0))


def test_images_of_other_size_scale_and_turn_are_matched_as_well(
    qtbot, make_napari_viewer_proxy, photographs, steps
):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.add_image(photographs[0], name="left", scale=(0.5, 0.5), translate=(3, 4))
    own = {"scale": (2, 3), "translate": (5, 6), "affine": [[0, -1, 7], [1, 0, 8], [0, 0, 1]]}
    viewer.add_image(photographs[1][:96, :, 0], name="right", **own)
    widget = dock(qtbot, viewer)
    match(qtbot, widget)
    widget._beside.setChecked(True)
    boxes = [layer.extent.world for layer in (viewer.layers["left"], viewer.layers["right"])]
    assert boxes[1][0][1] > boxes[0][1][1]
    pairs = add(qtbot, viewer, widget, 0, (60, 60))
    pairs = add(qtbot, viewer, widget, 1, (40, 70))
    seen = drain(steps(photographs[0], photographs[1][:96, :, 0]))
    np.testing.assert_allclose(pairs.correspondences.points0[0], (60, 60), atol=2)
    np.testing.assert_allclose(pairs.correspondences.points1[1], (40, 70), atol=2)
    np.testing.assert_allclose(
        pairs.correspondences.points1[0],
        seen.transfer(pairs.correspondences.points0[:1]).points1[0],
        atol=1e-6,
    )
    widget.close()
    np.testing.assert_array_equal(viewer.layers["right"].translate, (5, 6))


def test_planes_of_stacks_are_matched_and_points_hidden_on_other_planes(
    qtbot, make_napari_viewer_proxy, photographs
):
    viewer = make_napari_viewer_proxy(show=True)
    grey = [image.mean(axis=2).astype(np.uint8) for image in photographs]
    viewer.add_image(da.from_array(np.stack([grey[1], grey[0], grey[1]])), name="left")
    viewer.add_image(grey[1], name="right")
    viewer.dims.set_point(0, 1)
    widget = dock(qtbot, viewer)
    match(qtbot, widget)
    pairs = add(qtbot, viewer, widget, 0, (60, 60))
    np.testing.assert_allclose(pairs.correspondences.points1, pairs.correspondences.points0 - SHIFT, atol=4)
    viewer.dims.set_point(0, 2)
    assert not any(layer.visible for layer in layers_of(viewer))
    assert not button(widget, "Find pairs").isEnabled()
    viewer.dims.set_point(0, 1)
    assert all(layer.visible for layer in layers_of(viewer))
    set_pairs(widget, GRID)
    button(widget, "Move layer").click()
    qtbot.waitUntil(lambda: says(widget, "lies on"))
    np.testing.assert_allclose(world(viewer.layers["right"], (0, 0))[-2:], SHIFT, atol=0.1)


def test_likeness_in_both_images_follows_the_cursor_while_the_key_is_held(qtbot, viewer, matched, expected):
    assert says(matched, "Hold H over either image")
    left, canvas = viewer.layers["left"], canvas_of(matched)
    place = pixel_of(viewer, matched, world(left, (60, 60)))
    qtbot.mouseMove(canvas, place)
    qtbot.waitUntil(lambda: np.allclose(viewer.cursor.position, (60, 60), atol=1.5))
    qtbot.keyPress(canvas, Qt.Key.Key_H)
    row, column = map(round, viewer.cursor.position)
    similar = viewer.layers["right similarity"]
    found = expected.similarity_map((row, column)).values[..., 0]
    peak = np.unravel_index(similar.data.argmax(), similar.data.shape)
    np.testing.assert_allclose(world(similar, peak) - world(viewer.layers["right"], (0, 0)), (44, 68), atol=4)
    assert similar.data.shape == found.shape
    qtbot.keyRelease(canvas, Qt.Key.Key_H)
    assert "right similarity" not in viewer.layers
