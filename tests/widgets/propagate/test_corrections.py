"""A frame drifts, is painted on, and what depends on it follows; undo takes all of that back."""

from __future__ import annotations

import numpy as np
import pytest

from tests.widgets.driving import activate, button, combo, press_key, says
from tests.widgets.propagate.conftest import PLACES
from tests.widgets.propagate.hands import (
    click_curve,
    click_pixel,
    curve_of,
    dock,
    frames_of,
    overlap,
    paint,
    propagate,
    settle,
    square,
)


@pytest.fixture
def layer(viewer, done):
    """Return the layer of propagated labels with the third frame in view and a new label to paint with."""
    layer = viewer.layers["cell propagated"]
    viewer.dims.set_current_step(0, 2)
    layer.selected_label = 5
    return layer


def correct(viewer, widget, layer):
    """Fill the square in the third frame, which is in view, with another label."""
    layer.mode = "fill"
    row, column = PLACES[2]
    click_pixel(viewer, widget, layer, (2, row + 12, column + 12))


def test_a_painted_frame_is_labelled_and_what_depends_on_it_follows(qtbot, viewer, done, layer, asked):
    before = layer.data.copy()
    correct(viewer, done, layer)
    assert (layer.data[2] == 5).any()
    qtbot.waitUntil(lambda: frames_of(done) == ["0", "2 ✎"])
    assert says(done, "Frame 2 is corrected")
    assert curve_of(done).quality.waiting == {2}
    painted = layer.data[2].copy()
    propagate(qtbot, done, "Continue from here")
    assert sorted(asked[-1]["given"]) == [0, 2]
    np.testing.assert_array_equal(asked[-1]["given"][2], painted)
    np.testing.assert_array_equal(layer.data[2], painted)
    np.testing.assert_array_equal(layer.data[0], before[0])
    assert overlap(layer.data[4], PLACES[4], label=5) > 0.5
    assert curve_of(done).quality.waiting == frozenset()


def test_forward_only_what_comes_after_a_correction_is_computed_again(qtbot, viewer, labels, asked):
    widget = dock(qtbot, viewer)
    combo(widget, "Forward").setCurrentText("Forward")
    propagate(qtbot, widget)
    layer = viewer.layers["cell propagated"]
    viewer.dims.set_current_step(0, 2)
    layer.selected_label = 5
    before = layer.data.copy()
    correct(viewer, widget, layer)
    propagate(qtbot, widget, "Continue from here")
    assert says(widget, "2 frames, 1 as they were")
    np.testing.assert_array_equal(layer.data[:2], before[:2])


def test_undo_in_napari_takes_a_correction_back(qtbot, viewer, done, layer):
    before = layer.data.copy()
    correct(viewer, done, layer)
    qtbot.waitUntil(lambda: frames_of(done) == ["0", "2 ✎"])
    layer.undo()
    qtbot.waitUntil(lambda: frames_of(done) == ["0"])
    np.testing.assert_array_equal(layer.data, before)
    assert says(done, "All frames follow from the labelled ones")
    layer.redo()
    qtbot.waitUntil(lambda: frames_of(done) == ["0", "2 ✎"])


def test_take_back_restores_what_was_propagated(qtbot, viewer, done, layer):
    before = layer.data.copy()
    correct(viewer, done, layer)
    propagate(qtbot, done, "Continue from here")
    assert (layer.data[3] == 5).any()
    viewer.dims.set_current_step(0, 2)
    qtbot.waitUntil(button(done, "Take back").isEnabled)
    propagate(qtbot, done, "Take back")
    assert frames_of(done) == ["0"]
    np.testing.assert_array_equal(layer.data, before)
    assert not button(done, "Take back").isEnabled()


def test_a_frame_that_is_right_is_taken_as_it_is(qtbot, viewer, done, layer, asked):
    before = layer.data[2].copy()
    propagate(qtbot, done, "Continue from here")
    assert frames_of(done) == ["0", "2 ✎"]
    np.testing.assert_array_equal(asked[-1]["given"][2], before)


def test_what_is_painted_while_frames_are_computed_stays(qtbot, viewer, widget, may_go):
    button(widget, "Propagate").click()
    qtbot.waitUntil(lambda: "cell propagated" in viewer.layers, timeout=60_000)
    layer = viewer.layers["cell propagated"]
    viewer.dims.set_current_step(0, 3)  # which is still to come
    layer.selected_label = 5
    paint(viewer, widget, layer, (3, 64, 70), (3, 64, 90))
    painted = layer.data[3].copy()
    assert painted.any()
    may_go.set()
    settle(qtbot, widget)
    np.testing.assert_array_equal(layer.data[3], painted)
    assert frames_of(widget) == ["0", "3 ✎"]
    assert overlap(layer.data[4], PLACES[4], label=3) > 0.5


def test_the_newest_run_wins(qtbot, viewer, widget, may_go, asked):
    button(widget, "Propagate").click()
    qtbot.waitUntil(lambda: len(curve_of(widget).quality.values) == 2, timeout=60_000)
    viewer.layers["cell"].data[4][square((0, 0))] = 9  # as a script does
    button(widget, "Propagate").click()
    may_go.set()
    settle(qtbot, widget)
    assert [sorted(call["given"]) for call in asked] == [[0], [0, 4]]
    np.testing.assert_array_equal(viewer.layers["cell propagated"].data[4], viewer.layers["cell"].data[4])


def test_a_click_on_the_curve_and_keys_go_to_frames(qtbot, viewer, done):
    activate(qtbot, done)
    click_curve(qtbot, done, 3)
    assert viewer.dims.current_step[0] == 3
    quality = curve_of(done).quality
    press_key(done, "W")
    assert viewer.dims.current_step[0] == quality.worst()
    assert quality.worst() != 0


def test_keys_correct_and_go_on(qtbot, viewer, labels, done, asked):
    activate(qtbot, done)
    viewer.layers.selection.active = labels
    viewer.dims.set_current_step(0, 3)
    press_key(done, "H")
    layer = viewer.layers["cell propagated"]
    assert viewer.layers.selection.active == layer
    assert layer.mode == "paint"
    press_key(done, "G")
    settle(qtbot, done)
    assert sorted(asked[-1]["given"]) == [0, 3]
