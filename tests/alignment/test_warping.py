"""Images warped by known transforms: pixels land where arithmetic says, lazily or not, in any data type."""

from __future__ import annotations

import dask
import dask.array as da
import numpy as np
import pytest
import skimage.data

from napari_vitrail import fit_alignment, warp_image
from napari_vitrail.alignment import _warping

SQUARE = np.array([[0.0, 0], [0, 100], [100, 100], [100, 0], [50, 50]])
HALF_TURN = 100 - SQUARE


def shifted(rows, columns):
    return fit_alignment(SQUARE, SQUARE + np.array([rows, columns]), "translation")


def bent(points):
    row, column = points.T / 512
    return points + 20 * np.column_stack([np.sin(2 * np.pi * column), np.cos(2 * np.pi * row)])


@pytest.fixture(scope="module")
def plate():
    """Return a thin plate from a moving image to a fixed one of 512 pixels a side."""
    grid = np.stack(np.meshgrid(*[np.linspace(-50, 560, 14)] * 2, indexing="ij"), -1).reshape(-1, 2)
    return fit_alignment(bent(grid), grid, "thin-plate")


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(_warping, "_SIDE", 100)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.int64, np.float16, np.float32, np.float64])
def test_a_shift_by_whole_pixels_moves_them_and_keeps_the_data_type(dtype):
    image = np.random.default_rng(0).integers(0, 200, (20, 30)).astype(dtype)
    nearest = dtype is bool
    warped = warp_image(image, shifted(3, -2), (25, 30), interpolation="nearest" if nearest else "linear")
    assert warped.dtype == dtype
    np.testing.assert_array_equal(warped[3:23, :28], image[:, 2:])
    assert not warped[:3].any()
    assert not warped[23:].any()
    assert not warped[:, 28:].any()


def test_half_a_pixel_is_the_mean_of_two():
    image = np.array([[0, 10, 20], [0, 10, 20]], np.uint8)
    warped = warp_image(image, shifted(0, -0.5), image.shape, fill=77)
    assert warped.tolist() == [[5, 15, 77], [5, 15, 77]]
    assert warp_image(image, shifted(0, -0.4), image.shape, fill=77)[0, 2] == 20


def test_a_half_turn_is_the_image_backwards_without_losing_its_rim():
    image = np.random.default_rng(0).integers(0, 255, (101, 101, 3), np.uint8)
    for kind in ("rigid", "affine", "projective", "thin-plate"):
        warped = warp_image(image, fit_alignment(SQUARE, HALF_TURN, kind), (101, 101))
        assert np.abs(warped.astype(int) - image[::-1, ::-1]).max() <= 1


def test_labels_keep_their_values():
    labels = np.zeros((512, 512), np.int64)
    labels[100:300, 200:400] = 2**60 + 1
    turned = fit_alignment([[0, 0], [0, 10]], [[20, 3], [9, 10]], "similarity")
    warped = warp_image(labels, turned, (512, 512), interpolation="nearest")
    assert set(np.unique(warped)) == {0, 2**60 + 1}


@pytest.mark.parametrize("kind", ["similarity", "projective"])
def test_a_photograph_warped_there_and_back_is_itself(kind):
    photograph = skimage.data.astronaut()
    moved = SQUARE @ [[1.2, 0.3], [-0.3, 1.2]] + np.array([80, -60])
    there, back = fit_alignment(SQUARE, moved, kind), fit_alignment(moved, SQUARE, kind)
    again = warp_image(warp_image(photograph, there, (800, 800)), back, photograph.shape)
    seen = again[200:400, 100:400].astype(float)
    assert np.abs(seen - photograph[200:400, 100:400]).mean() < 4


def test_a_thin_plate_takes_each_pixel_from_where_it_says(plate):
    rows, columns = np.mgrid[0:512, 0:512].astype(np.float32)
    fixed = np.stack(np.meshgrid(np.arange(60, 440, 7), np.arange(60, 440, 7), indexing="ij"), -1)
    came_from = plate.to_moving(fixed.reshape(-1, 2)).reshape(fixed.shape)
    for axis, values in enumerate((rows, columns)):
        warped = warp_image(values, plate, (512, 512))
        np.testing.assert_allclose(warped[60:440:7, 60:440:7], came_from[..., axis], atol=0.02)


