"""Pairs of points of two images."""

import numpy as np
import pytest

from napari_vitrail import Correspondences


def test_scores_that_nobody_computed_are_not_a_number():
    pairs = Correspondences([[1, 2], [3, 4]], [[5, 6], [7, 8]])
    assert len(pairs) == 2
    assert pairs.points0.dtype == np.float64
    for scores in (pairs.similarity, pairs.saliency, pairs.cycle_error):
        assert np.isnan(scores).all()


def test_some_pairs_are_pairs_again():
    pairs = Correspondences([[1, 2], [3, 4]], [[5, 6], [7, 8]], similarity=[0.1, 0.2])
    chosen = pairs[np.array([False, True])]
    np.testing.assert_array_equal(chosen.points1, [[7, 8]])
    np.testing.assert_array_equal(chosen.similarity, [0.2])


def test_swapped_pairs_have_no_cycle_error_where_pixels_are_not_known():
    pairs = Correspondences([[1, 2]], [[5, 6]], [0.5], [0.6], [2.0]).swapped()
    np.testing.assert_array_equal(pairs.points0, [[5, 6]])
    np.testing.assert_array_equal(pairs.similarity, [0.5])
    assert np.isnan(pairs.cycle_error).all()


def test_a_cycle_error_is_kept_in_pixels_of_the_other_image():
    pairs = Correspondences([[1, 2]], [[5, 6]], [0.5], [0.6], [2.0]).swapped(pixel=1.5)
    np.testing.assert_array_equal(pairs.cycle_error, [3.0])


def test_no_pairs_are_pairs():
    pairs = Correspondences([], [])
    assert pairs.points0.shape == pairs.points1.shape == (0, 2)
    assert pairs.similarity.shape == (0,)


@pytest.mark.parametrize(
    ("points0", "points1", "similarity", "message"),
    [
        ([[1, 2]], [[1, 2], [3, 4]], None, "as many, got 1 and 2"),
        ([[1, 2, 3]], [[1, 2]], None, r"points0 must be \(n, 2\)"),
        ([[1, np.nan]], [[1, 2]], None, "points0 must be finite, got .* in row 0"),
        ([[1, 2]], [[1, 2]], [0.1, 0.2], "similarity must hold one value for each of 1 pairs"),
    ],
)
def test_what_is_no_pair_is_refused(points0, points1, similarity, message):
    with pytest.raises(ValueError, match=message):
        Correspondences(points0, points1, similarity)
