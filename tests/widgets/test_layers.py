"""Layers become arrays and arrays become layers without losing where they lie."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import zarr
from napari.components import ViewerModel
from napari.layers import Labels

from napari_vitrail.widgets._layers import (
    add_strokes,
    class_colours,
    class_names,
    class_table,
    is_result,
    write_patch,
    write_segmentation,
)
from napari_vitrail.widgets._planes import read_plane

CALIBRATED = {
    "scale": (0.5, 0.25),
    "translate": (3, -7),
    "affine": [[1, 0.1, 5], [0, 1, 2], [0, 0, 1]],
    "units": ("um", "um"),
}


@pytest.fixture
def viewer():
    """Return a viewer's model: all there is to napari but the window."""
    return ViewerModel()


def test_new_strokes_lie_on_the_image_with_the_brush_in_hand(noise, viewer):
    image = viewer.add_image(noise, name="cells", **CALIBRATED)
    strokes = add_strokes(viewer, image)
    assert_same_place(strokes, image)
    assert (strokes.name, strokes.mode) == ("cells strokes", "paint")
    assert viewer.layers.selection.active is strokes


def test_segmentation_lies_on_the_image_below_the_strokes(noise, viewer):
    image = viewer.add_image(noise, name="cells", **CALIBRATED)
    strokes = add_strokes(viewer, image)
    result = write_segmentation(viewer, read_plane(image, viewer.dims), noise % 3, strokes)
    assert_same_place(result, image)
    assert [layer.name for layer in viewer.layers] == ["cells", "cells segmentation", "cells strokes"]
    assert viewer.layers.selection.active is strokes
    np.testing.assert_array_equal(result.data, noise % 3)


def test_segmentation_is_updated_in_place(noise, viewer):
    image = viewer.add_image(noise)
    strokes = add_strokes(viewer, image)
    plane = read_plane(image, viewer.dims)
    first = write_segmentation(viewer, plane, noise % 3, strokes)
    first.opacity = 0.2
    again = write_segmentation(viewer, plane, (noise % 3).astype(np.uint16) + 300, strokes)
    assert again is first
    assert again.opacity == 0.2
    np.testing.assert_array_equal(again.data, noise % 3 + np.uint16(300))


@pytest.mark.parametrize("shape", [(1100, 8), (2, 600, 8)])
def test_a_packed_segmentation_is_widened_in_blocks_of_rows(shape, viewer, monkeypatch):
    image = viewer.add_image(da.zeros(shape, np.uint8))
    plane, rows = read_plane(image, viewer.dims), np.arange(shape[-2] * 8).reshape(shape[-2], 8) % 250
    first = write_segmentation(viewer, plane, rows.astype(np.uint8), None)
    read, get = [], zarr.Array.__getitem__
    monkeypatch.setattr(zarr.Array, "__getitem__", lambda self, at: read.append(at) or get(self, at))
    write_patch(
        viewer, plane, (slice(0, 1), slice(0, 1)), np.array([[300]], np.uint16), None, is_finished=False
    )
    assert len(read) < 10  # the viewer also reads to draw
    rows[0, 0] = 300
    np.testing.assert_array_equal(first.data[plane.index], rows)


def test_an_updated_segmentation_lies_where_the_image_lies_now(noise, viewer):
    image = viewer.add_image(noise)
    strokes = add_strokes(viewer, image)
    first = write_segmentation(viewer, read_plane(image, viewer.dims), noise % 3, strokes)
    for name, value in {**CALIBRATED, "rotate": 30, "shear": (0.2,)}.items():
        setattr(image, name, value)
    again = write_segmentation(viewer, read_plane(image, viewer.dims), noise % 3, strokes)
    assert again is first
    assert_same_place(again, image)
    np.testing.assert_allclose(again.data_to_world((3, 5)), image.data_to_world((3, 5)))


def test_an_image_reopened_in_another_size_gets_one_segmentation(noise, viewer):
    for pixels in (noise, noise[:8]):
        image = viewer.add_image(pixels, name="cells")
        strokes = add_strokes(viewer, image)
        for _ in range(2):
            write_segmentation(viewer, read_plane(image, viewer.dims), pixels % 3, strokes)
        del viewer.layers["cells"]
    shapes = [layer.data.shape for layer in viewer.layers if is_result(layer)]
    assert shapes == [(12, 16), (8, 16)]


