"""Dense features of one image: the functions that scripts call."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.backbones import load_backbone
from napari_vitrail.features._pixels import PixelFeatures, pixel_features_steps
from napari_vitrail.grid import FeatureGrid
from napari_vitrail.image import IntensityRange, LayeredImage, Picture, as_image
from napari_vitrail.progress import Steps, drain
from napari_vitrail.spec import SEGMENTATION, FeatureSpec
from napari_vitrail.tiling import Tile

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.features._known import TokenStore


def extract_features_steps(
    image: ArrayLike | LayeredImage, spec: FeatureSpec = SEGMENTATION, *, backbone: Backbone | None = None,
    device: str = "auto", store: TokenStore | None = None,
) -> Steps[FeatureGrid]:  # fmt: skip
    """Yield Progress; return what `extract_features` returns."""
    features = yield from _features_steps(as_image(image), spec, backbone, device, store)
    if spec.features == "vit" and features.vit is not None:
        return features.vit
    everything = (slice(0, features.shape[0]), slice(0, features.shape[1]))
    return features.on(Tile(everything, everything, everything))


def _features_steps(
    image: Picture, spec: FeatureSpec, backbone: Backbone | None, device: str,
    store: TokenStore | None, positions: NDArray[np.intp] | None = None,
) -> Steps[PixelFeatures]:  # fmt: skip
    if spec.uses_vit:
        backbone = backbone or load_backbone(spec.backbone, device=device)
    intensity = IntensityRange.of([image], spec.intensity)
    return (
        yield from pixel_features_steps(image, spec, intensity, backbone, positions=positions, store=store)
    )


def extract_features(
    image: ArrayLike | LayeredImage, spec: FeatureSpec = SEGMENTATION, *, backbone: Backbone | None = None,
    device: str = "auto", store: TokenStore | None = None,
) -> FeatureGrid:  # fmt: skip
    """Compute the dense features of an image.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, 4) array, or LayeredImage
        Of any integer or float type.
    spec : FeatureSpec
        Which features. ``auto`` means both kinds here; choosing between them takes strokes.
    backbone : Backbone, optional
        A loaded one; else the one that the spec names.
    device : {"auto", "cuda", "mps", "cpu"}
    store : FeatureStore, optional
        Where ViT features are looked up and kept, see `napari_vitrail.FeatureStore`; they are then
        rounded to half precision.

    Returns
    -------
    features : FeatureGrid
        ViT features alone on the grid of their tokens; anything with classical features on the pixels,
        which takes 4 bytes for each of up to 442 features of every pixel.

    Raises
    ------
    ValueError
        If the image is empty or has another shape.
    BackboneUnavailable
        If no source has the backbone's weights.
    """
    return drain(extract_features_steps(image, spec, backbone=backbone, device=device, store=store))


def features_at(
    image: ArrayLike | LayeredImage, positions: ArrayLike, spec: FeatureSpec = SEGMENTATION, *,
    backbone: Backbone | None = None, device: str = "auto", store: TokenStore | None = None,
) -> NDArray[np.float32]:  # fmt: skip
    """Compute features at some pixels only: those of ``extract_features(image, spec)`` there, sooner.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, 4) array, or LayeredImage
    positions : (n, 2) int array
        Row/column pixels, whole numbers.
    spec : FeatureSpec
        With ``sampling="queries"`` only the cells that the positions need are computed.
    backbone, device, store
        See `extract_features`.

    Returns
    -------
    features : (n, d) float32

    Raises
    ------
    ValueError
        If a position is not a pixel of the image.
    """
    image, pixels = as_image(image), np.asarray(positions)
    _check_positions(pixels, image.shape)
    features = drain(_features_steps(image, spec, backbone, device, store, pixels))
    parts = [features.vit_at(pixels), features.classical_at(pixels)]
    return np.concatenate([part for part in parts if part is not None], axis=1)


def _check_positions(pixels: NDArray[np.integer], shape: tuple[int, ...]) -> None:
    if pixels.ndim != 2 or pixels.shape[1] != 2 or pixels.dtype.kind not in "ui":
        raise ValueError(
            f"positions must be an (n, 2) array of whole rows and columns, got {pixels.shape} {pixels.dtype}"
        )
    outside = ((pixels < 0) | (pixels >= np.array(shape[:2]))).any(axis=1)
    if outside.any():
        raise ValueError(
            f"positions must lie in the image {shape[:2]}, got {pixels[outside][:3].tolist()}"
            + (" and others" if np.count_nonzero(outside) > 3 else "")
        )


def attention_maps(
    image: ArrayLike | LayeredImage, spec: FeatureSpec = SEGMENTATION, *, backbone: Backbone | None = None,
    device: str = "auto", store: TokenStore | None = None,
) -> FeatureGrid:  # fmt: skip
    """Compute how much the last block's CLS token attends to each place, one channel per head.

    Parameters
    ----------
    image, spec, backbone, device, store
        See `extract_features`.

    Returns
    -------
    attention : FeatureGrid
        (h, w, heads), all at least 0; over the patch grid of a tile each head sums to at most 1.
    """
    wanted = replace(spec, features="vit", attention=True)
    features = extract_features(image, wanted, backbone=backbone, device=device, store=store)
    part = features.channels["attention"]
    heads = {"attention": slice(0, part.stop - part.start)}
    return FeatureGrid(features.values[:, :, part], features.grid, heads)
