"""One image as the ViT sees it: descriptors, and how much each place is looked at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.features import (
    attention_density,
    enlarged_pixels,
    seen_pixels,
    unit_rows,
    vit_features_steps,
)
from napari_vitrail.grid import FeatureGrid, Grid
from napari_vitrail.image import IntensityRange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.features import TokenStore
    from napari_vitrail.image import Picture
    from napari_vitrail.progress import Steps
    from napari_vitrail.spec import FeatureSpec

STRIP_VALUES = 1 << 24
"""Values on the pixels that are there at a time: 64 MB."""


@dataclass(frozen=True)
class SeenScene:
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

    shape: tuple[int, int]
    grid: Grid
    descriptors: NDArray[np.float16]
    density: NDArray[np.float32]
    interpolation: str = "bilinear"

    @property
    def rows(self) -> NDArray[np.float32]:
        """The descriptors (h * w, D) in single precision."""
        return self.descriptors.reshape(-1, self.descriptors.shape[2]).astype(np.float32)

    def placed(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return values (h, w) of the cells on the pixels (H, W) of the image."""
        cells = FeatureGrid(values[..., None].astype(np.float32), self.grid)
        return cells.on(Grid.of_pixels(self.shape), interpolation=self.interpolation).values[..., 0]

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
    pixels = seen_pixels(image, descriptor, IntensityRange.of([image], descriptor.intensity)).rgb
    assert pixels is not None  # the descriptor's features are the ViT's
    shape = (pixels.shape[0], pixels.shape[1])
    rgb = enlarged_pixels(pixels, 1.0 if side is None else side / max(shape))
    features = yield from vit_features_steps(rgb, replace(descriptor, attention=True), backbone, store=store)
    grid = features.grid.magnified((rgb.shape[0] / shape[0], rgb.shape[1] / shape[1]))
    descriptors = unit_rows(features.values[..., features.channels["vit"]]).astype(np.float16)
    looked = attention_density(features.values[..., features.channels["attention"]])
    return SeenScene(shape, grid, descriptors, looked, descriptor.interpolation)
