"""Strokes that no brush can write to are learned from, said to be so, and copied; in a real viewer."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import zarr

from napari_vitrail.widgets._layers import name_class
from tests.widgets.conftest import SIDE
from tests.widgets.driving import button, combo, dock, draw, press_key, says

RESULT, GIVEN = "textures segmentation", "given"


def of_numpy(painted, folder):
    painted.setflags(write=False)
    return painted


def of_a_file(painted, folder):
    store = zarr.open_array(folder / "given.zarr", mode="w", shape=painted.shape, dtype=painted.dtype)
    store[:] = painted
    return zarr.open_array(folder / "given.zarr", mode="r")


def of_a_pyramid(painted, folder):
    return [painted, painted[::2, ::2]]


@pytest.fixture
def painted():
    """Return strokes of either class."""
    labels = np.zeros((SIDE, SIDE), np.uint8)
    labels[10:50, 8:12], labels[10:50, 50:54] = 1, 2
    return labels


@pytest.fixture
def viewer(make_napari_viewer_proxy, textures):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.add_image(textures, name="textures", scale=(0.5, 0.5))
    return viewer


def show(viewer, data):
    """Return the widget, docked, beside strokes that are given."""
    given = viewer.add_labels(data, name=GIVEN, scale=(0.5, 0.5))
    name_class(given, 1, "chequer")
    widget = dock(viewer)
    viewer.reset_view()
    return widget


def done(qtbot, widget):
    qtbot.waitUntil(lambda: not widget._bench.job.is_busy and says(widget, "Done in"), timeout=60_000)


@pytest.mark.parametrize("kind", [of_numpy, of_a_file, of_a_pyramid])
def test_new_copies_strokes_that_no_brush_can_write_to(kind, qtbot, viewer, painted, tmp_path, notes):
    widget = show(viewer, kind(painted.copy(), tmp_path))
    assert says(widget, "No brush can write to this layer")
    viewer.layers.selection.active = viewer.layers[GIVEN]
    viewer.layers[GIVEN].mode = "paint"
    draw(viewer, widget, (2, 2), (2, 20))
    button(widget, "New").click()
    done(qtbot, widget)
    copy = viewer.layers[f"{GIVEN} copy"]
    np.testing.assert_array_equal(copy.data, painted)
    np.testing.assert_array_equal(copy.scale, (0.5, 0.5))
    assert combo(widget, GIVEN).currentText() == copy.name
    assert "chequer" in copy.features["class"].tolist()
    assert not viewer.layers[GIVEN].visible
    copy.selected_label = 2
    draw(viewer, widget, (28, 2), (28, 20))
    assert np.count_nonzero(np.asarray(copy.data) == 2) > np.count_nonzero(painted == 2)
    assert list(notes) == []


def test_they_are_learned_from_as_they_are(qtbot, viewer, painted):
    widget = show(viewer, of_numpy(painted, None))
    button(widget, "Segment").click()
    done(qtbot, widget)
    assert set(np.unique(viewer.layers[RESULT].data)) == {1, 2}


def test_the_key_for_the_brush_says_why_there_is_none(viewer, painted):
    widget = show(viewer, of_numpy(painted, None))
    press_key(widget, "D")
    assert says(widget, "Not yet: no brush can write to 'given': its array is read-only.")


def test_they_stay_so_after_a_look_at_the_volume_and_not_once_they_can_be_painted(viewer, painted):
    widget = show(viewer, of_numpy(painted.copy(), None))
    given = viewer.layers[GIVEN]
    for ndisplay in (3, 2):
        viewer.dims.ndisplay = ndisplay
        assert not given.editable
    given.data = painted.copy()
    assert given.editable
    assert widget._bench.layers._note.isHidden()


def test_a_lazy_layer_is_painted_on_as_napari_does(qtbot, viewer, painted, notes):
    widget = show(viewer, da.from_array(painted.copy(), chunks=32))
    combo(widget, "Live").setCurrentText("After stroke")
    viewer.layers.selection.active = given = viewer.layers[GIVEN]
    given.selected_label, given.brush_size, given.mode = 2, 4, "paint"
    draw(viewer, widget, (28, 20), (28, 30))
    qtbot.waitUntil(lambda: widget._live.is_settled, timeout=60_000)
    assert np.count_nonzero(np.asarray(given.data) == 2) > np.count_nonzero(painted == 2)
    assert RESULT in viewer.layers
    assert list(notes) == []
