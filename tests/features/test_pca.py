"""Colours say which features are alike."""

from __future__ import annotations

import numpy as np
import pytest

from napari_vitrail import FeatureGrid, Grid, pca_colours


def grid_of(values) -> FeatureGrid:
    values = np.asarray(values, np.float32)
    return FeatureGrid(values, Grid(values.shape[:2]))


@pytest.fixture
def noise():
    return grid_of(np.random.default_rng(0).normal(size=(6, 8, 5)))


def test_red_follows_the_direction_that_varies_most():
    values = np.zeros((1, 5, 4))
    values[0, :, 2] = [0, 1, 2, 3, 4]
    values[0, :, 0] = [0, 0.1, 0, 0.1, 0]
    [colours] = pca_colours([grid_of(values)])
    red = colours[0, :, 0].astype(int)
    assert (np.diff(red) >= 0).all() or (np.diff(red) <= 0).all()
    assert set(red[[0, -1]]) == {0, 255}


def test_equal_features_have_equal_colours_in_all_images(noise):
    part = grid_of(noise.values[:3, :4])
    whole, cut = pca_colours([noise, part])
    assert whole.shape == (6, 8, 3)
    np.testing.assert_array_equal(whole[:3, :4], cut)


def test_colours_are_the_same_each_time(noise):
    np.testing.assert_array_equal(pca_colours([noise])[0], pca_colours([noise])[0])


def test_one_wild_token_does_not_darken_the_others(noise):
    values = np.tile(noise.values, (4, 4, 1))
    values[0, 0] = 1000
    [colours] = pca_colours([grid_of(values)])
    assert np.ptp(colours[1:].astype(int), axis=(0, 1)).min() > 200


def test_missing_components_are_black():
    [colours] = pca_colours([grid_of([[[0.0, 0.0], [1.0, 0.0]], [[2.0, 1.0], [3.0, 0.0]]])])
    assert not colours[..., 2].any()
    assert colours[..., :2].any()


def test_a_blank_image_is_black():
    assert not pca_colours([grid_of(np.ones((4, 4, 8)))])[0].any()


def test_features_of_other_widths_do_not_compare(noise):
    with pytest.raises(ValueError, match="got 4, 5"):
        pca_colours([noise, grid_of(noise.values[..., :4])])