@pytest.mark.parametrize("kind", ["affine", "projective", "thin-plate"])
def test_blocks_make_no_difference(kind, plate, monkeypatch):
    moved = SQUARE @ [[1.1, 0.2], [-0.4, 0.9]] + np.array([40, 30])
    alignment = plate if kind == "thin-plate" else fit_alignment(SQUARE, moved, kind)
    photograph = skimage.data.astronaut()
    whole = warp_image(photograph, alignment, (500, 520))
    monkeypatch.setattr(_warping, "_SIDE", 100)
    blocks = warp_image(photograph, alignment, (500, 520))
    difference = np.abs(blocks.astype(int) - whole)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.01


@pytest.mark.parametrize("kind", ["rigid", "projective", "thin-plate"])
@pytest.mark.parametrize("interpolation", ["linear", "nearest"])
def test_dask_gives_the_same_bits_as_numpy(kind, interpolation, plate, small_blocks):
    alignment = plate if kind == "thin-plate" else fit_alignment(SQUARE, HALF_TURN + np.array([70, 90]), kind)
    photograph = skimage.data.astronaut()
    lazy = warp_image(
        da.from_array(photograph, chunks=(64, 128, 3)), alignment, (300, 450), interpolation=interpolation
    )
    assert isinstance(lazy, da.Array)
    assert lazy.shape == (300, 450, 3)
    assert max(lazy.chunks[0]) <= 100
    assert lazy.dtype == np.uint8
    eager = warp_image(photograph, alignment, (300, 450), interpolation=interpolation)
    np.testing.assert_array_equal(lazy.compute(scheduler="synchronous"), eager)
    assert eager.any()


def test_a_lazy_image_reads_only_what_a_block_needs(plate):
    read = []

    def load(block_info=None):
        read.append(block_info[None]["chunk-location"])
        return np.ones((1000, 1000), np.uint8)

    image = da.map_blocks(
        load, chunks=((1000,) * 20, (1000,) * 20), dtype=np.uint8, meta=np.empty((0, 0), np.uint8)
    )
    warped = warp_image(image, shifted(0, 0), (20_000, 20_000))
    assert not read
    with dask.config.set(scheduler="synchronous"):
        assert (warped[3000:3100, 5000:5100].compute() == 1).all()
    assert set(read) <= {(row, column) for row in (2, 3, 4) for column in (4, 5, 6)}


def test_further_planes_are_carried_along(small_blocks):
    stack = np.random.default_rng(0).integers(0, 255, (60, 40, 7), np.uint8)
    warped = warp_image(stack, shifted(2, 1), (60, 40))
    np.testing.assert_array_equal(warped[2:, 1:], stack[:-2, :-1])


def test_a_memory_map_is_read_in_parts(tmp_path):
    image = np.lib.format.open_memmap(tmp_path / "image.npy", "w+", np.uint8, (300, 200))
    image[:] = np.arange(200)
    warped = warp_image(np.load(tmp_path / "image.npy", mmap_mode="r"), shifted(0, 5), (300, 205))
    np.testing.assert_array_equal(warped[:, 5:], image)


def test_what_is_beyond_the_horizon_is_filled():
    points = np.array([[10.0, 20], [200, 30], [180, 210], [40, 190]])
    depth = 1 - points[:, :1] / 500
    alignment = fit_alignment(points / depth, points, "projective")  # row 500 of the fixed is infinitely far
    warped = warp_image(np.ones((4000, 4000), np.uint8), alignment, (700, 100), fill=9)
    assert warped[:400].min() == 1
    assert (warped[500:] == 9).all()


def test_an_image_that_is_elsewhere_is_all_fill():
    assert (warp_image(np.ones((30, 30), np.uint8), shifted(1000, 0), (40, 40), fill=3) == 3).all()
    assert np.isnan(warp_image(np.ones((30, 30), np.float32), shifted(-99, 0), (40, 40), fill=np.nan)).all()


def test_misuse_says_what_was_asked():
    image, still = np.zeros((5, 5), np.uint8), shifted(0, 0)
    with pytest.raises(ValueError, match="image must have rows and columns"):
        warp_image(image[0], still, (5, 5))
    with pytest.raises(ValueError, match="shape must be rows and columns"):
        warp_image(image, still, (5,))
    with pytest.raises(ValueError, match="'linear' or 'nearest', got 'cubic'"):
        warp_image(image, still, (5, 5), interpolation="cubic")
    with pytest.raises(ValueError, match="must be 'nearest' for an image of bool"):
        warp_image(image > 0, still, (5, 5))
    for fill in (300, -1, 0.5, np.nan):
        with pytest.raises(ValueError, match="fill must fit the data type of the image, uint8"):
            warp_image(image, still, (5, 5), fill=fill)