def test_segmentation_without_strokes_lies_on_top_in_our_colours(noise, viewer):
    image = viewer.add_image(noise)
    result = write_segmentation(viewer, read_plane(image, viewer.dims), noise % 3, None)
    assert viewer.layers[-1] is result
    np.testing.assert_array_equal(result.get_color(1), class_colours().map(1))


def test_segmentation_is_not_hidden_by_its_image_where_the_strokes_lie_below(noise, viewer):
    strokes = add_strokes(viewer, viewer.add_image(noise, name="painted"))
    other = viewer.add_image(noise, name="other")
    result = write_segmentation(viewer, read_plane(other, viewer.dims), noise % 3, strokes)
    assert [layer.name for layer in viewer.layers] == [
        "painted",
        "painted strokes",
        "other",
        "other segmentation",
    ]
    assert viewer.layers.selection == {other}
    assert result.visible


def test_what_is_selected_stays_so_when_a_result_is_added(noise, viewer):
    chosen = {viewer.add_image(noise, name=name) for name in "ab"}
    for selected in (chosen, set()):
        viewer.layers.selection.clear()
        viewer.layers.selection.update(selected)
        write_segmentation(viewer, read_plane(viewer.layers["a"], viewer.dims), noise % 3, None)
        assert viewer.layers.selection == selected
        del viewer.layers["a segmentation"]


def test_segmentation_of_a_stack_keeps_its_other_planes(noise, viewer):
    image = viewer.add_image(np.stack([noise] * 3))
    strokes = add_strokes(viewer, image)
    for at in (0, 2):
        viewer.dims.set_point(0, at)
        plane = read_plane(image, viewer.dims)
        result = write_segmentation(viewer, plane, np.full(noise.shape, at + 1, np.uint8), strokes)
    np.testing.assert_array_equal(result.data[:, 0, 0], [1, 0, 3])


def test_a_renamed_result_is_kept(noise, viewer):
    image = viewer.add_image(noise)
    strokes = add_strokes(viewer, image)
    plane = read_plane(image, viewer.dims)
    mine = write_segmentation(viewer, plane, noise % 3, strokes)
    mine.name = "mine"
    assert not is_result(mine)
    assert write_segmentation(viewer, plane, noise % 2, strokes) is not mine


def test_a_layer_of_the_user_is_never_overwritten(noise, viewer):
    image = viewer.add_image(noise, name="cells")
    mine = viewer.add_labels(noise % 5, name="cells segmentation")
    plane = read_plane(image, viewer.dims)
    result = write_segmentation(viewer, plane, noise % 2, mine)
    assert result is not mine
    assert write_segmentation(viewer, plane, noise % 2, mine) is result
    np.testing.assert_array_equal(mine.data, noise % 5)


def test_same_class_has_the_same_colour(noise, viewer):
    image = viewer.add_image(noise)
    strokes = add_strokes(viewer, image)
    strokes.new_colormap()
    result = write_segmentation(viewer, read_plane(image, viewer.dims), noise % 3, strokes)
    for label in (1, 2, 77):
        np.testing.assert_array_equal(result.get_color(label), strokes.get_color(label))


def test_showing_one_class_of_the_strokes_leaves_the_result_alone(noise, viewer):
    image = viewer.add_image(noise)
    strokes = add_strokes(viewer, image)
    result = write_segmentation(viewer, read_plane(image, viewer.dims), noise % 3, strokes)
    strokes.show_selected_label = True
    assert not result.colormap.use_selection


def test_first_colours_differ_and_the_background_is_clear():
    colours = np.array(class_colours().map(np.arange(30)))
    assert colours[0, 3] == 0
    assert len(np.unique(colours[1:], axis=0)) == 29


def test_result_names_the_classes_of_the_strokes(noise, viewer):
    image = viewer.add_image(noise)
    strokes = viewer.add_labels(noise % 3, features=class_table({1: "cell", 2: "rest"}))
    assert class_names(strokes) == {1: "cell", 2: "rest"}
    result = write_segmentation(viewer, read_plane(image, viewer.dims), noise % 3, strokes)
    assert class_names(result) == {1: "cell", 2: "rest"}


def test_strokes_without_names_have_none(noise):
    assert class_names(Labels(noise)) == {}


def assert_same_place(layer, image):
    np.testing.assert_array_equal(layer.scale, image.scale)
    np.testing.assert_array_equal(layer.translate, image.translate)
    np.testing.assert_array_equal(layer.affine.affine_matrix, image.affine.affine_matrix)
    assert layer.units == image.units
