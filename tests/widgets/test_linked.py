"""Linked points in a real viewer: add, move and delete by hand in one layer, and both are in step."""

from __future__ import annotations

import numpy as np
import pytest

from napari_vitrail import Correspondences, fit_alignment
from napari_vitrail.pairs import SavedPairs
from napari_vitrail.widgets._linked import LinkedPoints
from tests.widgets.driving import click, draw, press_key

OFFSET = np.array([2.0, 5.0])


def beside(side, points):
    """Return pairs whose second points lie some pixels off the first."""
    return Correspondences(points - OFFSET, points) if side else Correspondences(points, points + OFFSET)


@pytest.fixture
def viewer(make_napari_viewer):
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1000, 700)
    return viewer


@pytest.fixture
def linked(viewer):
    """Return linked points on two images side by side, of different size, scale and turn."""
    image0 = viewer.add_image(np.zeros((100, 100), np.uint8), name="fixed")
    image1 = viewer.add_image(
        np.zeros((200, 200), np.uint8), name="moving", scale=(0.5, 0.5), translate=(0, 120), rotate=5
    )
    linked = LinkedPoints.on_images(viewer, image0, image1, beside)
    viewer.reset_view()
    return linked


def pairs_of(*points0):
    points0 = np.array(points0, float)
    found = Correspondences(points0, points0 + OFFSET, np.full(len(points0), 0.5))
    return SavedPairs(found, np.arange(len(points0)) + 10, ("accepted",) * len(points0))


def choose(viewer, layer, mode):
    viewer.layers.selection.active = layer
    layer.mode = mode


def world(layer, row):
    return np.asarray(layer.data_to_world(layer.data[row]))


def assert_in_step(linked):
    layer0, layer1 = linked.layers
    np.testing.assert_array_equal(layer0.data, linked.pairs.correspondences.points0)
    np.testing.assert_array_equal(layer1.data, linked.pairs.correspondences.points1)
    for layer in linked.layers:
        assert layer.features["id"].tolist() == linked.pairs.ids.tolist()
        assert layer.features["status"].tolist() == list(linked.pairs.status)
    np.testing.assert_array_equal(layer0.face_color, layer1.face_color)
    for row in range(len(layer0.data)):
        start, direction = linked.lines.data[row]
        np.testing.assert_allclose(start, world(layer0, row))
        np.testing.assert_allclose(start + direction, world(layer1, row))
    assert len(linked.lines.data) == len(layer0.data)


@pytest.mark.parametrize("side", [0, 1])
def test_a_click_in_either_image_adds_a_point_to_both(viewer, linked, side):
    layer = linked.layers[side]
    choose(viewer, layer, "add")
    for place in ([20, 30], [60, 40]):
        click(viewer, viewer.window._qt_window, np.asarray(layer.data_to_world(place)))
    assert_in_step(linked)
    assert linked.pairs.ids.tolist() == [0, 1]
    np.testing.assert_allclose(layer.data, [[20, 30], [60, 40]], atol=1.5)
    np.testing.assert_allclose(linked.layers[1].data - linked.layers[0].data, [OFFSET, OFFSET])
    assert linked.pairs.status == ("proposed", "proposed")


def test_a_point_that_is_dragged_is_locked_and_its_partner_stays(viewer, linked):
    linked.write(pairs_of([20, 30], [60, 40]))
    layer = linked.layers[1]
    choose(viewer, layer, "select")
    start, end = world(layer, 1), world(layer, 1) + OFFSET * 2
    draw(viewer, viewer.window._qt_window, start, end)
    assert_in_step(linked)
    np.testing.assert_allclose(world(layer, 1), end, atol=1.5)
    assert linked.layers[0].data.tolist() == [[20, 30], [60, 40]]
    assert linked.pairs.status == ("accepted", "locked")
    assert linked.pairs.correspondences.similarity[0] == 0.5
    assert np.isnan(linked.pairs.correspondences.similarity[1])
    assert linked.layers[0].selected_data == {1}


def test_a_deleted_point_takes_its_partner_along(viewer, linked):
    linked.write(pairs_of([20, 30], [60, 40], [80, 80]))
    layer = linked.layers[0]
    choose(viewer, layer, "select")
    click(viewer, viewer.window._qt_window, world(layer, 1))
    press_key(viewer.window._qt_window, "Delete")
    assert_in_step(linked)
    assert linked.pairs.ids.tolist() == [10, 12]
    assert layer.data.tolist() == [[20, 30], [80, 80]]


def test_undo_and_redo_by_keys_go_through_all_that_was_done(viewer, linked):
    linked.write(pairs_of([20, 30], [60, 40]))
    states = [linked.pairs]
    layer = linked.layers[0]
    layer.add([[50, 50]])
    states.append(linked.pairs)
    layer.selected_data = {0}
    layer.remove_selected()
    states.append(linked.pairs)
    layer.data = layer.data + 3
    assert linked.pairs.status == ("locked", "locked")
    states.append(linked.pairs)
    for expected in states[-2::-1]:
        linked.undo()
        assert linked.pairs is expected
        assert_in_step(linked)
    linked.undo()
    assert len(linked.layers[1].data) == 0
    linked.undo()  # there is nothing more
    for expected in states:
        linked.redo()
        assert linked.pairs is expected
        assert_in_step(linked)
    layer.add([[9, 9]])
    assert linked.pairs.ids.tolist() == [11, 12, 13]


