"""Pairs of points that move as their neighbours do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from numpy.typing import NDArray

ASKED = 12
"""Neighbours who are asked."""
STRETCH = 0.3
"""Pixels by which two may differ, for each pixel that they lie apart: nothing is stretched by more."""


def moves_along(
    points0: NDArray[np.float64], points1: NDArray[np.float64], tolerance: float, share: float
) -> NDArray[np.bool_]:
    """Return which pairs (n,) of points (n, 2) are displaced as a share of their nearest neighbours are.

    A local test, so that it takes whatever bends, as long as it bends smoothly: two neighbours agree where
    their displacements differ by no more than the tolerance, in pixels, and a part of their distance.
    """
    asked = min(ASKED, len(points0) - 1)
    if asked < 1:
        return np.zeros(len(points0), bool)
    distances, neighbours = cKDTree(points0).query(points0, asked + 1)
    moved = points1 - points0
    differing = np.linalg.norm(moved[neighbours[:, 1:]] - moved[:, None], axis=2)
    agreeing = (differing <= tolerance + STRETCH * distances[:, 1:]).sum(axis=1)
    return np.asarray(agreeing >= share * ASKED)
