"""How two images lie to each other, as their best buddies tell: neighbours stay neighbours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.features import product

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.grid import Grid

REACH = 0.2
"""Standard deviation, as a share of the longer side, of who counts as a neighbour."""
TOLERANCE = 0.05
"""Standard deviation, as a share of the longer side, of where neighbours are expected."""
DOUBT = 0.01
"""What a place has that nobody votes for, beside the 1 of the place with most votes: buddies may be wrong."""
TURN_TOLERANCE = 0.07
"""The same for how the images are turned as a whole, which no pair of objects obeys exactly."""
SHORTEST = 0.05
"""Steps that are shorter tell no direction."""
TRIALS = 500
LARGEST_CHANGE = 3.0
"""By which things may be larger or smaller in the second image."""
INERTIA = 0.05
"""What turning by one radian, or growing by the factor e, costs as a share of all votes."""


@dataclass(frozen=True)
class Agreement:
    """Best buddies of two images, and what they say of where others are.

    A pair of buddies near a point of the first image votes for the place in the second that is to its own
    buddy as the point is to it, turned and scaled as the two images are to each other.

    Attributes
    ----------
    points0, points1 : (k, 2) float64, pixels
        Best buddies.
    weights : (k,) float64
        How much each counts, at least 0.
    turn : (2, 2) float64
        Turns and scales steps in the first image into steps in the second.
    reach, tolerance : float, pixels
        Who counts as a neighbour, and how well he must agree.
    """

    points0: NDArray[np.float64]
    points1: NDArray[np.float64]
    weights: NDArray[np.float64]
    turn: NDArray[np.float64]
    reach: float
    tolerance: float

    @classmethod
    def of(
        cls, points0: NDArray[np.float64], points1: NDArray[np.float64], weights: NDArray[np.float64],
        side: float,
    ) -> Agreement:  # fmt: skip
        """Return the agreement of best buddies of two images whose longer side is `side` pixels."""
        turn = _common_turn(points0, points1, np.minimum(weights, 1), side)
        return cls(points0, points1, weights, turn, REACH * side, TOLERANCE * side)

    def swapped(self) -> Agreement:
        """Return the same seen from the other image."""
        return replace(
            self, points0=self.points1, points1=self.points0, turn=np.linalg.inv(self.turn).astype(np.float64)
        )  # fmt: skip

    def votes(self, point: NDArray[np.float64], grid: Grid) -> NDArray[np.float32]:
        """Return the logarithm of the votes (h, w) that the cells of the second image get for a point (2,).

        From ``log(DOUBT)``, where nobody votes, to about 0 where most do; zeros where there are no buddies.
        """
        near = self.weights * _bell(((self.points0 - point) ** 2).sum(axis=1), self.reach)
        if not near.any():
            return np.zeros(grid.shape, np.float32)
        expected = self.points1 + (point - self.points0) @ self.turn.T
        lines = [grid.origin[axis] + grid.spacing[axis] * np.arange(grid.shape[axis]) for axis in (0, 1)]
        rows, columns = (
            _bell((lines[axis][:, None] - expected[:, axis]) ** 2, self.tolerance) for axis in (0, 1)
        )
        votes = product(rows * near, columns.T)
        return np.log(votes / max(votes.max(), np.finfo(float).tiny) + DOUBT).astype(np.float32)

    def support_of(self, points0: NDArray[np.float64], points1: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how far the buddies near pairs (n, 2) agree with them (n,), 0 to 1."""
        steps = points0[:, None] - self.points0
        near = self.weights * _bell((steps**2).sum(axis=-1), self.reach)
        missed = points1[:, None] - (self.points1 + steps @ self.turn.T)
        agreeing = (near * _bell((missed**2).sum(axis=-1), self.tolerance)).sum(axis=1)
        support: NDArray[np.float64] = agreeing / np.maximum(near.sum(axis=1), np.finfo(float).tiny)
        return support


def _bell(squares: NDArray[np.float64], deviation: float) -> NDArray[np.float64]:
    return np.exp(-squares / (2 * deviation**2))


def _common_turn(
    points0: NDArray[np.float64], points1: NDArray[np.float64], weights: NDArray[np.float64], side: float
) -> NDArray[np.float64]:
    """Return the rotation and scale (2, 2) that most pairs agree on, by the votes of random twos of them.

    In complex numbers, where both are one factor. RANSAC but for the votes, which are weighted and smooth:
    most buddies of a difficult pair of images are wrong.
    """
    if np.count_nonzero(weights) < 2:
        return np.eye(2)
    source, target = (points[:, 1] + 1j * points[:, 0] for points in (points0, points1))
    drawn = np.random.default_rng(0).choice(len(weights), (TRIALS, 2), p=weights / weights.sum())
    steps = source[drawn[:, 1]] - source[drawn[:, 0]]
    usable = np.abs(steps) > SHORTEST * side
    factors = (target[drawn[:, 1]] - target[drawn[:, 0]])[usable] / steps[usable]
    starts = drawn[usable, 0]
    fair = (np.abs(factors) < LARGEST_CHANGE) & (np.abs(factors) > 1 / LARGEST_CHANGE)
    factors, starts = factors[fair], starts[fair]
    if not len(factors):
        return np.eye(2)
    shifts = target[starts] - factors * source[starts]
    missed = np.abs(factors[:, None] * source + shifts[:, None] - target) ** 2
    effort = np.log(np.abs(factors)) ** 2 + np.angle(factors) ** 2
    found = _bell(missed, TURN_TOLERANCE * side) @ weights - INERTIA * weights.sum() * effort
    factor = factors[found.argmax()]
    return np.array([[factor.real, factor.imag], [-factor.imag, factor.real]])
