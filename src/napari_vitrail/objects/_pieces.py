"""An image in pieces: each pixel belongs to the centroid that its descriptor is nearest to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.clusters import distinct_rows, fit_centres
from napari_vitrail.objects._regions import Regions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.objects._seen import SeenScene


@dataclass(frozen=True)
class Pieces:
    """Pieces of an image, numbered from 0, that which is looked at most first.

    Attributes
    ----------
    labels : (H, W) uint16
        The piece of each pixel.
    centroids : (k, D) float32
        The mean descriptor of each piece.
    densities : (k,) float64
        How many times more than the mean pixel a pixel of each piece is looked at.
    sizes : (k,) int, pixels
    regions : Regions
        Where each piece is connected, and to which others.
    salient : (k,) bool or None
        Pieces of objects, where they are told from the ground before pieces are merged.
    margin : (h, w) float32 or None
        How far the score of each cell is above that of the border between objects and ground, there.
    """

    labels: NDArray[np.uint16]
    centroids: NDArray[np.float32]
    densities: NDArray[np.float64]
    sizes: NDArray[np.intp]
    regions: Regions
    salient: NDArray[np.bool_] | None = None
    margin: NDArray[np.float32] | None = None

    @classmethod
    def of(
        cls, labels: NDArray[np.uint16], centroids: NDArray[np.float32], seen: SeenScene,
        salient: NDArray[np.bool_] | None = None, margin: NDArray[np.float32] | None = None,
    ) -> Pieces:  # fmt: skip
        """Return pieces by their labels, without those that no pixel belongs to."""
        regions = Regions.of(labels, seen.placed(seen.density))
        sizes, looked = regions.sums(len(centroids))
        densities = looked / np.maximum(sizes, 1)
        kept = np.flatnonzero(sizes)
        order = kept[np.argsort(-densities[kept], kind="stable")]
        numbers = np.zeros(len(centroids), np.uint16)
        numbers[order] = np.arange(len(order))
        return cls(
            numbers[labels],
            centroids[order],
            densities[order],
            sizes[order],
            regions.renumbered(numbers),
            None if salient is None else salient[order],
            margin,
        )


def one_piece(seen: SeenScene) -> Pieces:
    """Return an image as one piece, which is no object."""
    centroid = seen.rows.mean(axis=0, keepdims=True)
    return Pieces.of(np.zeros(seen.shape, np.uint16), centroid, seen, np.zeros(1, bool))


def centroids_of(rows: NDArray[np.float32], count: int, random_state: int) -> NDArray[np.float32]:
    """Return the centroids (k, D) of k-means of rows (n, D); fewer where there are fewer different rows."""
    count = distinct_rows(rows, count)
    return fit_centres(rows, count, n_init=1, random_state=random_state).centres


def nearest_of(seen: SeenScene, centroids: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Return the centroid (H, W) that is nearest to the descriptor of each pixel.

    Differences of squared distances are linear in the descriptor: those of the cells are interpolated.
    """
    cells = ((centroids**2).sum(axis=1) / 2 - seen.rows @ centroids.T).reshape(*seen.grid.shape, -1)
    found = np.zeros(seen.shape, np.uint16)
    for rows, distances in seen.strips(cells):
        found[rows] = distances.argmin(axis=-1)
    return found
