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


@dataclass(frozen=True)
class ObjectProposals:
    """Classes of an image that nobody has named, and which of them are objects.

    Attributes
    ----------
    labels : (H, W) int32
        The class of each pixel, 1 to K, those that are looked at most first.
    densities : (K,) float64
        How many times more than the mean pixel a pixel of each class is looked at.
    salient : (K,) bool
        Whether each class is an object.
    looked : (H, W) float32
        How many times more than the mean pixel each pixel is looked at.
    rule : BoxRule
    """

    labels: NDArray[np.int32]
    densities: NDArray[np.float64]
    salient: NDArray[np.bool_]
    looked: NDArray[np.float32]
    rule: BoxRule

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
        return np.asarray(np.concatenate([[False], self.salient])[self.labels])

    @cached_property
    def boxes(self) -> Boxes:
        """Boxes of the objects; made when they are first asked for."""
        return self.rule.boxes(self.labels, self.salient, self.looked)

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
