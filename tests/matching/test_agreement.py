"""How two images lie to each other, as their best buddies tell."""

import numpy as np
import pytest

from napari_vitrail.grid import Grid
from napari_vitrail.matching._agreement import DOUBT, Agreement

SIDE = 500
GRID = Grid((72, 72), (0.0, 0.0), (7.0, 7.0))


def turned(points, degrees, scale, shift):
    angle = np.deg2rad(degrees)
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return points @ matrix.T + shift, matrix


def buddies(degrees, scale, shift, n_wrong):
    """Return pairs of a known similarity transform, those after the first 60 wrong, and its matrix."""
    rng = np.random.default_rng(1)
    points0 = rng.uniform(100, 400, (60 + n_wrong, 2))
    points1, matrix = turned(points0, degrees, scale, shift)
    points1[60:] = rng.uniform(0, SIDE, (n_wrong, 2))
    return points0, points1, matrix


@pytest.mark.parametrize("degrees", [-90, 0, 25])
@pytest.mark.parametrize("scale", [0.6, 1.0, 1.5])
def test_the_common_turn_is_found_among_wrong_pairs(degrees, scale):
    points0, points1, matrix = buddies(degrees, scale, (20, -10), 40)
    found = Agreement.of(points0, points1, np.ones(len(points0)), SIDE)
    np.testing.assert_allclose(found.turn, matrix, atol=0.15)


def test_most_votes_are_where_the_neighbours_say():
    points0, points1, _ = buddies(10, 1.1, (15, 5), 30)
    agreement = Agreement.of(points0, points1, np.ones(len(points0)), SIDE)
    point = np.array([220.0, 260.0])
    votes = agreement.votes(point, GRID)
    best = GRID.to_pixels([np.unravel_index(votes.argmax(), votes.shape)])[0]
    (expected,), _ = turned(point[None], 10, 1.1, (15, 5))
    assert np.linalg.norm(best - expected) < 12
    assert votes.min() == pytest.approx(np.log(DOUBT), abs=0.1)
    assert abs(votes.max()) < 0.02


def test_asked_from_the_other_image_it_leads_back():
    points0, points1, _ = buddies(10, 1.1, (15, 5), 0)
    back = Agreement.of(points0, points1, np.ones(len(points0)), SIDE).swapped()
    votes = back.votes(points1[0], GRID)
    best = GRID.to_pixels([np.unravel_index(votes.argmax(), votes.shape)])[0]
    assert np.linalg.norm(best - points0[0]) < 12


def test_right_pairs_have_more_support_than_wrong_ones():
    points0, points1, _ = buddies(10, 1.1, (15, 5), 30)
    support = Agreement.of(points0, points1, np.ones(len(points0)), SIDE).support_of(points0, points1)
    assert np.median(support[:60]) > 3 * np.median(support[60:])


def test_nobody_has_no_say():
    nobody = Agreement.of(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0), SIDE)
    np.testing.assert_array_equal(nobody.turn, np.eye(2))
    np.testing.assert_array_equal(nobody.votes(np.array([10.0, 10.0]), GRID), 0)
    assert nobody.support_of(np.ones((2, 2)), np.ones((2, 2))).tolist() == [0, 0]
