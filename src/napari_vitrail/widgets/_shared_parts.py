"""The parts of what images share, as labels of any image that the network has seen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_vitrail.progress import Progress, Steps

if TYPE_CHECKING:
    from napari_vitrail.cosegmentation import Clusters, CoSegmentation, SeenPicture, VotedClusters

_ROWS = 8000
"""Descriptors of the object, at most about, that parts are learned of."""
_STARTS = 4
"""Of k-means, of which the best counts."""


@dataclass(frozen=True, eq=False)
class SharedParts:
    """The object that images share, in parts.

    Attributes
    ----------
    shared : CoSegmentation
    clusters : Clusters
        Of the descriptors of the object: each is a part.
    """

    shared: CoSegmentation
    clusters: Clusters

    @property
    def voted(self) -> VotedClusters | None:
        """The clusters of all that the network sees, which were voted for; None for another method."""
        from napari_vitrail.cosegmentation import VotedClusters

        own = self.shared.shared
        return own if isinstance(own, VotedClusters) else None

    @property
    def count(self) -> int:
        """Number of parts."""
        return self.clusters.count

    def of_image(self, index: int, shape: tuple[int, ...] | None = None) -> NDArray[np.uint8]:
        """Return the part of each pixel of an image of the set, from 1; 0 beside the object.

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
        is_object = self.shared.mask_of(picture)
        if self.count == 1:
            return is_object.astype(np.uint8)
        return np.where(is_object, 1 + placed_labels(picture, self.clusters.labels(picture)), 0).astype(
            np.uint8
        )


def parts_steps(shared: CoSegmentation, n_parts: int) -> Steps[SharedParts]:
    """Yield Progress; return the object that images share in some parts: clusters of its descriptors.

    There are fewer where the object has not so many different descriptors. What the object's cells look
    like is learned of all images together, so a part is the same in all of them.
    """
    from napari_vitrail.cosegmentation import Clusters

    yield Progress(0, 1, "parts")
    rows = np.concatenate([_object_rows(shared, index) for index in range(len(shared))])
    rows = rows[:: max(1, len(rows) // _ROWS)]
    if n_parts == 1 or not len(rows):
        return SharedParts(shared, Clusters(np.zeros((1, rows.shape[1]), np.float32)))
    from sklearn.cluster import KMeans

    count = min(n_parts, len(np.unique(rows, axis=0)))
    fitted = KMeans(count, n_init=_STARTS, random_state=0).fit(rows)
    return SharedParts(shared, Clusters(fitted.cluster_centers_.astype(np.float32)))


def _object_rows(shared: CoSegmentation, index: int) -> NDArray[np.float32]:
    """Return the descriptors (n, D) of the cells of the object in an image."""
    picture = shared.seen.pictures[index]
    is_object = shared.shared.scores(picture).ravel() > shared.shared.threshold
    return picture.rows[is_object & (not shared.outliers[index])]


def in_size(picture: SeenPicture, shape: tuple[int, ...]) -> SeenPicture:
    """Return a picture that was seen as if its image had another size."""
    factors = (picture.shape[0] / shape[0], picture.shape[1] / shape[1])
    return replace(picture, shape=(shape[0], shape[1]), grid=picture.grid.magnified(factors))


def placed_labels(picture: SeenPicture, cells: NDArray[np.integer]) -> NDArray[np.intp]:
    """Return for each pixel (H, W) of a picture the label that most of the cells (h, w) round it have."""
    labels, most = np.zeros(picture.shape, np.intp), np.zeros(picture.shape, np.float32)
    for label in np.unique(cells):
        share = picture.placed(cells == label, "bilinear")
        labels[share > most] = label
        most = np.maximum(most, share)
    return labels
