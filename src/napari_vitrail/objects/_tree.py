"""Which pieces of an image belong together, for any number of classes: a tree made once, cut at will."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.cluster.hierarchy import cut_tree, linkage
from scipy.spatial.distance import squareform

from napari_vitrail.features import unit_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

Metric = Literal["cosine", "euclidean"]
BINS = 20
"""Of the histogram whose fullest bin is the semantic distance."""
APART = 8.0
"""Added to the distance of object and ground: larger than any, so that they are merged last."""


@dataclass(frozen=True)
class MergeTree:
    """Pieces of an image merged two at a time, by the distance of the two that are least alike.

    Attributes
    ----------
    linkage : (k - 1, 4) float64
        Merges in the order of their distances, as `scipy.cluster.hierarchy.linkage` has them.
    semantic_distance : float
        How far apart pieces of different meaning are: the most frequent distance of object and ground.
    """

    linkage: NDArray[np.float64]
    semantic_distance: float

    @classmethod
    def of(
        cls, centroids: NDArray[np.float32], salient: NDArray[np.bool_], ground: NDArray[np.bool_], *,
        metric: Metric = "cosine", kept_apart: bool = False,
    ) -> MergeTree:  # fmt: skip
        """Return the tree of pieces.

        Parameters
        ----------
        centroids : (k, D) float32
            The mean descriptor of each piece.
        salient, ground : (k,) bool
            Pieces of objects and of the ground, whose distances make the semantic distance; a piece may be
            neither.
        metric : {"cosine", "euclidean"}
        kept_apart : bool
            Whether objects are merged with the ground only after all else.
        """
        distances = distances_of(centroids, metric)
        between = distances[np.ix_(salient, ground)]
        typical = semantic_distance(between) if between.size else 0.0
        if kept_apart:
            distances = distances + APART * (salient[:, None] != salient)
        if len(centroids) == 1:
            return cls(np.zeros((0, 4)), typical)
        return cls(linkage(squareform(distances, checks=False), method="complete"), typical)

    @property
    def n_pieces(self) -> int:
        """Number of pieces, which is the largest number of classes."""
        return len(self.linkage) + 1

    def n_classes(self, merge_scale: float) -> int:
        """Return the number of classes when no two are closer than a multiple of the semantic distance."""
        merged = np.searchsorted(self.linkage[:, 2], merge_scale * self.semantic_distance, side="left")
        return self.n_pieces - int(merged)

    def cut(self, n_classes: int) -> NDArray[np.intp]:
        """Return the class (k,) of each piece, from 0 in the order of their first pieces.

        Raises
        ------
        ValueError
            If there are fewer pieces than classes, or no class.
        """
        if not 1 <= n_classes <= self.n_pieces:
            raise ValueError(f"n_classes must be 1 to {self.n_pieces}, the number of pieces, got {n_classes}")
        if self.n_pieces == 1:
            return np.zeros(1, np.intp)
        classes = cut_tree(self.linkage, n_clusters=n_classes)[:, 0]
        _, first, inverse = np.unique(classes, return_index=True, return_inverse=True)
        return np.argsort(np.argsort(first))[inverse]


def distances_of(centroids: NDArray[np.float32], metric: Metric) -> NDArray[np.float64]:
    """Return the distances (k, k) of centroids: 1 minus their cosine, or between them as they are."""
    rows = (unit_rows(centroids) if metric == "cosine" else centroids).astype(np.float64)
    products = rows @ rows.T
    if metric == "cosine":
        distances = 1 - products
    else:
        squares = np.diag(products)
        distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * products, 0))
    np.fill_diagonal(distances, 0)
    return np.asarray((distances + distances.T) / 2)


def semantic_distance(distances: NDArray[np.float64]) -> float:
    """Return the upper edge of the fullest of 20 bins of distances, the first of several.

    References
    ----------
    Docherty et al. (2024), Algorithm 2.
    """
    counts, edges = np.histogram(distances, BINS)
    return float(edges[counts.argmax() + 1])
