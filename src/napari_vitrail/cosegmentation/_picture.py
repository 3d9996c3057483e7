"""One image of a set as the ViT has seen it: descriptors, and how much each place is looked at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.seen import Seen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.features import Projection


@dataclass(frozen=True)
class SeenPicture(Seen):
    """One image of a set, as the ViT has seen it.

    Attributes
    ----------
    shape : (H, W)
        Of the image as it was given.
    grid : Grid
        Where the descriptors sit, in pixels of the image.
    descriptors : (h, w, D) float16
        Of length 1, or their principal components.
    saliency : (h, w) float32
        How much the network looks at each place.
    cls : (D,) float32 or None
        The CLS token's descriptor, where outliers are to be found.
    """

    saliency: NDArray[np.float32]
    cls: NDArray[np.float32] | None = None

    def projected(self, projection: Projection) -> SeenPicture:
        """Return this picture with fewer channels that say as much."""
        return replace(self, descriptors=projection(self.descriptors).astype(np.float16))
