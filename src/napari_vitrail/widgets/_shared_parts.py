"""The parts of what images share, as labels of any image that the network has seen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from napari_vitrail.cosegmentation import CoSegmentation, SeenPicture, VotedClusters


@dataclass(frozen=True, eq=False)
class SharedParts:
    """What images share, in parts: the clusters that were voted for; all of it is one where there are none.

    Attributes
    ----------
    shared : CoSegmentation
    """

    shared: CoSegmentation

    @property
    def voted(self) -> VotedClusters | None:
        """The clusters that were voted for; None where the object was found in another way."""
        from napari_vitrail.cosegmentation import VotedClusters

        own = self.shared.shared
        return own if isinstance(own, VotedClusters) else None

    @property
    def count(self) -> int:
        """Number of parts."""
        return 1 if self.voted is None else int(self.voted.shared.sum())

    def of_image(self, index: int, shape: tuple[int, ...] | None = None) -> NDArray[np.uint8]:
        """Return the part of each pixel of an image of the set, 0 where there is none.

        Parameters
        ----------
        index : int
        shape : (H, W, ...), optional
            Of the picture in which the parts are wanted, where that is not the image itself.
        """
        picture = self.shared.seen.pictures[index]
        if shape is not None:
            picture = in_size(picture, shape)
        if self.shared.outliers[index]:
            return np.zeros(picture.shape, np.uint8)
        if self.voted is None:
            return self.shared.mask_of(picture).astype(np.uint8)
        parts = np.where(self.voted.shared, np.cumsum(self.voted.shared), 0)  # of each cluster
        return placed_labels(picture, parts[self.voted.clusters.labels(picture)])


def in_size(picture: SeenPicture, shape: tuple[int, ...]) -> SeenPicture:
    """Return a picture that was seen as if its image had another size."""
    factors = (picture.shape[0] / shape[0], picture.shape[1] / shape[1])
    return replace(picture, shape=(shape[0], shape[1]), grid=picture.grid.magnified(factors))


def placed_labels(picture: SeenPicture, cells: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Return for each pixel (H, W) of a picture the label that most of the cells (h, w) round it have."""
    labels, most = np.zeros(picture.shape, np.uint8), np.zeros(picture.shape, np.float32)
    for label in np.unique(cells):
        share = picture.placed(cells == label, "bilinear")
        labels[share > most] = label
        most = np.maximum(most, share)
    return labels
