"""Objects of an image at one cut of its merge tree: labels, which of them are objects, and boxes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.objects._boxes import Boxes, BoxRule
    from napari_vitrail.objects._regions import Regions


@dataclass(frozen=True)
class ObjectProposals:
    """Classes of an image that nobody has named, and which of them are objects.

    Attributes
    ----------
    pieces : (H, W) uint16
        The piece of each pixel, from 0.
    regions : Regions
        Where the pieces are connected.
    of_pieces : (k,) int
        The class of each piece, from 0.
    densities : (K,) float64
        How many times more than the mean pixel a pixel of each class is looked at.
    salient : (K,) bool
        Whether each class is an object.
    rule : BoxRule
    """

    pieces: NDArray[np.uint16]
    regions: Regions
    of_pieces: NDArray[np.intp]
    densities: NDArray[np.float64]
    salient: NDArray[np.bool_]
    rule: BoxRule

    @cached_property
    def labels(self) -> NDArray[np.int32]:
        """The class (H, W) of each pixel, 1 to K, those that are looked at most first."""
        return (self.of_pieces + 1).astype(np.int32)[self.pieces]

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.densities)

    @property
    def object_ids(self) -> NDArray[np.intp]:
        """Ids of the classes that are objects."""
        return np.flatnonzero(self.salient) + 1

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Where the objects are (H, W)."""
        return np.asarray(self.salient[self.of_pieces][self.pieces])

    @cached_property
    def boxes(self) -> Boxes:
        """Boxes of the objects; made when they are first asked for."""
        return self.rule.boxes_of(
            self.regions, np.where(self.salient, np.arange(self.n_classes) + 1, 0)[self.of_pieces]
        )

    def with_objects(self, ids: Iterable[int]) -> ObjectProposals:
        """Return these proposals with other classes as objects.

        Raises
        ------
        ValueError
            If there is no class of an id.
        """
        wanted = np.unique(np.fromiter(ids, np.intp))
        if len(wanted) and not 1 <= wanted.min() <= wanted.max() <= self.n_classes:
            raise ValueError(f"ids must be classes, 1 to {self.n_classes}, got {wanted.tolist()}")
        return replace(self, salient=np.isin(np.arange(1, self.n_classes + 1), wanted))
