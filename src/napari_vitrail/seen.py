"""An image as the ViT sees it at some size: what it is shown, and descriptors of length 1."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from napari_vitrail.features import enlarged_pixels, seen_pixels, unit_rows, vit_features_steps
from napari_vitrail.grid import FeatureGrid, Grid
from napari_vitrail.image import IntensityRange, as_image

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.features import TokenStore
    from napari_vitrail.image import LayeredImage
    from napari_vitrail.progress import Steps
    from napari_vitrail.spec import FeatureSpec

Edge = Literal["longer", "shorter"]


@dataclass(frozen=True)
class Seen:
    """An image as the ViT has seen it.

    Attributes
    ----------
    shape : (H, W)
        Of the image as it was given.
    grid : Grid
        Where the descriptors sit, in pixels of the image.
    descriptors : (h, w, D) float16
    """

    shape: tuple[int, int]
    grid: Grid
    descriptors: NDArray[np.float16]

    @property
    def rows(self) -> NDArray[np.float32]:
        """The descriptors (h * w, D) in single precision."""
        return self.descriptors.reshape(-1, self.descriptors.shape[2]).astype(np.float32)

    def rows_at(self, places: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return some of the descriptors (n, D), by their numbers."""
        return self.descriptors.reshape(-1, self.descriptors.shape[2])[places].astype(np.float32)

    def placed(self, values: NDArray[np.generic], interpolation: str = "bilinear") -> NDArray[np.float32]:
        """Return values (h, w) of the cells on the pixels (H, W) of the image."""
        cells = FeatureGrid(values[..., None].astype(np.float32), self.grid)
        return cells.on(Grid.of_pixels(self.shape), interpolation=interpolation).values[..., 0]


class Shown(NamedTuple):
    """An image as it is shown to the network, and what the network makes of it.

    Attributes
    ----------
    shape : (H, W)
        Of the image as it was given.
    rgb : (h, w, 3) float32
        At the size at which it is shown.
    features : FeatureGrid
        Descriptors, not yet of length 1, and the attention of each head, on the grid of `rgb`.
    """

    shape: tuple[int, int]
    rgb: NDArray[np.float32]
    features: FeatureGrid

    @property
    def grid(self) -> Grid:
        """Where the features sit, in pixels of the image as it was given."""
        factors = (self.rgb.shape[0] / self.shape[0], self.rgb.shape[1] / self.shape[1])
        return self.features.grid.magnified(factors)

    @property
    def descriptors(self) -> NDArray[np.float16]:
        """The descriptors (h, w, D), of length 1."""
        return unit_rows(self.features.values[..., self.features.channels["vit"]]).astype(np.float16)

    @property
    def attention(self) -> NDArray[np.floating]:
        """The attention (h, w, heads) of each head."""
        return self.features.values[..., self.features.channels["attention"]]


def shown_pixels(
    image: ArrayLike | LayeredImage, descriptor: FeatureSpec, side: int | None, edge: Edge = "longer"
) -> tuple[NDArray[np.float32], tuple[int, int]]:
    """Return an image (h, w, 3) as the ViT is to see it, and its own shape; all else of it is let go.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, 4) array, or LayeredImage
    descriptor : FeatureSpec
    side : int or None, pixels
        To which an edge of the image is brought; it stays as it is where None.
    edge : {"longer", "shorter"}
    """
    picture = as_image(image)
    pixels = seen_pixels(picture, descriptor, IntensityRange.of([picture], descriptor.intensity)).rgb
    assert pixels is not None  # the descriptor's features are the ViT's
    shape = (pixels.shape[0], pixels.shape[1])
    own = max(shape) if edge == "longer" else min(shape)
    return enlarged_pixels(pixels, 1.0 if side is None else side / own), shape


def shown_steps(
    image: ArrayLike | LayeredImage, descriptor: FeatureSpec, side: int | None, backbone: Backbone,
    store: TokenStore | None, edge: Edge = "longer",
) -> Steps[Shown]:  # fmt: skip
    """Yield Progress; return what the network makes of an image; see `shown_pixels`."""
    rgb, shape = shown_pixels(image, descriptor, side, edge)
    features = yield from vit_features_steps(rgb, replace(descriptor, attention=True), backbone, store=store)
    return Shown(shape, rgb, features)
