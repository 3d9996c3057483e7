"""Label a frame, press Propagate, and the other frames are labelled: stories in a real viewer."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from napari_vitrail.progress import Progress
from napari_vitrail.widgets import _passage_steps
from napari_vitrail.widgets._layers import is_result
from tests.widgets.driving import button, combo, says
from tests.widgets.propagate.conftest import PLACES
from tests.widgets.propagate.hands import curve_of, dock, frames_of, overlap, propagate, settle, square


def test_every_frame_is_labelled_where_the_image_lies(viewer, done):
    image, layer = viewer.layers["movie"], viewer.layers["cell propagated"]
    assert is_result(layer)
    assert set(np.unique(layer.data)) == {0, 3}
    for frame, place in enumerate(PLACES):
        assert overlap(layer.data[frame], place, label=3) > 0.5, frame
    for name in ("scale", "translate"):
        np.testing.assert_array_equal(getattr(layer, name), getattr(image, name))
    assert viewer.layers.index(layer) == viewer.layers.index(image) + 1
    np.testing.assert_allclose(layer.get_color(3), viewer.layers["cell"].get_color(3))
    assert says(done, "4 frames.")
    assert sorted(curve_of(done).quality.values) == [0, 1, 2, 3, 4]


def test_the_labelled_frame_stays_as_it_is(viewer, labels, done):
    np.testing.assert_array_equal(viewer.layers["cell propagated"].data[0], labels.data[0])


def test_the_layer_that_was_in_hand_gives_way_to_the_propagated_one(viewer, labels, done):
    assert viewer.layers.selection.active == viewer.layers["cell propagated"]
    assert viewer.layers["cell propagated"].mode == "paint"
    assert not labels.visible


def test_frames_come_into_view_until_the_slider_is_moved(qtbot, viewer, widget, may_go):
    button(widget, "Propagate").click()
    qtbot.waitUntil(lambda: viewer.dims.current_step[0] == 1, timeout=60_000)
    viewer.dims.set_current_step(0, 4)
    may_go.set()
    settle(qtbot, widget)
    assert viewer.dims.current_step[0] == 4


def test_a_second_run_with_nothing_new_computes_nothing(qtbot, viewer, done):
    before = viewer.layers["cell propagated"].data.copy()
    propagate(qtbot, done)
    assert says(done, "0 frames, 4 as they were")
    np.testing.assert_array_equal(viewer.layers["cell propagated"].data, before)


def test_cancel_keeps_what_is_done(qtbot, viewer, widget, may_go):
    button(widget, "Propagate").click()
    qtbot.waitUntil(lambda: len(curve_of(widget).quality.values) == 2, timeout=60_000)
    button(widget, "Cancel").click()
    may_go.set()
    settle(qtbot, widget)
    assert says(widget, "Cancelled; what was shown stays")
    assert button(widget, "Send to Paint to segment").isEnabled()
    layer = viewer.layers["cell propagated"]
    assert overlap(layer.data[1], PLACES[1], label=3) > 0.5
    assert not layer.data[3:].any()
    propagate(qtbot, widget)
    assert says(widget, "3 frames, 1 as they were")


def test_how_long_the_rest_will_take_is_told_by_the_share_that_is_done(monkeypatch):
    clock = itertools.count(step=10)
    monkeypatch.setattr(_passage_steps.time, "monotonic", lambda: next(clock))
    parts = [Progress(4, 10, "tiles"), Progress(2, 5, "frames", so_far="frame 1"), Progress(6, 10, "tiles")]
    told = [progress.what for progress in _passage_steps._timed_steps(iter(parts), lambda frame: 1)]
    assert told == ["tiles", "frames", "tiles (about 20 s left)"]


def test_a_range_and_a_direction_are_kept_to(qtbot, viewer, labels, movie):
    labels.data = np.roll(labels.data, 2, axis=0)
    widget = dock(qtbot, viewer)
    assert frames_of(widget) == ["2"]
    combo(widget, "Backward").setCurrentText("Backward")
    widget._propagation.choice._first.setValue(1)
    propagate(qtbot, widget)
    layer = viewer.layers["cell propagated"]
    assert [bool(frame.any()) for frame in layer.data] == [False, True, True, False, False]


def test_frames_that_are_not_ticked_are_not_labelled_by_hand(qtbot, viewer, labels, asked):
    labels.data[3, 60:, 80:] = 7
    widget = dock(qtbot, viewer)
    assert frames_of(widget) == ["0", "3"]
    rows = widget._propagation.choice.labelled
    rows.item(1).setCheckState(rows.item(0).checkState().Unchecked)
    assert frames_of(widget) == ["0", "(3)"]
    propagate(qtbot, widget)
    assert sorted(asked[0]["given"]) == [0]
    assert 7 not in viewer.layers["cell propagated"].data


def test_labels_without_a_slider_are_those_of_the_frame_in_view(qtbot, viewer, labels, asked):
    flat = viewer.add_labels(labels.data[0], name="flat", scale=(2, 3), translate=(5, 7))
    viewer.layers.remove(labels)
    viewer.dims.set_current_step(0, 2)
    widget = dock(qtbot, viewer)
    qtbot.waitUntil(lambda: frames_of(widget) == ["2"])
    propagate(qtbot, widget)
    viewer.dims.set_current_step(0, 4)
    qtbot.wait(50)
    assert frames_of(widget) == ["2"]
    assert sorted(asked[0]["given"]) == [2]
    np.testing.assert_array_equal(viewer.layers["flat propagated"].data[2], flat.data)


def test_one_position_of_another_slider_is_gone_through(qtbot, make_napari_viewer_proxy, movie, asked):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.add_image(np.stack([movie, movie[::-1]], axis=1), name="movies")
    data = np.zeros((5, 2, 72, 96), np.uint8)
    data[0, 1][square(PLACES[4])] = 1
    viewer.add_labels(data, name="cell")
    viewer.dims.set_current_step(1, 1)
    widget = dock(qtbot, viewer)
    qtbot.waitUntil(lambda: frames_of(widget) == ["0"])
    propagate(qtbot, widget)
    layer = viewer.layers["cell propagated"]
    assert layer.data[:, 1].any(axis=(1, 2)).all()
    assert not layer.data[:, 0].any()
    combo(widget, "slider -3: 2 frames").setCurrentText("slider -3: 2 frames")
    viewer.dims.set_current_step(0, 0)
    qtbot.waitUntil(lambda: frames_of(widget) == ["1"])


@pytest.mark.parametrize("is_colour", [True, False], ids=["colour", "grey"])
def test_lazy_stacks_and_lazy_labels_stay_lazy(qtbot, make_napari_viewer_proxy, movie, labels_of, is_colour):
    import dask.array as da
    import zarr

    stack = np.stack([movie] * 3, axis=-1) if is_colour else movie
    viewer = make_napari_viewer_proxy(show=True)
    viewer.add_image(da.from_array(stack, chunks=(1, -1, -1, -1)[: stack.ndim]), name="movie", rgb=is_colour)
    viewer.add_labels(da.from_array(labels_of(movie), chunks=(1, -1, -1)), name="cell")
    widget = dock(qtbot, viewer)
    propagate(qtbot, widget)
    layer = viewer.layers["cell propagated"]
    assert isinstance(layer.data, zarr.Array)
    assert overlap(layer.data[4], PLACES[4], label=3) > 0.5


@pytest.fixture
def labels_of():
    """Return a function that labels the square in the first frame of a movie."""

    def label(movie):
        data = np.zeros(movie.shape, np.uint16)
        data[0][movie[0] != 60] = 3
        return data

    return label
