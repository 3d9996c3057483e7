"""One image as the ViT sees it for co-segmentation: descriptors, and how much each place is looked at."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.cosegmentation._picture import SeenPicture
from napari_vitrail.features import attention_density, saliency, vit_features_steps
from napari_vitrail.grid import FeatureGrid, Grid
from napari_vitrail.seen import shown_steps

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.cosegmentation._spec import CosegmentationSpec
    from napari_vitrail.features import TokenStore
    from napari_vitrail.image import LayeredImage
    from napari_vitrail.progress import Steps
    from napari_vitrail.spec import FeatureSpec


def look_steps(
    image: ArrayLike | LayeredImage, spec: CosegmentationSpec, backbone: Backbone, store: TokenStore | None
) -> Steps[SeenPicture]:
    """Yield Progress; return descriptors of length 1 of an image, and its saliency."""
    own = spec.descriptor
    shown = yield from shown_steps(image, own, spec.side, backbone, store, spec.edge)
    if spec.saliency == "density":
        looked = attention_density(shown.attention)
    elif spec.saliency == "scaled":
        looked = saliency(shown.attention, backbone.info.name)
    else:
        looked = yield from _coarse_steps(shown.rgb, shown.features.grid, own, backbone, store)
    cls = None if spec.outlier_similarity is None else _cls_of(shown.rgb, own, backbone)
    return SeenPicture(shown.shape, shown.grid, shown.descriptors, looked, cls)


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
