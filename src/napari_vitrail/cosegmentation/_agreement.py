"""What clusterings of several sizes say together of every cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.clusters import Clusters
    from napari_vitrail.cosegmentation._picture import SeenPicture


@dataclass(frozen=True)
class Agreement:
    """Clusterings of several sizes, and which clusters of each are the object's.

    Attributes
    ----------
    clusterings : tuple of Clusters
    shared : tuple of (k,) bool
    """

    clusterings: tuple[Clusters, ...]
    shared: tuple[NDArray[np.bool_], ...]

    threshold = 0.5
    """Above which a share is of the object."""

    def share(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the share (n,) of the clusterings that call descriptors (n, D) the object's."""
        pairs = zip(self.clusterings, self.shared, strict=True)
        return np.mean([shared[clusters.nearest(rows)] for clusters, shared in pairs], axis=0)

    def scores(self, picture: SeenPicture) -> NDArray[np.float32]:
        """Return that share (h, w) of each cell of a picture."""
        return self.share(picture.rows).reshape(picture.grid.shape).astype(np.float32)
