"""Regions: what is connected, what touches, and the same for any classes of pieces."""

import numpy as np
import pytest
from skimage.measure import label, regionprops

from napari_vitrail.objects import Regions


@pytest.fixture
def noise():
    """Return pieces (40, 60) from 0 to 5, and how much each pixel is looked at."""
    random = np.random.default_rng(0)
    return random.integers(0, 6, (40, 60)).astype(np.uint16), random.random((40, 60), np.float32)


def test_regions_are_connected_by_corners_and_in_the_order_of_their_first_pixels():
    labels = np.array([[0, 1, 1, 0], [1, 0, 1, 2], [2, 2, 1, 2]], np.uint16)
    found = Regions.of(labels, np.arange(12, dtype=np.float32).reshape(3, 4))
    assert found.pieces.tolist() == [0, 1, 0, 2, 2]
    assert found.areas.tolist() == [2, 5, 1, 2, 2]
    assert found.corners.tolist() == [[0, 0, 2, 2], [0, 0, 3, 3], [0, 3, 1, 4], [1, 3, 3, 4], [2, 0, 3, 2]]
    assert found.looked.tolist() == [0 + 5, 1 + 2 + 4 + 6 + 10, 3, 7 + 11, 8 + 9]
    touching = {tuple(sorted(pair)) for pair in found.touching.tolist()}
    assert touching == {(0, 1), (0, 4), (1, 2), (1, 3), (1, 4), (2, 3)}


def test_areas_of_pieces_are_those_of_their_regions(noise):
    areas, looked = Regions.of(*noise).sums(7)
    np.testing.assert_array_equal(areas, np.bincount(noise[0].ravel(), minlength=7))
    np.testing.assert_allclose(looked, np.bincount(noise[0].ravel(), noise[1].ravel(), minlength=7))


@pytest.mark.parametrize("classes", [[0, 1, 2, 3, 4, 5], [0, 1, 1, 0, 2, 0], [3, 3, 3, 3, 3, 3]], ids=str)
def test_merged_regions_are_those_of_the_pixels(noise, classes):
    pieces, looked = noise
    of_pixels = np.array(classes)[pieces]
    merged = Regions.of(pieces, looked).merged(np.array(classes))
    expected = regionprops(label(of_pixels, background=-1, connectivity=2), looked.astype(float))
    assert merged.corners.tolist() == [list(part.bbox) for part in expected]
    assert merged.areas.tolist() == [part.num_pixels for part in expected]
    assert merged.pieces.tolist() == [of_pixels[tuple(part.coords[0])] for part in expected]
    np.testing.assert_allclose(merged.looked, [part.intensity_mean * part.num_pixels for part in expected])


def test_what_is_merged_twice_is_merged_once(noise):
    once = Regions.of(*noise).merged(np.array([0, 0, 1, 1, 0, 0]))
    twice = Regions.of(*noise).merged(np.array([0, 1, 2, 2, 0, 1])).merged(np.array([0, 0, 1]))
    np.testing.assert_array_equal(twice.corners, once.corners)
    np.testing.assert_array_equal(twice.areas, once.areas)


def test_an_image_of_one_piece_is_one_region_that_touches_none():
    found = Regions.of(np.zeros((1, 1), np.uint16), np.ones((1, 1), np.float32))
    assert found.corners.tolist() == [[0, 0, 1, 1]]
    assert found.touching.shape == (0, 2)
    assert found.merged(np.array([4])).pieces.tolist() == [4]
