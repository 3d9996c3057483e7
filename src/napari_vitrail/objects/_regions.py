"""Connected regions of the pieces of an image, of which the parts of any cut are made without its pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import find_objects as extents_of
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from skimage.measure import label

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NEIGHBOURS = (
    (np.s_[:, :-1], np.s_[:, 1:]),
    (np.s_[:-1], np.s_[1:]),
    (np.s_[:-1, :-1], np.s_[1:, 1:]),
    (np.s_[:-1, 1:], np.s_[1:, :-1]),
)
"""Pairs of slices that lay each pixel on a neighbour, for half of the eight: the others are the same."""


@dataclass(frozen=True)
class Regions:
    """The 8-connected regions of the pieces of an image, or of classes, in the order of their first pixels.

    Attributes
    ----------
    pieces : (r,) int
        Of which piece each region is, from 0.
    corners : (r, 4) int, pixels
        Half-open rows and columns ``(y0, x0, y1, x1)``.
    areas : (r,) int, pixels
    looked : (r,) float64
        How many times more than the mean pixel those of each are looked at, together.
    touching : (m, 2) int
        Pairs of regions that have neighbouring pixels, some of them twice.
    """

    pieces: NDArray[np.intp]
    corners: NDArray[np.intp]
    areas: NDArray[np.intp]
    looked: NDArray[np.float64]
    touching: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.pieces)

    @classmethod
    def of(cls, labels: NDArray[np.integer], looked: NDArray[np.float32]) -> Regions:
        """Return the regions of an image.

        Parameters
        ----------
        labels : (H, W) int array
            The piece of each pixel, from 0.
        looked : (H, W) float array
            How many times more than the mean pixel each pixel is looked at.
        """
        regions = label(labels, background=-1, connectivity=2).astype(np.int32)
        extents = extents_of(regions)
        regions -= 1
        pieces = np.zeros(len(extents), np.intp)
        pieces[regions.ravel()] = labels.ravel()
        corners = [(rows.start, columns.start, rows.stop, columns.stop) for rows, columns in extents]
        return cls(
            pieces,
            np.array(corners, np.intp),
            np.bincount(regions.ravel()),
            np.bincount(regions.ravel(), looked.ravel()).astype(np.float64),
            _touching(regions),
        )

    def sums(self, count: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return the areas (k,) of so many pieces, and how much the pixels of each are looked at."""
        areas, looked = (np.bincount(self.pieces, own, minlength=count) for own in (self.areas, self.looked))
        return areas.astype(np.intp), looked.astype(np.float64)

    def renumbered(self, numbers: NDArray[np.integer]) -> Regions:
        """Return these regions, whose pieces have other numbers (k,)."""
        return replace(self, pieces=numbers[self.pieces].astype(np.intp))

    def merged(self, classes: NDArray[np.integer]) -> Regions:
        """Return the regions of classes (k,) of the pieces; of which class each is, is its piece."""
        own = classes[self.pieces]
        is_inner = own[self.touching[:, 0]] == own[self.touching[:, 1]]
        inner = tuple(self.touching[is_inner].T)
        graph = coo_array((np.ones(len(inner[0]), bool), inner), shape=(len(self), len(self)))
        first, parts = _numbered(connected_components(graph, directed=False)[1])
        corners = self.corners[first]
        np.minimum.at(corners[:, :2], parts, self.corners[:, :2])
        np.maximum.at(corners[:, 2:], parts, self.corners[:, 2:])
        areas = np.bincount(parts, self.areas).astype(np.intp)
        looked = np.bincount(parts, self.looked).astype(np.float64)
        return Regions(own[first].astype(np.intp), corners, areas, looked, parts[self.touching[~is_inner]])


def _numbered(parts: NDArray[np.integer]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the first region (p,) of each part, in order, and the number of the part of each region (r,)."""
    _, first, of_regions = np.unique(parts, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return first[order], np.argsort(order)[of_regions]


def _touching(regions: NDArray[np.int32]) -> NDArray[np.intp]:
    """Return the pairs (m, 2) of regions (H, W) that have neighbouring pixels."""
    count, pairs = int(regions.max()) + 1, []
    for here, there in _NEIGHBOURS:
        own, other = regions[here], regions[there]
        apart = own != other
        pairs.append(np.unique(own[apart].astype(np.intp) * count + other[apart]))
    return np.column_stack(np.divmod(np.unique(np.concatenate(pairs)), count))
