"""Planes that are painted are known without a look at all of them, whatever was undone, written or shown."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from napari.layers import Labels

from napari_vitrail.progress import drain
from napari_vitrail.widgets import ClassifierWidget, _painted
from napari_vitrail.widgets._painted import painted_planes
from napari_vitrail.widgets._planes import planes_with_strokes, read_strokes
from tests.widgets.driving import button, combo, says

SHAPE = (6, 12, 16)


@pytest.fixture
def viewer(make_napari_viewer):
    """Return a viewer that shows the first plane of a stack and of strokes on it; a proxy would be no key."""
    viewer = make_napari_viewer()
    viewer.add_image(np.zeros(SHAPE, np.uint8), name="stack")
    strokes = viewer.add_labels(np.zeros(SHAPE, np.uint8), name="stack strokes")
    strokes.brush_size = 3
    viewer.dims.set_current_step(0, 0)
    planes(viewer)
    return viewer


def planes(viewer) -> list[int]:
    """Return the planes that are found to be painted, along the first axis."""
    strokes, image = viewer.layers["stack strokes"], viewer.layers["stack"]
    return sorted(
        plane.index[0] for plane, _ in drain(read_strokes(planes_with_strokes(strokes, image, viewer.dims)))
    )


def test_strokes_are_found_wherever_they_were_painted(viewer):
    for plane in (2, 5):
        viewer.dims.set_current_step(0, plane)
        viewer.layers["stack strokes"].paint((plane, 6, 6), 1)
        viewer.dims.set_current_step(0, 0)
    assert planes(viewer) == [2, 5]


def test_undo_and_redo_of_a_plane_out_of_view_are_seen(viewer):
    strokes = viewer.layers["stack strokes"]
    viewer.dims.set_current_step(0, 2)
    strokes.paint((2, 6, 6), 1)
    viewer.dims.set_current_step(0, 4)
    strokes.undo()
    assert planes(viewer) == []
    strokes.redo()
    assert planes(viewer) == [2]


def test_an_eraser_that_is_undone_out_of_view_gives_the_plane_back(viewer):
    strokes = viewer.layers["stack strokes"]
    strokes.paint((0, 6, 6), 1)
    strokes.paint((0, 6, 6), 0)
    assert planes(viewer) == []
    viewer.dims.set_current_step(0, 4)
    strokes.undo()
    assert planes(viewer) == [0]


def test_a_deep_brush_paints_several_planes(viewer):
    strokes = viewer.layers["stack strokes"]
    strokes.n_edit_dimensions = 3
    strokes.paint((3, 6, 6), 1)
    assert planes(viewer) == np.flatnonzero(strokes.data.any(axis=(1, 2))).tolist()


def test_a_script_that_writes_through_the_layer_is_heard(viewer):
    viewer.layers["stack strokes"].data_setitem((np.array([4, 5]), np.array([1, 1]), np.array([2, 3])), 1)
    assert planes(viewer) == [4, 5]


def test_other_data_are_looked_through(viewer):
    data = np.zeros(SHAPE, np.uint8)
    data[3, 0, 0] = 1
    viewer.layers["stack strokes"].data = data
    assert planes(viewer) == [3]
    data[1, 0, 0] = 1
    viewer.layers["stack strokes"].data = data
    assert planes(viewer) == [1, 3]


def test_other_axes_are_looked_through(viewer):
    strokes = viewer.layers["stack strokes"]
    viewer.dims.set_current_step(0, 2)
    strokes.paint((2, 6, 7), 1)
    viewer.dims.order = (1, 0, 2)
    viewer.dims.set_current_step(1, 0)
    found = drain(read_strokes(planes_with_strokes(strokes, viewer.layers["stack"], viewer.dims)))
    assert sorted(plane.index[1] for plane, _ in found) == np.flatnonzero(strokes.data.any((0, 2))).tolist()


def test_what_a_script_writes_into_the_plane_in_view_is_remembered(viewer):
    viewer.layers["stack strokes"].data[0, 1, 1] = 1
    assert planes(viewer) == [0]
    viewer.dims.set_current_step(0, 3)
    assert planes(viewer) == [0]


def test_planes_that_were_never_painted_are_not_looked_at(viewer):
    viewer.layers["stack strokes"].data[4] = 1  # tells nobody
    assert planes(viewer) == []
    painted_planes(viewer.layers["stack strokes"]).forget()
    assert planes(viewer) == [4]


def test_segment_finds_what_a_script_has_written_out_of_view(qtbot, viewer):
    rng = np.random.default_rng(0)
    viewer.layers["stack"].data = rng.integers(0, 255, SHAPE, np.uint8)
    widget = ClassifierWidget(viewer)
    viewer.window.add_dock_widget(widget)
    combo(widget, "Classical").setCurrentText("Classical")
    combo(widget, "Live").setCurrentText("Manual")
    strokes = viewer.layers["stack strokes"]
    strokes.data[0, :3], strokes.data[0, 8:] = 1, 2
    for _ in range(2):
        button(widget, "Segment").click()
        qtbot.waitUntil(lambda: not widget._bench.job.is_busy and says(widget, "Done in"), timeout=60_000)
        strokes.data[5, :5] = 3
    assert set(widget._bench.classifier.classes_) == {1, 2, 3}


def test_a_layer_is_not_kept_alive_by_what_is_known_of_it():
    strokes = Labels(np.zeros(SHAPE, np.uint8))
    before = len(_painted._KNOWN)
    painted_planes(strokes).positions(strokes.data, (1, 2))
    assert len(_painted._KNOWN) == before + 1
    del strokes
    gc.collect()
    assert len(_painted._KNOWN) <= before