def test_control_z_over_either_layer_undoes(viewer, linked):
    from qtpy.QtCore import Qt

    control, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
    linked.write(pairs_of([20, 30]))
    for layer in linked.layers:
        choose(viewer, layer, "select")
        press_key(viewer.window._qt_window, "Z", control)
        assert len(linked.pairs.ids) == 0
        press_key(viewer.window._qt_window, "Z", control, shift)
        assert linked.pairs.ids.tolist() == [10]
    assert_in_step(linked)


def test_a_partner_that_is_found_later_is_part_of_the_same_step(linked):
    linked.write(pairs_of([20, 30]))
    told = []
    linked.added.connect(lambda side, ids: told.append((side, ids.tolist())))
    linked.layers[1].add([[50, 50], [70, 70]])
    assert told == [(1, [11, 12])]
    found = linked.pairs.correspondences
    better = Correspondences(found.points0 + np.diag([0, 1, 2])[:, :2], found.points1, [0.5, 0.8, 0.9])
    linked.amend(linked.pairs._replace(correspondences=better))
    assert_in_step(linked)
    assert linked.pairs.status == ("accepted", "proposed", "proposed")
    linked.undo()
    assert linked.pairs.ids.tolist() == [10]
    assert told == [(1, [11, 12])]


def test_pairs_are_accepted_and_rejected_and_that_is_undone(linked):
    linked.write(pairs_of([20, 30], [60, 40], [80, 80]))
    linked.set_status([11], "rejected")
    linked.set_status({10, 12}, "locked")
    assert linked.pairs.status == ("locked", "rejected", "locked")
    assert_in_step(linked)
    linked.undo()
    assert linked.pairs.status == ("accepted", "rejected", "accepted")
    assert_in_step(linked)


def test_what_was_pasted_becomes_a_pair_with_the_next_change(viewer, linked):
    linked.write(pairs_of([20, 30], [60, 40]))
    layer = linked.layers[0]
    layer.selected_data = {0}
    layer._copy_data()
    layer._paste_data()
    layer.add([[70, 70]])
    assert linked.pairs.ids.tolist() == [10, 11, 12, 13]
    assert_in_step(linked)


def test_lines_follow_when_an_image_is_moved(viewer, linked):
    linked.write(pairs_of([20, 30], [60, 40]))
    linked.layers[1].translate = (5, 300)
    linked.layers[0].affine = [[0, -1, 3], [1, 0, 4], [0, 0, 1]]
    assert_in_step(linked)


def test_points_go_along_with_their_image_and_lines_shrink_when_it_is_aligned(viewer, linked):
    linked.write(pairs_of([20, 30], [60, 40], [80, 80], [30, 70]))
    image0, image1 = viewer.layers["fixed"], viewer.layers["moving"]
    image0.translate = (7, -3)
    assert_in_step(linked)
    assert np.linalg.norm(linked.lines.data[:, 1], axis=1).min() > 50
    found = linked.pairs.correspondences
    alignment = fit_alignment(found.points1, found.points0, "rigid")
    image1.affine = alignment.layer_affine(image1, image0)
    assert_in_step(linked)
    np.testing.assert_allclose(linked.lines.data[:, 1], 0, atol=1e-6)


def test_what_was_selected_stays_selected(viewer):
    image = viewer.add_image(np.zeros((9, 9)))
    layers = tuple(viewer.add_points(np.empty((0, 2))) for _ in range(2))
    viewer.layers.selection = {image}
    LinkedPoints(viewer, layers, beside)
    assert viewer.layers.selection == {image}


def test_without_the_lines_the_points_stay_linked(viewer, linked):
    viewer.layers.remove(linked.lines)
    linked.layers[0].add([[1, 2]])
    assert linked.layers[1].data.tolist() == [[3, 7]]


def test_without_one_layer_the_other_is_free(viewer, linked):
    linked.write(pairs_of([20, 30], [60, 40]))
    free = linked.layers[0]
    viewer.layers.remove(linked.layers[1])
    assert linked.lines not in viewer.layers
    free.add([[1, 2]])
    assert len(free.data) == 3
    assert len(linked.pairs.ids) == 2


def test_layers_of_stacks_are_refused(viewer):
    layers = viewer.add_points(np.empty((0, 3)), ndim=3), viewer.add_points(np.empty((0, 2)))
    with pytest.raises(ValueError, match=r"layers must have two axes, got \[3, 2\]"):
        LinkedPoints(viewer, layers, beside)
    stack = viewer.add_image(np.zeros((4, 9, 9)))
    with pytest.raises(ValueError, match=r"images must have two axes, got \[3, 3\]"):
        LinkedPoints.on_images(viewer, stack, stack, beside)
