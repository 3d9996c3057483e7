"""One image as the ViT sees it for co-segmentation: descriptors, and how much each place is looked at."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_vitrail.features import (
    attention_density,
    enlarged_pixels,
    saliency,
    seen_pixels,
    unit_rows,
    vit_features_steps,
)
from napari_vitrail.grid import FeatureGrid, Grid
from napari_vitrail.image import IntensityRange, LayeredImage, as_image

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.cosegmentation._spec import CosegmentationSpec
    from napari_vitrail.features import TokenStore
    from napari_vitrail.progress import Steps
    from napari_vitrail.spec import FeatureSpec


class Look(NamedTuple):
    """What a look at an image gives; see `napari_vitrail.cosegmentation.SeenPicture`."""

    shape: tuple[int, int]
    grid: Grid
    descriptors: NDArray[np.float16]
    saliency: NDArray[np.float32]
    cls: NDArray[np.float32] | None


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


def shown_steps(
    image: ArrayLike | LayeredImage, spec: CosegmentationSpec, backbone: Backbone, store: TokenStore | None
) -> Steps[Shown]:
    """Yield Progress; return what the network makes of an image."""
    shape, rgb = _shown(image, spec)
    own = replace(spec.descriptor, attention=True)
    features = yield from vit_features_steps(rgb, own, backbone, store=store)
    return Shown(shape, rgb, features)


def look_steps(
    image: ArrayLike | LayeredImage, spec: CosegmentationSpec, backbone: Backbone, store: TokenStore | None
) -> Steps[Look]:
    """Yield Progress; return descriptors of length 1 of an image, and its saliency."""
    shape, rgb, features = yield from shown_steps(image, spec, backbone, store)
    attention = features.values[..., features.channels["attention"]]
    if spec.saliency == "density":
        looked = attention_density(attention)
    elif spec.saliency == "scaled":
        looked = saliency(attention, backbone.info.name)
    else:
        looked = yield from _coarse_steps(rgb, features.grid, spec.descriptor, backbone, store)
    descriptors = unit_rows(features.values[..., features.channels["vit"]]).astype(np.float16)
    grid = features.grid.magnified((rgb.shape[0] / shape[0], rgb.shape[1] / shape[1]))
    cls = None if spec.outlier_similarity is None else _cls_of(rgb, spec.descriptor, backbone)
    return Look(shape, grid, descriptors, looked, cls)


def _shown(
    image: ArrayLike | LayeredImage, spec: CosegmentationSpec
) -> tuple[tuple[int, int], NDArray[np.float32]]:
    """Return the shape of an image, and what the network is shown of it; all else of it is let go."""
    picture, own = as_image(image), spec.descriptor
    pixels = seen_pixels(picture, own, IntensityRange.of([picture], own.intensity)).rgb
    assert pixels is not None  # the descriptor's features are the ViT's
    shape = (pixels.shape[0], pixels.shape[1])
    side = max(shape) if spec.edge == "longer" else min(shape)
    return shape, enlarged_pixels(pixels, spec.side / side)


def _coarse_steps(
    rgb: NDArray[np.float32], grid: Grid, descriptor: FeatureSpec, backbone: Backbone,
    store: TokenStore | None,
) -> Steps[NDArray[np.float32]]:  # fmt: skip
    """Yield Progress; return the saliency on a grid, from half the image patch by patch, as published.

    An image of which half a side is less than a patch is seen at full size.
    """
    size = backbone.info.patch_size
    half = 0.5 if min(rgb.shape[:2]) >= 2 * size else 1.0
    wanted = replace(descriptor, attention=True, stride=size, magnification=half)
    features = yield from vit_features_steps(rgb, wanted, backbone, store=store)
    looked = saliency(features.values[..., features.channels["attention"]], backbone.info.name)
    cells = FeatureGrid(looked[..., None], features.grid)
    return cells.on(grid, interpolation=descriptor.interpolation).values[..., 0]


def _cls_of(rgb: NDArray[np.float32], descriptor: FeatureSpec, backbone: Backbone) -> NDArray[np.float32]:
    """Return the CLS token's descriptor (D,) of a pass on the patch grid."""
    size = backbone.info.patch_size
    own = descriptor.on_device(backbone.device)
    tokens = backbone.tokens(
        _at_least(rgb, size), layer=own.layer, facet=own.facet, stride=size, attention=False, dtype=own.dtype
    )
    return tokens.cls


def _at_least(rgb: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Return an image continued to a patch a side, where it is smaller."""
    missing = [(0, max(size - side, 0)) for side in rgb.shape[:2]]
    return np.pad(rgb, [*missing, (0, 0)], mode="symmetric")
