"""The clusters of an object that no image is without: the published way to few images' parts."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.clusters import Clusters, fit_centres
from napari_vitrail.errors import VitrailWarning
from napari_vitrail.progress import Progress, Steps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.cosegmentation._picture import SeenPicture
    from napari_vitrail.cosegmentation._result import CoSegmentation, SharedObject

MOST_CLUSTERS = 14
STARTS = 4


@dataclass(frozen=True)
class CommonClusters:
    """What of a shared object is in every image.

    Attributes
    ----------
    whole : SharedObject
    clusters : Clusters
        Of the descriptors of the object.
    common : (k,) bool
        Which clusters every image has.
    """

    whole: SharedObject
    clusters: Clusters
    common: NDArray[np.bool_]

    @property
    def threshold(self) -> float:
        """Above which a score is of what all images have."""
        return self.whole.threshold

    def scores(self, picture: SeenPicture) -> NDArray[np.float32]:
        """Return the score (h, w) of each cell: as far below the threshold as above it, if not common."""
        scores = self.whole.scores(picture)
        lower = np.minimum(scores, 2 * self.threshold - scores)
        return np.where(self.common[self.clusters.labels(picture)], scores, lower)


def common_object_steps(
    found: CoSegmentation, rows: NDArray[np.float32], elbow: float, random_state: int
) -> Steps[CoSegmentation]:
    """Yield Progress; return an object reduced to what every image has of it, all of it if there is nothing.

    Parameters
    ----------
    found : CoSegmentation
    rows : (n, D) float32
        Descriptors of the object.
    elbow : float, 0 to 1
        See `napari_vitrail.cosegmentation.Votes`.
    random_state : int
    """
    most = min(MOST_CLUSTERS, len(np.unique(rows, axis=0)))
    earlier = np.inf
    for count in range(1, most + 1):
        clusters = fit_centres(rows, count, n_init=STARTS, random_state=random_state)
        distortion = float(clusters.squares(rows).min(axis=1).mean())
        yield Progress(count, most, "clusters of the object")
        if distortion > elbow * earlier:
            break
        earlier = distortion
    common = np.ones(clusters.count, bool)
    for index, picture in enumerate(found.seen.pictures):
        if not found.outliers[index]:
            is_object = found.shared.scores(picture) > found.shared.threshold
            common &= np.isin(np.arange(clusters.count), clusters.labels(picture)[is_object])
    if common.any():
        return replace(found, shared=CommonClusters(found.shared, clusters, common))
    warnings.warn(
        f"none of {clusters.count} clusters of the object is in every image: parts are of all of it",
        VitrailWarning,
        stacklevel=2,
    )
    return found
