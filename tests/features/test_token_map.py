"""Tokens that are alike lie together on the map."""

from __future__ import annotations

import numpy as np
import pytest

from napari_vitrail import FeatureGrid, Grid, Progress, token_map, token_map_steps
from napari_vitrail.features import majority


def grid_of(values) -> FeatureGrid:
    values = np.asarray(values, np.float32)
    return FeatureGrid(values, Grid(values.shape[:2]))


@pytest.fixture(scope="module")
def two_kinds():
    """Return two images whose left halves are of one kind and whose right halves of another."""
    rng = np.random.default_rng(0)
    kinds = rng.normal(size=(2, 60))
    which = np.repeat([[0, 0, 0, 1, 1, 1]], 5, axis=0)
    return [grid_of(kinds[which] + 0.1 * rng.normal(size=(5, 6, 60))) for _ in range(2)]


def test_like_tokens_of_both_images_lie_together(two_kinds):
    found = token_map(two_kinds)
    right = found.cells[:, 1] >= 3
    distances = np.linalg.norm(found.positions[:, None] - found.positions[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    np.testing.assert_array_equal(right[distances.argmin(axis=1)], right)
    assert np.bincount(found.images).tolist() == [30, 30]


def test_the_map_is_the_same_each_time(two_kinds):
    few = {"n_tokens": 12}
    np.testing.assert_array_equal(
        token_map(two_kinds, **few).positions, token_map(two_kinds, **few).positions
    )


def test_no_more_tokens_than_asked_for(two_kinds):
    found = token_map(two_kinds, n_tokens=10)
    assert found.positions.shape == found.cells.shape == (10, 2)
    assert len(np.unique(np.column_stack([found.images, found.cells]), axis=0)) == 10


@pytest.mark.parametrize(
    "values", [np.ones((3, 3, 4)), np.arange(9.0).reshape(3, 3, 1)], ids=["blank", "line"]
)
def test_features_that_hardly_differ_have_a_map(values):
    assert np.isfinite(token_map([grid_of(values)]).positions).all()


def test_too_few_tokens_have_no_map():
    with pytest.raises(ValueError, match="at least 4 tokens, got 2"):
        token_map([grid_of(np.ones((1, 2, 3)))])


def test_progress_is_told_round_by_round(two_kinds):
    told = list(token_map_steps(two_kinds, n_tokens=8))
    assert told == [Progress(done, 4, "rounds of t-SNE") for done in range(5)]


def test_majority_leaves_unlabelled_out():
    labels = np.array([[0, 0, 0, 7], [2, 7, 7, 0], [0, 0, 0, 0], [7, 2, 0, 0]])
    np.testing.assert_array_equal(majority(labels), [7, 7, 0, 2])


def test_majority_of_nothing_is_nothing():
    np.testing.assert_array_equal(majority(np.zeros((2, 3), int)), [0, 0])
