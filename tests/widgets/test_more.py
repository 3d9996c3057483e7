"""Segmenting stacks and several images, and learning from several, in a real viewer."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import zarr

from napari_vitrail.refinement import refine
from napari_vitrail.segmentation import class_probabilities, segment
from tests.widgets.conftest import SIDE
from tests.widgets.driving import button, combo, dock, draw, says


@pytest.fixture
def stack(textures):
    return np.stack([textures, np.flipud(textures), textures // 2 + 9])


@pytest.fixture
def viewer(make_napari_viewer_proxy, stack):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.add_image(stack, name="stack")
    viewer.dims.set_point(0, 1)
    return viewer


@pytest.fixture
def widget(viewer):
    return dock(viewer)


def paint(qtbot, viewer, widget, name, labels=(1, 2)):
    button(widget, "New").click()
    strokes = viewer.layers[f"{name} strokes"]
    strokes.brush_size = 4
    viewer.reset_view()
    for label, column in zip(labels, (8, 50), strict=False):
        strokes.selected_label = label
        draw(viewer, widget, (10, column), (50, column + 2))
    return strokes


def press(qtbot, widget, text, done="Done in"):
    button(widget, text).click()
    qtbot.waitUntil(lambda: not widget._bench.job.is_busy, timeout=60_000)
    assert says(widget, done)


def test_every_slice_gets_what_it_would_get_alone(qtbot, viewer, widget, stack):
    assert not button(widget, "Segment all slices").isEnabled()
    paint(qtbot, viewer, widget, "stack")
    press(qtbot, widget, "Segment")
    press(qtbot, widget, "Segment all slices", "3 slices of stack segmented")
    result = viewer.layers["stack segmentation"]
    for pixels, segmentation in zip(stack, result.data, strict=True):
        np.testing.assert_array_equal(segmentation, segment(pixels, widget._bench.classifier))


def test_a_clean_up_that_is_on_is_done_to_every_slice(qtbot, viewer, widget, stack):
    paint(qtbot, viewer, widget, "stack")
    press(qtbot, widget, "Segment")
    press(qtbot, widget, "Apply")
    press(
        qtbot,
        widget,
        "Segment all slices",
        "3 slices of stack segmented and cleaned up by smoothing over 2 px.",
    )
    classifier = widget._bench.classifier
    for pixels, segmentation in zip(stack, viewer.layers["stack segmentation"].data, strict=True):
        probabilities = class_probabilities(pixels, classifier)
        np.testing.assert_array_equal(segmentation, refine(probabilities, classes=classifier.classes_))


def test_cancel_keeps_the_slices_that_are_done(qtbot, make_napari_viewer_proxy, stack, notes):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.add_image(np.concatenate([stack] * 60), name="stack")
    viewer.dims.set_point(0, 0)
    widget = dock(viewer)
    paint(qtbot, viewer, widget, "stack")
    press(qtbot, widget, "Segment")
    result = viewer.layers["stack segmentation"]
    button(widget, "Segment all slices").click()
    qtbot.waitUntil(lambda: result.data[2].all(), timeout=60_000)
    button(widget, "Cancel").click()
    qtbot.waitUntil(lambda: says(widget, "Cancelled; what was shown stays"), timeout=60_000)
    assert result.data[:2].all()
    assert not result.data[-1].any()
    assert notes == []


@pytest.mark.parametrize("kind", ["dask", "zarr"])
def test_lazy_stacks_get_packed_strokes_and_results(
    kind, qtbot, make_napari_viewer_proxy, stack, textures, tmp_path
):
    lazy = da.from_array(stack, chunks=(1, SIDE, SIDE))
    if kind == "zarr":
        lazy = zarr.create_array(tmp_path / "it.zarr", data=stack)
    viewer = make_napari_viewer_proxy(show=True)
    viewer.add_image(lazy, name="stack", contrast_limits=(0, 255))
    viewer.dims.set_point(0, 0)
    widget = dock(viewer)
    strokes = paint(qtbot, viewer, widget, "stack")
    assert isinstance(strokes.data, zarr.Array)
    press(qtbot, widget, "Segment")
    press(qtbot, widget, "Segment all slices", "3 slices")
    result = viewer.layers["stack segmentation"]
    assert isinstance(result.data, zarr.Array)
    np.testing.assert_array_equal(result.data[2], segment(stack[2], widget._bench.classifier))


def test_ticked_images_are_segmented_each_into_a_layer_of_its_own(qtbot, viewer, widget, textures):
    paint(qtbot, viewer, widget, "stack")
    press(qtbot, widget, "Segment")
    viewer.add_image(textures.T.copy(), name="other", translate=(0, 100))
    rows = widget.findChild(type(widget._more._ticked))
    for row in range(rows.count()):
        rows.item(row).setCheckState(rows.item(row).checkState().Checked)
    press(qtbot, widget, "Segment ticked images", "4 slices")
    assert viewer.layers["stack segmentation"].data.all()
    other = viewer.layers["other segmentation"]
    assert other.data.all()
    np.testing.assert_array_equal(other.translate, (0, 100))


def test_one_classifier_learns_from_two_images(qtbot, viewer, widget, textures):
    paint(qtbot, viewer, widget, "stack", labels=(1,))
    viewer.add_image(textures, name="other")
    combo(widget, "other").setCurrentText("other")
    strokes = paint(qtbot, viewer, widget, "other", labels=(3,))
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: not widget._bench.job.is_busy, timeout=60_000)
    assert widget._bench.classifier is None  # one class on the chosen image
    assert widget._bench.layers._all.text() == "Learn from all 2 painted images"
    widget._bench.layers._all.click()
    press(qtbot, widget, "Segment")
    assert set(widget._bench.classifier.classes_) == {1, 3}
    combo(widget, "other").setCurrentText("stack")
    assert widget._bench.layers.strokes.name == "stack strokes"
    assert strokes in viewer.layers


def test_a_single_painted_image_offers_no_others(qtbot, viewer, widget):
    paint(qtbot, viewer, widget, "stack")
    assert widget._bench.layers._all.isHidden()
