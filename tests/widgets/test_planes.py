"""Layers become planes and strokes, wherever they lie and whatever their axes mean."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import zarr
from napari.components import Dims
from napari.layers import Image, Labels

from napari_vitrail.image import LayeredImage
from napari_vitrail.progress import Progress, drain
from napari_vitrail.widgets._image_plane import Channels
from napari_vitrail.widgets._planes import (
    all_planes,
    geometry_of,
    mismatch,
    planes_with_strokes,
    read_plane,
    read_strokes,
    shape_of,
)


def test_plane_of_a_grey_image_is_its_data(noise, dims):
    plane = read_plane(Image(noise, name="cells"), dims())
    assert plane.layer_name == "cells"
    np.testing.assert_array_equal(plane.pixels, noise)


@pytest.mark.parametrize("n_channels", [3, 4])
def test_plane_of_rgb_keeps_its_channels_last(n_channels, dims):
    plane = read_plane(Image(np.zeros((12, 16, n_channels), np.uint8), rgb=True), dims())
    assert plane.pixels.shape == (12, 16, n_channels)
    assert plane.shape == (12, 16)


def test_plane_of_a_pyramid_is_its_finest_level(noise, dims):
    image = Image([noise, noise[::2, ::2]], multiscale=True)
    assert read_plane(image, dims()).pixels.shape == noise.shape


def test_plane_of_a_stack_is_the_one_in_view(noise, dims):
    stack = np.stack([noise, noise + 1, noise + 2])
    plane = read_plane(Image(stack, scale=(10, 1, 1)), dims(3, point=(20, 0, 0)))
    np.testing.assert_array_equal(plane.pixels, stack[2])
    assert plane.index == (2, slice(None), slice(None))


def test_plane_follows_the_order_of_the_axes(noise, dims):
    stack = np.stack([noise, noise + 1, noise + 2])
    plane = read_plane(Image(stack), dims(3, order=(2, 0, 1), point=(0, 0, 5)))
    np.testing.assert_array_equal(plane.pixels, stack[:, :, 5])


def test_plane_of_lazy_data_stays_lazy(noise, dims):
    image = Image(da.from_array(np.stack([noise] * 3)), contrast_limits=(0, 255))
    assert isinstance(read_plane(image, dims(3)).pixels, da.Array)


def test_planes_of_a_zarr_array_are_left_to_the_worker(noise, dims, tmp_path):
    stack = zarr.create_array(tmp_path / "it.zarr", data=np.stack([noise] * 3))
    plane = read_plane(Image(stack, contrast_limits=(0, 255)), dims(3))
    assert isinstance(plane.pixels, da.Array)
    np.testing.assert_array_equal(plane.read(), noise)


def test_a_flat_image_among_stacks_is_in_view(noise, dims):
    assert read_plane(Image(noise), dims(4, point=(5, 6, 0, 0))).index == (slice(None), slice(None))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [({"ndisplay": 3}, "volume"), ({"point": (50, 0, 0)}, "out of view")],
    ids=["volume", "outside"],
)
def test_no_plane_is_an_error_that_says_why(arguments, reason, noise, dims):
    with pytest.raises(ValueError, match=reason):
        read_plane(Image(np.stack([noise] * 3)), dims(3, **arguments))


def test_strokes_are_found_on_every_plane_of_a_stack(noise, dims):
    stack = np.stack([noise, noise + 1, noise + 2])
    painted = np.zeros(stack.shape, np.uint8)
    painted[0, 1, 1], painted[2, 2, 2] = 1, 2
    pairs = drain(read_strokes(planes_with_strokes(Labels(painted), Image(stack), dims(3, point=(1, 0, 0)))))
    np.testing.assert_array_equal([plane.read() for plane, _ in pairs], stack[[0, 2]])
    np.testing.assert_array_equal([labels for _, labels in pairs], painted[[0, 2]])


def test_flat_strokes_belong_to_the_plane_in_view(noise, dims):
    stack = np.stack([noise, noise + 1, noise + 2])
    strokes = Labels(np.ones(noise.shape, np.uint8))
    [(plane, _)] = drain(read_strokes(planes_with_strokes(strokes, Image(stack), dims(3, point=(1, 0, 0)))))
    np.testing.assert_array_equal(plane.read(), stack[1])


def test_strokes_are_copied(noise, dims):
    labels = Labels(np.ones(noise.shape, np.uint8))
    steps = read_strokes(planes_with_strokes(labels, Image(noise), dims()))
    labels.data[:] = 0
    [(_, strokes)] = drain(steps)
    assert strokes.all()


def test_lazy_strokes_are_computed_by_the_work_not_by_the_call(noise, dims):
    computed = []

    def plane(block_info=None):
        at = block_info[None]["chunk-location"][0]
        computed.append(at)
        return np.full((1, *noise.shape), at == 2, np.uint8)

    lazy = da.map_blocks(plane, chunks=((1,) * 4, *((side,) for side in noise.shape)), dtype=np.uint8)
    strokes, image = Labels(lazy), Image(np.stack([noise, noise + 1, noise + 2, noise + 3]))
    computed.clear()  # of what napari itself has drawn
    steps = read_strokes(planes_with_strokes(strokes, image, dims(3)))
    assert computed == []
    assert next(steps) == Progress(1, 4, "reading strokes")
    assert computed == [0]
    [(plane, _)] = drain(steps)
    np.testing.assert_array_equal(plane.read(), noise + 2)


def test_empty_planes_of_a_long_stack_are_not_copied(dims):
    painted = np.zeros((1000, 12, 16), np.uint8)
    painted[500, 3, 3] = 1
    steps = read_strokes(planes_with_strokes(Labels(painted), Image(np.zeros_like(painted)), dims(3)))
    assert [progress.total for progress in steps] == [1]


def test_nothing_painted_is_no_strokes(noise, dims):
    assert (
        drain(
            read_strokes(planes_with_strokes(Labels(np.zeros(noise.shape, np.uint8)), Image(noise), dims()))
        )
        == []
    )


@pytest.mark.parametrize(
    ("shape", "arguments", "fits"),
    [
        ((12, 16), {}, True),
        ((6, 8), {"scale": (2, 2)}, True),
        ((12, 16), {"translate": (0, 4)}, True),
        ((12, 16), {"translate": (0, 16)}, False),
        ((12, 16), {"translate": (-12, 0)}, False),
    ],
    ids=["same", "coarser", "moved", "beside", "above"],
)
def test_strokes_fit_where_they_lie_on_the_image(shape, arguments, fits, noise, dims):
    found = mismatch(Labels(np.zeros(shape, np.uint8), **arguments), Image(noise), dims())
    assert (found == "") is fits


def test_coarser_strokes_cover_the_pixels_below_them(noise, dims):
    coarse = np.zeros((6, 8), np.uint8)
    coarse[2, 3] = 5
    strokes = Labels(coarse, scale=(2, 2), translate=(0.5, 0.5))  # each covers two pixels a side
    [(_, found)] = drain(read_strokes(planes_with_strokes(strokes, Image(noise), dims())))
    expected = np.zeros(noise.shape, np.uint8)
    expected[4:6, 6:8] = 5
    np.testing.assert_array_equal(found, expected)


def test_moved_strokes_are_read_where_they_are_seen(noise, dims):
    painted = np.zeros(noise.shape, np.uint8)
    painted[1, 1] = 3
    image = Image(noise, scale=(0.5, 0.5))
    strokes = Labels(painted, scale=(0.5, 0.5), translate=(2, 1))
    [(_, found)] = drain(read_strokes(planes_with_strokes(strokes, image, dims())))
    assert np.argwhere(found).tolist() == [[5, 3]]


def test_turned_strokes_are_read_where_they_are_seen(dims):
    painted = np.zeros((8, 8), np.uint8)
    painted[1, 5] = 3
    quarter = Labels(painted, affine=[[0, 1, 0], [1, 0, 0], [0, 0, 1]])
    [(_, found)] = drain(read_strokes(planes_with_strokes(quarter, Image(np.zeros((8, 8))), dims())))
    assert np.argwhere(found).tolist() == [[5, 1]]


def test_strokes_of_a_stack_with_thicker_slices_are_read_on_the_planes_they_cover(noise, dims):
    thick = np.zeros((2, *noise.shape), np.uint8)
    thick[1, 4, 4] = 2
    strokes = Labels(thick, scale=(3, 1, 1), translate=(1, 0, 0))
    pairs = drain(read_strokes(planes_with_strokes(strokes, Image(np.stack([noise] * 6)), dims(3))))
    assert [plane.index[0] for plane, _ in pairs] == [3, 4, 5]


# ---- channels ------------------------------------------------------------------------------------


def test_chosen_channels_are_seen_together(noise, dims):
    image = Image(np.stack([noise, noise // 2, noise // 4]))
    plane = read_plane(image, dims(3), Channels(0, (0, 2)))
    assert (plane.shape, plane.index) == ((1, *noise.shape), (0, slice(None), slice(None)))
    seen = plane.read()
    assert isinstance(seen, LayeredImage)
    np.testing.assert_array_equal(seen.extra["channel 2"], noise // 4)
    assert list(seen.extra) == ["channel 0", "channel 2"]


def test_one_channel_is_a_grey_image(noise, dims):
    image = Image(np.stack([noise, noise // 2]))
    np.testing.assert_array_equal(read_plane(image, dims(3), Channels(0, (1,))).read(), noise // 2)


@pytest.mark.parametrize("kind", ["numpy", "dask", "zarr"])
@pytest.mark.parametrize("axes", ["TCZYX", "TZCYX", "TZYXC", "CTZYX", "YXTZC"])
def test_five_axes_in_any_order_and_any_kind_of_array(axes, kind, tmp_path):
    sizes = {"T": 2, "C": 3, "Z": 4, "Y": 12, "X": 16}
    data = np.arange(2 * 3 * 4 * 12 * 16, dtype=np.uint16).reshape([sizes[axis] for axis in "TCZYX"])
    moved = np.transpose(data, ["TCZYX".index(axis) for axis in axes])
    made = {
        "numpy": lambda: moved,
        "dask": lambda: da.from_array(moved, chunks=5),
        "zarr": lambda: zarr.create_array(tmp_path / "it.zarr", data=moved, chunks=(5,) * 5),
    }[kind]()
    image = Image(made, contrast_limits=(0, 5000))
    point = [{"T": 1, "C": 0, "Z": 3, "Y": 0, "X": 0}[axis] for axis in axes]
    order = [axes.index(axis) for axis in "TCZYX"]
    dims = Dims(ndim=5, range=[(0, 100, 1)] * 5, point=point, order=order)
    channels = Channels(axes.index("C"), (0, 2))
    plane = read_plane(image, dims, channels)
    extra = plane.read().extra
    for channel in (0, 2):
        np.testing.assert_array_equal(extra[f"channel {channel}"], data[1, channel, 3])
    assert plane.shape == tuple(1 if axis == "C" else sizes[axis] for axis in axes)
    assert len(all_planes(image, dims, channels)) == 8


def test_a_layer_on_channels_is_seen_with_each_of_them(noise):
    image = Image(np.stack([noise] * 5), scale=(2, 1, 1), translate=(7, 0, 0))
    channels = Channels(0, (0, 1))
    layer = Labels(np.zeros(shape_of(image, channels), np.uint8), **geometry_of(image, channels))
    for channel in range(5):
        place = layer.world_to_data(image.data_to_world((channel, 3, 4)))
        assert np.rint(place).tolist() == [0, 3, 4]


def test_strokes_over_channels_count_whichever_is_in_view(noise, dims):
    image = Image(np.stack([noise] * 4))
    channels = Channels(0, (0, 1))
    strokes = Labels(np.ones(shape_of(image, channels), np.uint8), **geometry_of(image, channels))
    for channel in range(4):
        pairs = drain(
            read_strokes(planes_with_strokes(strokes, image, dims(3, point=(channel, 0, 0)), channels))
        )
        assert [plane.index[0] for plane, _ in pairs] == [0]


def test_the_axis_of_the_channels_cannot_be_looked_along(noise, dims):
    with pytest.raises(ValueError, match="shows the axis of the channels"):
        read_plane(Image(np.stack([noise] * 4)), dims(3, order=(1, 0, 2)), Channels(0, (0,)))


def test_further_layers_are_channels_too_wherever_they_lie(noise, dims):
    image = Image(noise)
    finer = Image(noise.repeat(2, axis=0).repeat(2, axis=1), scale=(0.5, 0.5), translate=(-0.25, -0.25))
    finer.name = "finer"
    seen = read_plane(image, dims(), Channels(layers=(finer,))).read()
    np.testing.assert_array_equal(seen.image, noise)
    np.testing.assert_allclose(seen.extra["finer"], noise)


def test_further_layers_of_a_stack_are_read_plane_by_plane(noise, dims):
    other = Image(np.stack([noise, noise // 2, noise // 4]), name="other")
    planes = all_planes(Image(np.stack([noise] * 3)), dims(3, point=(1, 0, 0)), Channels(layers=(other,)))
    assert [plane.index[0] for plane in planes] == [1, 0, 2]
    np.testing.assert_array_equal(planes[2].read().extra["other"], noise // 4)


def test_colours_of_a_further_layer_are_one_channel(noise, dims):
    colours = Image(np.stack([noise, noise, noise // 2], axis=-1), rgb=True, name="colours")
    seen = read_plane(Image(noise), dims(), Channels(layers=(colours,))).read()
    assert seen.extra["colours"].shape == noise.shape


# ---- pyramids ------------------------------------------------------------------------------------


@pytest.fixture
def pyramid(noise):
    """Return an image of three levels, calibrated."""
    levels = [noise.repeat(4, axis=0).repeat(4, axis=1), noise.repeat(2, axis=0).repeat(2, axis=1), noise]
    return Image(levels, multiscale=True, scale=(0.5, 0.5), translate=(3, 4))


def test_a_coarser_level_can_be_worked_on(pyramid, noise, dims):
    plane = read_plane(pyramid, dims(), Channels(level=2))
    np.testing.assert_array_equal(plane.read(), noise)
    assert plane.shape == noise.shape


def test_a_layer_of_a_coarser_level_lies_on_the_finest(pyramid):
    geometry = geometry_of(pyramid, Channels(level=2))
    layer = Labels(np.zeros((12, 16), np.uint8), **geometry)
    # pixel 1 of the coarse level stands for pixels 4 to 7, whose middle is 5.5
    np.testing.assert_allclose(layer.data_to_world((1, 1)), pyramid.data_to_world((5.5, 5.5)))


def test_strokes_on_the_finest_level_are_read_on_a_coarser_one(pyramid, dims):
    fine = np.zeros((48, 64), np.uint8)
    fine[8:12, 20:24] = 2
    strokes = Labels(fine, scale=(0.5, 0.5), translate=(3, 4))
    [(_, found)] = drain(read_strokes(planes_with_strokes(strokes, pyramid, dims(), Channels(level=2))))
    assert np.argwhere(found).tolist() == [[2, 5]]


def test_slices_of_a_coarser_level_are_those_in_view(noise, dims):
    fine = np.stack([noise] * 8).repeat(2, axis=1).repeat(2, axis=2)
    coarse = np.stack([noise + at for at in range(4)])
    image = Image([fine, coarse], multiscale=True)
    plane = read_plane(image, dims(3, point=(5, 0, 0)), Channels(level=1))
    np.testing.assert_array_equal(plane.read(), coarse[2])


@pytest.mark.parametrize("turn", [{"rotate": 90}, {"shear": (0.3,)}], ids=["rotated", "sheared"])
def test_a_coarser_level_of_a_turned_image_lies_on_it(turn, noise):
    image = Image([noise.repeat(8, 0).repeat(8, 1), noise], multiscale=True, scale=(2, 1), **turn)
    layer = Labels(np.zeros(noise.shape, np.uint8), **geometry_of(image, Channels(level=1)))
    # pixel 0 of the coarse level stands for pixels 0 to 7, whose middle is 3.5
    np.testing.assert_allclose(layer.data_to_world((0, 0)), image.data_to_world((3.5, 3.5)))


def test_strokes_that_tell_channels_apart_are_no_strokes_on_all_of_them(noise, dims):
    image = Image(np.stack([noise] * 3))
    strokes = Labels(np.zeros((3, *noise.shape), np.uint8))
    assert "tells channels apart" in mismatch(strokes, image, dims(3), Channels(0, (0, 1)))
