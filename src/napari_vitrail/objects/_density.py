"""Objects by clusters that are looked at more than others: the published way."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import numpy as np

from napari_vitrail.errors import VitrailWarning
from napari_vitrail.objects._pieces import Pieces, centroids_of, nearest_of, one_piece
from napari_vitrail.objects._tree import MergeTree, Metric
from napari_vitrail.progress import Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.objects._seen import SeenScene
    from napari_vitrail.progress import Steps


@dataclass(frozen=True)
class DenseClusters:
    """Many clusters are merged by semantic distance; objects are those looked at more than the mean class.

    Attributes
    ----------
    n_clusters : int
    n_samples : int
        Descriptors that k-means learns of, drawn without replacement.
    metric : {"cosine", "euclidean"}
        Of the distances of centroids; the latter is the released code.

    Raises
    ------
    ValueError
        If a value is out of range.

    References
    ----------
    Docherty et al. (2024), Algorithm 2.
    """

    n_clusters: int = 80
    n_samples: int = 50_000
    metric: Metric = "cosine"

    def __post_init__(self) -> None:
        if not 2 <= self.n_clusters <= 1000:
            raise ValueError(f"n_clusters must be 2 to 1000, got {self.n_clusters}")
        if self.n_samples < 1:
            raise ValueError(f"n_samples must be at least 1, got {self.n_samples}")
        if self.metric not in get_args(Metric):
            raise ValueError(f"metric must be 'cosine' or 'euclidean', got {self.metric!r}")

    def pieces_steps(self, seen: SeenScene, random_state: int = 0) -> Steps[tuple[Pieces, MergeTree]]:
        """Yield Progress; return the clusters of an image and the tree of their merges."""
        rows = seen.rows
        drawn = np.random.default_rng(random_state).permutation(len(rows))[: self.n_samples]
        yield Progress(0, 2, "clusters")
        centroids = centroids_of(rows[drawn], self.n_clusters, random_state)
        yield Progress(1, 2, "pixels")
        pieces = Pieces.of(nearest_of(seen, centroids), centroids, seen)
        salient, ground = more_than_mean(pieces.densities), less_than_mean(pieces.densities)
        if not salient.any():
            warnings.warn(
                "the network looks at no part of the image more than at another: all is one class",
                VitrailWarning,
                stacklevel=2,
            )
            return one_piece(seen), MergeTree(np.zeros((0, 4)), 0.0)
        return pieces, MergeTree.of(pieces.centroids, salient, ground, metric=self.metric)


def more_than_mean(densities: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which classes (k,) are looked at more than their unweighted mean."""
    return np.asarray(densities > densities.mean() * (1 + 1e-9))  # rounding makes no class an object


def less_than_mean(densities: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which classes (k,) are looked at less than their unweighted mean."""
    return np.asarray(densities < densities.mean() * (1 - 1e-9))
