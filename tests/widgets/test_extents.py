"""Objects of stacks: of every plane, of volumes, of each time point; in a real viewer."""

from __future__ import annotations

import csv

import dask.array as da
import numpy as np
import pytest
from napari.layers import Image
from qtpy.QtWidgets import QFileDialog, QLabel

from napari_vitrail import measure
from napari_vitrail.widgets import ClassifierWidget, _extents
from napari_vitrail.widgets._extents import depth_axis, parts_of
from napari_vitrail.widgets._layers import mark
from napari_vitrail.widgets._planes import all_planes, read_plane
from tests.widgets.driving import button, combo, says

OBJECTS = "stack objects"


@pytest.fixture
def classes():
    """Return ground (1) with a rod (2) through planes 1 to 3 and a block (2) in planes 3 and 4, of 5."""
    classes = np.ones((5, 20, 30), np.uint8)
    classes[1:4, 2:8, 2:8] = 2
    classes[3:, 12:18, 20:28] = 2
    return classes


@pytest.fixture
def viewer(make_napari_viewer_proxy):
    return make_napari_viewer_proxy()


def opened(viewer, classes, image=None, **layer):
    """Return the widget beside a stack that was segmented before, its first plane with objects in view."""
    image = classes * 50 if image is None else image
    viewer.add_image(image, name="stack", contrast_limits=(0, 255), **layer)
    viewer.add_labels(classes, name="stack segmentation", metadata=mark("stack", "segmentation"), **layer)
    viewer.dims.set_current_step(classes.ndim - 3, 1)
    widget = ClassifierWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Paint to segment")
    combo(widget, "Live").setCurrentText("Manual")
    return widget


def find(qtbot, widget, extent):
    combo(widget, extent).setCurrentText(extent)
    button(widget, "Find objects").click()
    qtbot.waitUntil(lambda: not widget._bench.job.is_busy and says(widget, "Done in"), timeout=60_000)


def test_every_plane_has_objects_of_its_own_and_says_which(qtbot, viewer, classes, tmp_path, monkeypatch):
    widget = opened(viewer, classes, scale=(2, 0.5, 0.5), units="um")
    find(qtbot, widget, "Every plane by itself")
    assert says(widget, "5 objects in 5 planes.")
    layer = viewer.layers[OBJECTS]
    assert layer.features["plane"].tolist() == [1, 2, 3, 3, 4]
    assert layer.features["index"].tolist() == [1, 2, 3, 4, 5]
    np.testing.assert_array_equal(layer.features["area_um2"], [9, 9, 9, 12, 12])
    assert layer.features["intensity_mean"].tolist() == [100] * 5
    for index, plane in zip(layer.features["index"], layer.features["plane"], strict=True):
        assert set(np.argwhere(layer.data == index)[:, 0]) == {plane}
    np.testing.assert_array_equal(layer.data > 0, classes == 2)
    path = tmp_path / "stack.csv"
    monkeypatch.setattr(QFileDialog, "exec", lambda dialog: 1)
    monkeypatch.setattr(QFileDialog, "selectedFiles", lambda dialog: [str(path)])
    button(widget, "Save CSV...").click()
    with path.open(encoding="utf-8", newline="") as file:
        assert [row["plane"] for row in csv.DictReader(file)] == ["1", "2", "3", "3", "4"]


def test_a_volume_has_objects_that_go_through_planes(qtbot, viewer, classes):
    widget = opened(viewer, classes, scale=(2, 0.5, 0.5), units="um")
    assert says(widget, "Min. pixels")
    find(qtbot, widget, "Whole volume")
    assert says(widget, "Min. voxels")
    layer = viewer.layers[OBJECTS]
    assert says(widget, "2 objects.")
    np.testing.assert_array_equal(layer.features["volume_um3"], [3 * 36 * 0.5, 2 * 48 * 0.5])
    np.testing.assert_array_equal(layer.features["plane"], [2, 3.5])
    own = measure(layer.data, image=classes * 50, spacing=(2, 0.5, 0.5))
    for name in ("volume_um3", "equivalent_diameter_um", "intensity_mean"):
        np.testing.assert_array_equal(layer.features[name], own[name])
    np.testing.assert_array_equal(layer.scale, (2, 0.5, 0.5))


