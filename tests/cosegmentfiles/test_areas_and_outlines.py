import re

import numpy as np
import pytest

from napari_vitrail.cosegmentfiles import PartArea, part_areas
from napari_vitrail.cosegmentfiles._outlines import outlines


@pytest.fixture
def labels():
    """Return two parts of an image (8, 10): 12 pixels of 1 at the upper left, 6 of 3 within."""
    labels = np.zeros((8, 10), np.uint8)
    labels[:3, :4] = 1
    labels[5:7, 4:7] = 3
    return labels


def test_areas_say_how_large_each_part_is_and_where(labels):
    assert part_areas(labels) == (
        PartArea(1, 12, 0.15, (1.0, 1.5)),
        PartArea(3, 6, 0.075, (5.5, 5.0)),
    )


def test_an_empty_mask_has_no_areas():
    assert part_areas(np.zeros((4, 4), np.uint8)) == ()


def enclosed(path):
    """Return the area (pixels) that the outlines of a path enclose."""
    total = 0.0
    for line in re.findall(r"M([^Z]*)Z", path):
        x, y = np.array([point.split() for point in line.split("L")], float).T
        total += np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))
    return abs(total) / 2


def test_outlines_enclose_the_pixels_of_a_part_but_for_its_corners(labels):
    drawn = outlines(labels, [1, 3], labels.shape)
    assert enclosed(drawn[1]) == pytest.approx(12, abs=1)
    assert enclosed(drawn[3]) == pytest.approx(6, abs=1)


def test_a_part_that_is_everywhere_is_outlined_by_the_border():
    [path] = outlines(np.ones((30, 40), np.uint8), [1], (30, 40)).values()
    numbers = np.array(re.findall(r"[-\d.]+", path), float)
    assert (numbers.min(), numbers.max()) == (0, 40)
    assert enclosed(path) == pytest.approx(1200, abs=1)


def test_outlines_of_a_large_mask_are_as_large_as_its_thumbnail():
    large = np.zeros((800, 1000), np.uint8)
    large[200:400, 500:750] = 1
    [path] = outlines(large, [1], (80, 100)).values()
    assert enclosed(path) == pytest.approx(20 * 25, rel=0.02)


def test_holes_are_outlines_of_their_own():
    ring = np.zeros((20, 20), np.uint8)
    ring[4:16, 4:16] = 1
    ring[8:12, 8:12] = 0
    assert outlines(ring, [1], (20, 20))[1].count("M") == 2
