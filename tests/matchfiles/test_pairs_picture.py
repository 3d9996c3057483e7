"""Two images side by side with their pairs."""

import numpy as np
import pytest

from napari_vitrail import Correspondences
from napari_vitrail.matchfiles import pairs_picture
from napari_vitrail.matchfiles._picture import CAPTION, EDGE, GAP, MARGIN, MOST_NUMBERED, SIDE

GREY = np.add.outer(np.arange(80), np.arange(100)).astype(np.uint16)
COLOUR = np.random.default_rng(0).integers(0, 256, (200, 100, 3), np.uint8)
PAIRS = Correspondences([(40, 50), (10, 20), (70, 90)], [(100, 50), (20, 10), (190, 95)])


def at(picture, point, shape, left):
    """Return the colour of the picture where a point of an image of some shape is drawn."""
    factor = SIDE / max(shape)
    top = MARGIN + (picture.shape[0] - MARGIN - CAPTION - round(shape[0] * factor)) // 2
    row, column = (np.array(point) + 0.5) * factor
    return picture[round(top + row), round(left + column)]


def test_each_point_is_where_it_belongs_in_the_colour_of_its_id():
    picture = pairs_picture(GREY, COLOUR, PAIRS, ids=np.array([0, 4, 7]))
    right = EDGE + SIDE + GAP
    colours = [
        (at(picture, point0, GREY.shape, EDGE), at(picture, point1, COLOUR.shape[:2], right))
        for point0, point1 in zip(PAIRS.points0, PAIRS.points1, strict=True)
    ]
    for left, own in colours:
        np.testing.assert_allclose(left, own, atol=3)
    assert colours[0][0].tolist() == [255, 51, 51]  # hue 0
    assert np.abs(colours[1][0].astype(int) - colours[2][0]).max() > 60


def test_it_stays_small_whatever_the_images():
    wide = np.tile(np.arange(30_000, dtype=np.uint16), (40, 1))
    picture = pairs_picture(wide, GREY, Correspondences([(20, 15_000)], [(40, 50)]))
    assert picture.shape[1] == 2 * SIDE + GAP + 2 * EDGE
    assert picture.shape[0] < SIDE
    assert picture.dtype == np.uint8


def test_what_is_dull_is_grey_and_has_no_number():
    plain = pairs_picture(GREY, GREY, PAIRS[:0])
    dull = pairs_picture(GREY, GREY, PAIRS, dull=np.ones(3, bool)).astype(int)
    assert (dull != plain).any()
    assert np.ptp(dull, axis=-1).max() <= 3  # no colour anywhere, as the images have none
    outermost = Correspondences([(40, 50)], [(40, 99)])
    beside = np.s_[:, -EDGE + 9 :]  # where only a number reaches
    assert (pairs_picture(GREY, GREY, outermost)[beside] < 255).any()
    assert (pairs_picture(GREY, GREY, outermost, dull=np.ones(1, bool))[beside] == 255).all()


def test_grey_values_are_stretched_and_titles_are_shortened():
    dark = (GREY // 4 + 30_000).astype(np.uint16)
    picture = pairs_picture(dark, dark, PAIRS[:0], titles=("a" * 300, "b"), note="3 pairs")
    own = picture[MARGIN:-CAPTION, EDGE : EDGE + SIDE]
    assert own.min() < 5
    assert own.max() > 250
    below = picture[-CAPTION:]
    assert (below < 200).any()
    assert (below[:, EDGE + SIDE : EDGE + SIDE + GAP] > 250).all()


@pytest.mark.parametrize("count", [0, 1, MOST_NUMBERED, 400])
def test_any_number_of_pairs_is_drawn(count):
    points = np.random.default_rng(1).uniform(0, 79, (count, 2))
    assert pairs_picture(GREY, GREY, Correspondences(points, points[::-1])).shape[2] == 3
