"""Measures of what stands out, and the patch grid of a set that was seen."""

import numpy as np
import pytest

from evals.attended import MEASURES, outermost, with_saliency
from evals.cosegmenters import coarser
from napari_vitrail import COSEGMENTATION, SeenSet
from napari_vitrail.cosegmentation import SeenPicture
from napari_vitrail.grid import Grid


@pytest.fixture
def seen(tiny_backbone):
    """Return two pictures (9, 8) of an object in the middle, by the first of two components."""
    pictures = []
    for n in range(2):
        is_object = np.zeros((9, 8), bool)
        is_object[2:6, 2 + n : 6] = True
        noise = np.random.default_rng(n).normal(0, 0.01, (9, 8, 2))
        descriptors = np.dstack([np.where(is_object, -0.6, 0.3), np.zeros((9, 8))]) + noise
        grid = Grid((9, 8), (3.5, 3.5), (7.0, 7.0))
        pictures.append(
            SeenPicture((63, 56), grid, descriptors.astype(np.float16), is_object * np.float32(9))
        )
    return SeenSet(tuple(pictures), COSEGMENTATION, tiny_backbone)


def test_another_saliency_has_a_mean_of_1_in_each_image(seen):
    own = with_saliency(seen, [np.full((9, 8), 5.0), np.arange(72.0).reshape(9, 8)])
    for picture in own.pictures:
        assert picture.saliency.mean() == pytest.approx(1)
    assert seen.pictures[0].saliency.max() == 9


@pytest.mark.parametrize("name", ["first principal component", "clusters off the border"])
def test_what_the_border_has_less_of_stands_out(seen, name, monkeypatch):
    monkeypatch.setattr("evals.attended.CLUSTERS", 2)
    own = MEASURES[name](None, seen)
    for picture, known in zip(own.pictures, seen.pictures, strict=True):
        np.testing.assert_array_equal(picture.saliency > 1, known.saliency > 0)


def test_every_second_cell_is_the_patch_grid_where_it_was(seen):
    picture = coarser(seen).pictures[0]
    assert picture.grid == Grid((5, 4), (3.5, 3.5), (14.0, 14.0))
    np.testing.assert_array_equal(picture.descriptors, seen.pictures[0].descriptors[::2, ::2])
    assert picture.saliency.shape == picture.grid.shape


def test_the_edge_of_a_grid_is_its_outermost_cells():
    assert outermost((4, 5)).sum() == 14
    assert not outermost((4, 5))[1:3, 1:4].any()
