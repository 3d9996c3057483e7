"""Thin-plate splines between sets of points, as smooth as the points ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.interpolate import RBFInterpolator
from scipy.spatial.distance import cdist
from scipy.special import xlogy

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_POINTS = 1000
"""A spline takes the cube of them in time, a second here, and a robust fit takes a dozen splines."""
_SMOOTHINGS = np.logspace(-9, 3, 49)  # for points spread over about 1; from through all points to affine


@dataclass(frozen=True, eq=False)
class ThinPlate:
    """The smooth deformation that takes one set of points near another, and bends least.

    Attributes
    ----------
    smoothing : float
        Weight of the bending against the distances; from generalised cross-validation.
    left_out : (n,) float array, pixels
        How far each point would be from its partner if the spline did not know it. A spline can go through
        any point, so its distance to the points it knows says nothing. 0 where there is no other to tell.
    told : (n,) float array, 0 to 1
        How much the others say of each point: little at the rim and where they are far away.

    Notes
    -----
    SciPy's spline rather than scikit-image's `ThinPlateSplineTransform`: that one solves a matrix of 32-bit
    numbers and goes through every point, so it follows each error of a pixel.

    References
    ----------
    Bookstein (1989), "Principal warps"; Wahba (1990), "Spline models for observational data", section 4.
    """

    smoothing: float
    left_out: NDArray[np.float64]
    told: NDArray[np.float64]
    _interpolator: RBFInterpolator
    _centre: NDArray[np.float64]
    _extent: float

    @classmethod
    def of(
        cls, source: NDArray[np.float64], target: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> ThinPlate:
        """Return the spline from points (n, 2), of which three are on no line, to others (n, 2).

        Weights (n,) above 0 and up to 1 say how much each pair is trusted.
        """
        centre = source.mean(axis=0)
        extent = float(np.ptp(source, axis=0).max())
        points = (source - centre) / extent
        smoothing, left_out, told = _cross_validated(points, target, weights)
        spline = RBFInterpolator(
            points, target, kernel="thin_plate_spline", degree=1, smoothing=smoothing / weights
        )
        return cls(smoothing, left_out, told, spline, centre, extent)

    def __call__(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where the spline takes points (n, 2)."""
        return self._interpolator((points - self._centre) / self._extent)


def _cross_validated(
    points: NDArray[np.float64], target: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Return the smoothing that predicts points best that are left out, how far off each is, and `told`.

    With rows scaled by the root of their weights, what a spline leaves of the target is
    ``basis * shrink @ basis.T @ target``, where ``shrink = smoothing / (bending + smoothing)`` and the basis
    is of what no affine map can do.
    """
    count, root = len(points), np.sqrt(weights)[:, None]
    free = np.linalg.qr(root * np.column_stack([np.ones(count), points]), mode="complete")[0][:, 3:]
    if not free.size:
        return float(_SMOOTHINGS[0]), np.zeros(count), np.zeros(count)
    squared = cdist(points, points, "sqeuclidean")
    bending, turn = np.linalg.eigh(free.T @ (root * xlogy(squared, squared) * root.T) @ free / 2)
    basis = free @ turn
    shrink = _SMOOTHINGS / (np.maximum(bending, 0)[:, None] + _SMOOTHINGS)
    parts = basis.T @ (root * target)
    distrusted = count - weights.sum()  # pairs that do not count are no evidence of a good prediction
    freedom = np.maximum(shrink.sum(axis=0) - distrusted, 1e-12)
    score = np.square(parts).sum(axis=1) @ shrink**2 / freedom**2
    best = int(np.argmin(np.where(freedom > distrusted / 2, score, np.inf)))
    rest = np.linalg.norm((basis * shrink[:, best]) @ parts, axis=1) / root[:, 0]
    told = basis**2 @ shrink[:, best]
    left_out = np.divide(rest, told, out=np.zeros(count), where=told > 1e-9 * told.max())
    return float(_SMOOTHINGS[best]), left_out, told
