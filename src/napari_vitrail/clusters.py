"""Clusters of descriptors, by k-means."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.cluster import KMeans

from napari_vitrail.threads import one_thread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.seen import Seen

ITERATIONS = 300
FEW_VALUES = 2_000_000
"""So many values take one thread a second at most; two, of a busy machine, may take much longer."""


@dataclass(frozen=True)
class Clusters:
    """Clusters of descriptors.

    Attributes
    ----------
    centres : (k, D) float32
    distortion : float
        Mean squared distance of all descriptors of the set to the centre of their cluster.
    """

    centres: NDArray[np.float32]
    distortion: float = float("nan")

    @property
    def count(self) -> int:
        """Number of clusters."""
        return len(self.centres)

    def nearest(self, rows: NDArray[np.float32]) -> NDArray[np.intp]:
        """Return the cluster (n,) of each descriptor (n, D)."""
        return self.squares(rows).argmin(axis=1)

    def squares(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the squared distance (n, k) of each descriptor (n, D) to each centre."""
        lengths = (rows**2).sum(axis=1)[:, None] + (self.centres**2).sum(axis=1)
        return np.maximum(lengths - 2 * rows @ self.centres.T, 0)

    def labels(self, seen: Seen) -> NDArray[np.intp]:
        """Return the cluster (h, w) of each cell of an image."""
        return self.nearest(seen.rows).reshape(seen.grid.shape)


def fit_centres(rows: NDArray[np.float32], count: int, *, n_init: int, random_state: int) -> Clusters:
    """Return `count` clusters of rows (n, D)."""
    fitted = fitted_means(rows, count, n_init=n_init, random_state=random_state)
    return Clusters(fitted.cluster_centers_.astype(np.float32))


def fitted_means(rows: NDArray[np.floating], count: int, *, n_init: int, random_state: int) -> KMeans:
    """Return k-means of rows (n, D), on one thread where there are few."""
    means = KMeans(count, n_init=n_init, max_iter=ITERATIONS, random_state=random_state)
    with one_thread() if rows.size <= FEW_VALUES else nullcontext():
        return means.fit(rows)


def distinct_rows(rows: NDArray[np.float32], most: int) -> int:
    """Return how many different rows (n, D) there are, but not more than `most`."""
    few = len(np.unique(rows[: 50 * most], axis=0))  # mostly enough, and sorted sooner than all of them
    return min(few if few >= most else len(np.unique(rows, axis=0)), most)
