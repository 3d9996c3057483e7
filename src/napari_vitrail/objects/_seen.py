"""One image as the ViT sees it: descriptors, and how much each place is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_vitrail.features import attention_density
from napari_vitrail.grid import FeatureGrid, Grid
from napari_vitrail.seen import Seen, shown_steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.features import TokenStore
    from napari_vitrail.image import Picture
    from napari_vitrail.progress import Steps
    from napari_vitrail.spec import FeatureSpec

STRIP_VALUES = 1 << 24
"""Values on the pixels that are there at a time: 64 MB."""


@dataclass(frozen=True)
class SeenScene(Seen):
    """An image as the ViT has seen it, so that its objects are found again without the network.

    Attributes
    ----------
    shape : (H, W)
        Of the image as it was given.
    grid : Grid
        Where the descriptors sit, in pixels of the image.
    descriptors : (h, w, D) float16
        Of length 1.
    density : (h, w) float32
        How many times more than the mean place of the image each place is looked at.
    interpolation : {"bilinear", "nearest"}
        How values between cells are made.
    """

    density: NDArray[np.float32]
    interpolation: str = "bilinear"

    def placed(self, values: NDArray[np.generic], interpolation: str | None = None) -> NDArray[np.float32]:
        """Return values (h, w) of the cells on the pixels (H, W) of the image."""
        return super().placed(values, interpolation or self.interpolation)

    def strips(self, values: NDArray[np.floating]) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Yield rows of the image, and the values (h, w, d) of the cells on their pixels."""
        cells = FeatureGrid(values, self.grid)
        height = max(STRIP_VALUES // (self.shape[1] * values.shape[2]), 1)
        for start in range(0, self.shape[0], height):
            rows = slice(start, min(start + height, self.shape[0]))
            pixels = Grid((rows.stop - start, self.shape[1]), (float(start), 0.0))
            yield rows, cells.on(pixels, interpolation=self.interpolation).values


def look_steps(
    image: Picture, descriptor: FeatureSpec, side: int | None, backbone: Backbone, store: TokenStore | None
) -> Steps[SeenScene]:
    """Yield Progress; return an image as the ViT sees it.

    Parameters
    ----------
    image : (H, W) or (H, W, 3) array, or LayeredImage
    descriptor : FeatureSpec
    side : int or None, pixels
        To which the longer side is brought before; as it is where None.
    """
    shown = yield from shown_steps(image, descriptor, side, backbone, store)
    looked = attention_density(shown.attention)
    return SeenScene(shown.shape, shown.grid, shown.descriptors, looked, descriptor.interpolation)
