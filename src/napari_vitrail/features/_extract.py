"""Dense features of one image: the functions that scripts call."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.backbones import load_backbone
from napari_vitrail.features._classical import CLASSICAL_CHANNELS, classical_features
from napari_vitrail.features._vit import vit_features_steps
from napari_vitrail.grid import FeatureGrid, Grid
from napari_vitrail.image import IntensityRange, as_image, to_grey, to_rgb
from napari_vitrail.progress import Steps, drain
from napari_vitrail.spec import SEGMENTATION, FeatureSpec

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_vitrail.backbones import Backbone


def extract_features_steps(
    image: ArrayLike, spec: FeatureSpec = SEGMENTATION, *, backbone: Backbone | None = None,
    device: str = "auto",
) -> Steps[FeatureGrid]:  # fmt: skip
    """Yield Progress; return what `extract_features` returns."""
    image = as_image(image)
    scaled = IntensityRange.of([image], spec.intensity).scale(image)
    if spec.features == "classical":
        return classical_grid(scaled)
    backbone = backbone or load_backbone(spec.backbone, device=device)
    vit = yield from vit_features_steps(to_rgb(scaled), spec, backbone)
    if spec.features == "vit":
        return vit
    return vit.on(Grid.of_pixels(scaled.shape[:2]), interpolation=spec.interpolation).concat(
        classical_grid(scaled)
    )


def extract_features(
    image: ArrayLike, spec: FeatureSpec = SEGMENTATION, *, backbone: Backbone | None = None,
    device: str = "auto",
) -> FeatureGrid:  # fmt: skip
    """Compute the dense features of an image.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, 4) array
        Of any integer or float type.
    spec : FeatureSpec
        Which features. ``auto`` means both kinds here; choosing between them takes strokes.
    backbone : Backbone, optional
        A loaded one; else the one that the spec names.
    device : {"auto", "cuda", "mps", "cpu"}

    Returns
    -------
    features : FeatureGrid
        ViT features alone on the grid of their tokens; anything with classical features on the pixels.

    Raises
    ------
    ValueError
        If the image is empty or has another shape.
    BackboneUnavailable
        If no source has the backbone's weights.
    """
    return drain(extract_features_steps(image, spec, backbone=backbone, device=device))


def features_at(
    image: ArrayLike, positions: ArrayLike, spec: FeatureSpec = SEGMENTATION, *,
    backbone: Backbone | None = None, device: str = "auto",
) -> NDArray[np.float32]:  # fmt: skip
    """Compute features at some positions only: ``extract_features(image, spec).at(positions)``, sooner.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, 4) array
    positions : (n, 2) array
        Row/column pixels.
    spec : FeatureSpec
        With ``sampling="queries"`` only the cells that the positions need are computed.

    Returns
    -------
    features : (n, d) float32
    """
    image, positions = as_image(image), np.asarray(positions, float)
    scaled = IntensityRange.of([image], spec.intensity).scale(image)
    parts = []
    if spec.uses_vit:
        backbone = backbone or load_backbone(spec.backbone, device=device)
        vit = drain(vit_features_steps(to_rgb(scaled), spec, backbone, positions=positions))
        parts.append(vit.at(positions, interpolation=spec.interpolation))
    if spec.features != "vit":
        parts.append(classical_grid(scaled).at(positions))
    return np.concatenate(parts, axis=1)


def attention_maps(
    image: ArrayLike, spec: FeatureSpec = SEGMENTATION, *, backbone: Backbone | None = None,
    device: str = "auto",
) -> FeatureGrid:  # fmt: skip
    """Compute how much the last block's CLS token attends to each place, one channel per head.

    Parameters
    ----------
    image, spec, backbone, device
        See `extract_features`.

    Returns
    -------
    attention : FeatureGrid
        (h, w, heads), all at least 0; over the patch grid each head sums to at most 1.
    """
    wanted = replace(spec, features="vit", attention=True)
    features = extract_features(image, wanted, backbone=backbone, device=device)
    part = features.channels["attention"]
    heads = {"attention": slice(0, part.stop - part.start)}
    return FeatureGrid(features.values[:, :, part], features.grid, heads)


def classical_grid(scaled: NDArray[np.float32]) -> FeatureGrid:
    """Return the classical features of an image scaled to 0..1, on its pixels."""
    values = classical_features(to_grey(scaled))
    channels = {"classical": slice(0, len(CLASSICAL_CHANNELS))}
    return FeatureGrid(values, Grid.of_pixels(scaled.shape[:2]), channels)
