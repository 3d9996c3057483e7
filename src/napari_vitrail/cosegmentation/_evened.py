"""Clusters of descriptors whose principal components count more alike than their variances would have it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.clusters import Clusters

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_COMPONENTS = 64
"""Principal components, at most, by which descriptors are compared."""
LEAST_SHARE = 1e-4
"""Components of a smaller share of the largest one's variance are rounding, and left out."""


@dataclass(frozen=True)
class EvenedClusters(Clusters):
    """Clusters whose distances are measured in another basis.

    Attributes
    ----------
    centres : (k, D) float32
        Of the descriptors as they are.
    basis : (D, c) float32
        Two descriptors are as far apart as their products with this.
    """

    basis: NDArray[np.float32] = field(kw_only=True)

    def squares(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the squared distance (n, k) of each descriptor (n, D) to each centre."""
        return Clusters(self.centres @ self.basis).squares(rows @ self.basis)


def evened(
    rows: NDArray[np.float32], whitening: float, fit: Callable[[NDArray[np.float32]], Clusters]
) -> Clusters:
    """Return the clusters of rows (n, D) that `fit` finds in them once they are whitened.

    Parameters
    ----------
    rows : (n, D) float32
    whitening : float, 0 to 1
        Each principal component is divided by its standard deviation to this power.
    fit : callable
        From rows (n, c) to clusters.
    """
    if not whitening:
        return fit(rows)
    mean = rows.mean(axis=0, dtype=np.float64)
    variances, axes = np.linalg.eigh(np.cov(rows - mean, rowvar=False, bias=True, dtype=np.float64))
    if not variances[-1] > 0:
        return fit(rows)
    kept = np.flatnonzero(variances > LEAST_SHARE * variances[-1])[-N_COMPONENTS:]
    scales = np.sqrt(variances[kept]) ** whitening
    basis = (axes[:, kept] / scales).astype(np.float32)
    back = (axes[:, kept] * scales).T
    fitted = fit((rows - mean).astype(np.float32) @ basis)
    return EvenedClusters((fitted.centres @ back + mean).astype(np.float32), basis=basis)
