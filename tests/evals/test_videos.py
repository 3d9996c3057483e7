"""How the labels of a frame are scored, by hand."""

import numpy as np
import pytest

from evals.videos import boundary, boundary_score, cells_of, covering, region_score


@pytest.fixture
def square():
    """Return a mask (100, 100) with a square of 40 x 40 pixels; 2 pixels of boundary are near enough."""
    mask = np.zeros((100, 100), bool)
    mask[30:70, 30:70] = True
    return mask


def test_regions_are_scored_by_what_both_cover_of_what_either_does(square):
    half = square.copy()
    half[30:50] = False
    assert region_score(square, square) == 1
    assert region_score(half, square) == 0.5
    assert region_score(~square, square) == 0


def test_to_find_nothing_where_there_is_nothing_is_right(square):
    nothing = np.zeros_like(square)
    assert region_score(nothing, nothing) == boundary_score(nothing, nothing) == 1
    assert region_score(nothing, square) == boundary_score(nothing, square) == 0
    assert region_score(square, nothing) == boundary_score(square, nothing) == 0


def test_the_boundary_is_where_the_next_pixel_is_of_another_label():
    labels = np.array([[0, 0, 0], [0, 1, 2], [0, 1, 2]])
    assert boundary(labels).astype(int).tolist() == [[1, 1, 1], [1, 1, 0], [1, 1, 0]]


def test_a_boundary_within_the_tolerance_is_as_good_as_the_true_one(square):
    assert boundary_score(np.roll(square, 2, axis=1), square) == 1  # 0.008 of 141 pixels, rounded up
    assert boundary_score(np.roll(square, 3, axis=1), square) < 1


def test_half_a_boundary_is_precise_and_half_recalled(square):
    whole = np.zeros((100, 100), bool)
    whole[:, 50:] = True
    other = whole.copy()
    other[:50] = True  # half of the line is gone, another one is there
    found = boundary_score(other, whole)
    reached = 52  # rows of the true line that are near enough to what is left of it
    precision, recall = boundary(other)[:, 47:52].sum() / boundary(other).sum(), reached / 100
    assert found == pytest.approx(2 * precision * recall / (precision + recall), abs=0.02)


def test_cells_are_covered_whatever_they_are_called():
    truth = np.array([[1, 1, 0, 2, 2]])
    assert covering(np.array([[7, 7, 0, 3, 3]]), truth) == 1
    assert covering(np.array([[7, 0, 0, 3, 3]]), truth) == 0.75
    assert covering(np.zeros_like(truth), truth) == 0


def test_small_pieces_are_no_cells():
    interior = np.ones((60, 60), int)  # 1 is membrane
    interior[5:30, 5:30] = 2
    interior[40:45, 40:45] = 2
    cells = cells_of(interior)
    assert cells.max() == 1
    assert np.count_nonzero(cells) == 25 * 25