def test_each_time_point_is_a_volume_of_its_own(qtbot, viewer, classes):
    movie = np.stack([classes, classes[::-1], np.ones_like(classes)])
    widget = opened(viewer, movie, axis_labels=("t", "z", "y", "x"))
    find(qtbot, widget, "Whole volume")
    assert says(widget, "4 objects in 3 volumes.")
    layer = viewer.layers[OBJECTS]
    assert layer.features["t"].tolist() == [0, 0, 1, 1]
    for time in (0, 1):
        assert set(np.unique(layer.data[time])) == {0, 1 + 2 * time, 2 + 2 * time}
    find(qtbot, widget, "Every plane by itself")
    assert layer.features["z"].tolist() == [1, 2, 3, 3, 4, 0, 1, 1, 2, 3]


def test_a_movie_is_no_volume(qtbot, viewer, classes):
    widget = opened(viewer, classes, axis_labels=("t", "y", "x"))
    combo(widget, "Whole volume").setCurrentText("Whole volume")
    button(widget, "Find objects").click()
    assert says(widget, "no planes that make a volume")
    find(qtbot, widget, "Every plane by itself")
    assert viewer.layers[OBJECTS].features["t"].tolist() == [1, 2, 3, 3, 4]


def test_a_lazy_stack_is_taken_plane_by_plane_and_a_volume_that_does_not_fit_is_refused(
    qtbot, viewer, classes, monkeypatch
):
    widget = opened(viewer, classes, image=da.from_array(classes * 50, chunks=(1, 20, 30)))
    find(qtbot, widget, "Every plane by itself")
    layer = viewer.layers[OBJECTS]
    assert type(layer.data) is not np.ndarray  # packed, as all results on lazy images
    assert layer.features["plane"].tolist() == [1, 2, 3, 3, 4]
    monkeypatch.setattr(_extents, "_BYTES_PER_PIXEL", 1e12)
    combo(widget, "Whole volume").setCurrentText("Whole volume")
    button(widget, "Find objects").click()
    assert says(widget, "take every plane by itself")
    assert not widget._bench.job.is_busy


def test_cancel_leaves_the_objects_that_were_there(qtbot, viewer, classes):
    widget = opened(viewer, classes)
    find(qtbot, widget, "Plane in view")
    before = viewer.layers[OBJECTS].data
    combo(widget, "Whole volume").setCurrentText("Every plane by itself")
    button(widget, "Find objects").click()
    button(widget, "Cancel").click()
    qtbot.waitUntil(lambda: says(widget, "Cancelled"), timeout=60_000)
    assert viewer.layers[OBJECTS].data is before
    assert viewer.layers[OBJECTS].features["index"].tolist() == [1]


def test_objects_of_another_segmentation_are_said_to_be_out_of_date(qtbot, viewer, classes):
    widget = opened(viewer, classes)
    find(qtbot, widget, "Every plane by itself")
    note = next(label for label in widget.findChildren(QLabel) if label.text().startswith("Out of date"))
    assert note.isHidden()
    result = viewer.layers["stack segmentation"]
    result.data[3, 0, :5] = 2
    widget._bench.shown.emit()  # as whoever writes a result does
    qtbot.waitUntil(lambda: not widget._objects._soon.isActive(), timeout=5_000)
    assert note.isHidden()  # another plane is in view
    viewer.dims.set_current_step(0, 3)
    qtbot.waitUntil(lambda: not note.isHidden(), timeout=5_000)
    find(qtbot, widget, "Every plane by itself")
    assert note.isHidden()


@pytest.mark.parametrize(
    ("labels", "order", "depth"),
    [
        (None, (0, 1, 2, 3), 1),
        (("z", "t", "y", "x"), (0, 1, 2, 3), 0),
        (("time", "depth", "y", "x"), (0, 1, 2, 3), 1),
        (("c", "t", "y", "x"), (0, 1, 2, 3), 0),
        (("t", "z", "y", "x"), (0, 2, 1, 3), 2),
        (None, (3, 0, 1, 2), 3),
    ],
)
def test_depth_is_what_is_labelled_so_or_the_last_axis_out_of_view(labels, order, depth, dims):
    image = Image(np.zeros((2, 3, 4, 5), np.uint8), axis_labels=labels)
    assert depth_axis(read_plane(image, dims(4, order=order))) == depth


def test_volumes_lie_along_any_axis(dims):
    data = np.random.default_rng(0).integers(0, 255, (2, 3, 4, 5), np.uint8)
    planes = all_planes(Image(data), dims(4, order=(3, 0, 1, 2)))
    parts = parts_of(planes, depth=0)
    assert [part.place for part in parts] == [{"axis 3": at} for at in range(5)]
    for at, part in enumerate(parts):
        np.testing.assert_array_equal(part.read(), data[..., at])
        np.testing.assert_array_equal(data[part.index], data[..., at])
