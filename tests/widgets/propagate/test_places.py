"""Points and boxes are followed through a stack as labels are, and moved where they drift."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Points, Shapes, Tracks
from qtpy.QtCore import Qt

from napari_vitrail.propagationfiles._places import read_points
from napari_vitrail.widgets import _place_draft
from tests.widgets.driving import button, canvas_of, combo, draw, says
from tests.widgets.propagate.conftest import PLACES
from tests.widgets.propagate.hands import SIDE, curve_of, dock, frames_of, propagate, settle

MOVED = np.array([place[1] for place in PLACES]) - PLACES[0][1]
"""Columns by which the square has moved in each frame."""
GEOMETRY = {"scale": (5, 2, 3), "translate": (1, 5, 7)}
CORNER = np.array(PLACES[0], float)


@pytest.fixture
def corners(viewer):
    """Return a layer with two corners of the square in the first frame."""
    rows = [[0, *CORNER], [0, *(CORNER + SIDE)]]
    return viewer.add_points(rows, name="corners", size=3, **GEOMETRY)


@pytest.fixture
def box(viewer):
    """Return a layer with a box round the square in the first frame."""
    low, high = CORNER - 0.5, CORNER + SIDE - 0.5
    outline = [[0, *low], [0, low[0], high[1]], [0, *high], [0, high[0], low[1]]]
    return viewer.add_shapes([outline], name="box", shape_type="rectangle", **GEOMETRY)


@pytest.fixture
def followed(qtbot, viewer, corners):
    """Return the layer of the two corners, followed through all frames; the widget is docked."""
    propagate(qtbot, dock(qtbot, viewer))
    return viewer.layers["corners propagated"]


def widget_of(viewer):
    return next(iter(viewer.window.dock_widgets.values()))


def test_points_are_followed_into_points_and_tracks(viewer, followed):
    assert isinstance(followed, Points)
    table = followed.features
    for id_, start in ((1, CORNER), (2, CORNER + SIDE)):
        rows = followed.data[table["id"] == id_]
        np.testing.assert_array_equal(rows[:, 0], range(5))
        np.testing.assert_allclose(rows[:, 1], start[0], atol=1.5)
        np.testing.assert_allclose(rows[:, 2], start[1] + MOVED, atol=1.5)
    np.testing.assert_array_equal(followed.scale, viewer.layers["movie"].scale)
    tracks = viewer.layers["corners tracks"]
    assert isinstance(tracks, Tracks)
    np.testing.assert_array_equal(tracks.data[:, :2], [(id_, at) for id_ in (1, 2) for at in range(5)])
    np.testing.assert_allclose(tracks.data[:, 1:], followed.data[np.lexsort((table.index, table["id"]))])
    widget = widget_of(viewer)
    assert says(widget, "4 frames.")
    quality = curve_of(widget).quality
    assert sorted(quality.values) == [0, 1, 2, 3, 4]
    assert quality.values[0] == 1.0
    assert 0.7 < quality.values[2] < 1.0


def test_a_point_and_its_track_have_one_colour(viewer, followed):
    tracks = viewer.layers["corners tracks"]
    colours = np.unique(np.round(followed.face_color, 3), axis=0)
    assert len(colours) == 2
    np.testing.assert_allclose(np.unique(np.round(tracks.track_colors, 3), axis=0), colours)


def test_where_a_points_layer_lies_in_the_world_counts(qtbot, viewer, asked):
    rows = viewer.layers["movie"].data_to_world((2, *PLACES[2]))
    viewer.add_points([rows], name="seed")
    propagate(qtbot, dock(qtbot, viewer))
    [place] = asked[0]["given"][2]
    np.testing.assert_allclose(place, PLACES[2])
    np.testing.assert_allclose(viewer.layers["seed propagated"].data[2], [2, *PLACES[2]], atol=1e-6)


def test_flat_points_are_those_of_the_frame_in_view(qtbot, viewer, asked):
    viewer.add_points([CORNER], name="flat", scale=(2, 3), translate=(5, 7))
    viewer.dims.set_current_step(0, 1)
    widget = dock(qtbot, viewer)
    qtbot.waitUntil(lambda: frames_of(widget) == ["1"])
    propagate(qtbot, widget)
    np.testing.assert_allclose(asked[0]["given"][1], [CORNER])


def test_boxes_are_followed_into_boxes(viewer, qtbot, box, asked):
    propagate(qtbot, dock(qtbot, viewer))
    np.testing.assert_allclose(asked[0]["given"][0], [[*CORNER, *(CORNER + SIDE)]])
    layer = viewer.layers["box propagated"]
    assert isinstance(layer, Shapes)
    assert layer.shape_type == ["rectangle"] * 5
    for frame, outline in enumerate(layer.data):
        np.testing.assert_array_equal(outline[:, 0], frame)
        middle = outline[:, 1:].mean(axis=0)
        np.testing.assert_allclose(middle, CORNER + SIDE / 2 - 0.5 + [0, MOVED[frame]], atol=6)
    assert list(layer.features["id"]) == [1] * 5


def test_a_point_that_is_moved_labels_its_frame(qtbot, viewer, followed, asked):
    widget = widget_of(viewer)
    viewer.dims.set_current_step(0, 2)
    viewer.layers.selection.active = followed
    followed.mode = "select"
    row = int(np.flatnonzero((followed.data[:, 0] == 2) & (followed.features["id"] == 1))[0])
    start = np.array(followed.data_to_world(followed.data[row]))[-2:]
    draw(viewer, widget, start, start + np.array([16, 0]))
    qtbot.waitUntil(lambda: frames_of(widget) == ["0", "2 ✎"])
    assert says(widget, "Frame 2 is corrected")
    moved = followed.data[row].copy()
    np.testing.assert_allclose(moved[1], CORNER[0] + 8, atol=2)
    others = followed.data[followed.data[:, 0] == 1].copy()
    propagate(qtbot, widget, "Continue from here")
    np.testing.assert_allclose(asked[-1]["given"][2][0], moved[1:])
    assert list(asked[-1]["ids"][2]) == [1, 2]
    np.testing.assert_allclose(followed.data[row], moved)
    given = followed.data[followed.features["by_hand"].to_numpy(bool)]
    np.testing.assert_array_equal(given[:, 0], [0, 0, 2, 2])
    assert not np.allclose(followed.data[followed.data[:, 0] == 1], others)
    viewer.dims.set_current_step(0, 2)
    qtbot.waitUntil(button(widget, "Take back").isEnabled)
    propagate(qtbot, widget, "Take back")
    assert frames_of(widget) == ["0"]
    np.testing.assert_allclose(followed.data[row, 1], CORNER[0], atol=1.5)


def test_a_point_that_is_added_gets_an_id_of_its_own_and_is_followed(qtbot, viewer, followed):
    widget = widget_of(viewer)
    viewer.dims.set_current_step(0, 3)
    followed.add([3, PLACES[3][0], PLACES[3][1] + SIDE])
    qtbot.waitUntil(lambda: frames_of(widget) == ["0", "3 ✎"])
    propagate(qtbot, widget, "Continue from here")
    rows = followed.data[followed.features["id"] == 3]
    np.testing.assert_array_equal(rows[:, 0], range(5))
    np.testing.assert_allclose(rows[4, 2], PLACES[4][1] + SIDE, atol=1.5)


def test_a_second_run_follows_only_what_is_new(qtbot, viewer, corners, followed, asked):
    widget = widget_of(viewer)
    before = followed.data.copy()
    propagate(qtbot, widget)
    assert says(widget, "0 frames, 4 as they were")
    np.testing.assert_array_equal(followed.data, before)
    corners.add([0, CORNER[0] + SIDE, CORNER[1]])
    propagate(qtbot, widget)
    assert [list(own) for own in asked[-1]["ids"].values()] == [[3]]
    assert len(followed.data) == 15


def test_ids_are_kept_when_points_of_the_source_are_removed(qtbot, viewer, corners, followed):
    corners.selected_data = {0}
    corners.remove_selected()
    propagate(qtbot, widget_of(viewer))
    assert set(followed.features["id"]) == {2}


def test_ids_of_a_layer_are_those_that_are_followed(qtbot, viewer, corners, asked):
    corners.features = {"id": [7, 4]}
    propagate(qtbot, dock(qtbot, viewer))
    assert list(asked[0]["ids"][0]) == [7, 4]
    assert set(viewer.layers["corners propagated"].features["id"]) == {4, 7}


def test_ids_that_are_no_numbers_are_refused(qtbot, viewer, corners, notes):
    corners.features = {"id": ["a", "b"]}
    widget = dock(qtbot, viewer)
    propagate(qtbot, widget)
    assert "must hold whole numbers" in str(notes[-1])
    assert list(corners.features["id"]) == ["a", "b"]


def test_nothing_is_written_under_a_hand_that_drags(qtbot, viewer, corners, monkeypatch, asked):
    held = [Qt.MouseButton.LeftButton]
    monkeypatch.setattr(_place_draft.QApplication, "mouseButtons", lambda: held[0])
    widget = dock(qtbot, viewer)
    propagate(qtbot, widget)
    layer = viewer.layers["corners propagated"]
    assert len(layer.data) == 0
    held[0] = Qt.MouseButton.NoButton
    qtbot.waitUntil(lambda: len(layer.data) == 10)


def test_boxes_that_are_removed_stay_away_from_that_frame(qtbot, viewer, box, asked):
    widget = dock(qtbot, viewer)
    propagate(qtbot, widget)
    layer = viewer.layers["box propagated"]
    layer.selected_data = {3}
    layer.remove_selected()
    qtbot.waitUntil(lambda: frames_of(widget) == ["0", "3 ✎"])
    propagate(qtbot, widget)
    assert [int(outline[0, 0]) for outline in layer.data] == [0, 1, 2, 4]


def test_of_what_napari_saves_the_command_goes_on_with_what_was_given(followed, tmp_path):
    file = tmp_path / "points.csv"
    followed.save(str(file))
    found = read_points(file)
    np.testing.assert_array_equal(found.frames, [0, 0])
    np.testing.assert_array_equal(found.ids, [1, 2])
    np.testing.assert_allclose(found.places, [CORNER, CORNER + SIDE])


def test_tracks_are_drawn_into_the_layer_that_there_is(qtbot, viewer, followed):
    tracks = viewer.layers["corners tracks"]
    viewer.layers.remove(followed)
    propagate(qtbot, widget_of(viewer))
    assert len(viewer.layers["corners propagated"].data) == 10
    assert [layer for layer in viewer.layers if isinstance(layer, Tracks)] == [tracks]


def test_cancel_keeps_points_that_were_followed(qtbot, viewer, corners, may_go):
    widget = dock(qtbot, viewer)
    button(widget, "Propagate").click()
    qtbot.waitUntil(lambda: len(curve_of(widget).quality.values) == 2, timeout=60_000)
    button(widget, "Cancel").click()
    may_go.set()
    settle(qtbot, widget)
    layer = viewer.layers["corners propagated"]
    assert len(layer.data) == 4
    propagate(qtbot, widget)
    assert len(layer.data) == 10


def test_what_does_not_go_with_points_is_said(qtbot, viewer, followed):
    widget = widget_of(viewer)
    assert "only labels are painted" in combo(widget, "Unknown").toolTip()
    assert "points and boxes are no strokes" in button(widget, "Send to Paint to segment").toolTip()


def test_without_points_on_the_stack_the_widget_waits(qtbot, viewer, asked):
    viewer.add_points(np.empty((0, 3)), name="none")
    widget = dock(qtbot, viewer)
    qtbot.waitUntil(lambda: "has no points on the stack" in button(widget, "Propagate").toolTip())
    assert canvas_of(widget).isVisible()
