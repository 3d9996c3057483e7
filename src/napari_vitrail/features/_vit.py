"""From an image to ViT features on a grid: magnify, tokens, average over copies, within memory."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from napari_vitrail.backbones import free_memory, is_out_of_memory
from napari_vitrail.errors import VitrailWarning
from napari_vitrail.features._tokens import lattice_features_steps
from napari_vitrail.features._transforms import View, views
from napari_vitrail.grid import FeatureGrid, Grid
from napari_vitrail.progress import Steps, part_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.features._known import TokenStore
    from napari_vitrail.features._projection import Projection
    from napari_vitrail.spec import FeatureSpec
    from napari_vitrail.tiling import Window

SMALLEST_TILE = 8
"""Patches a side below which a tile sees too little to be worth while."""


def vit_features_steps(
    rgb: NDArray[np.float32],
    spec: FeatureSpec,
    backbone: Backbone,
    *,
    positions: ArrayLike | Window | None = None,
    projection: Projection | None = None,
    store: TokenStore | None = None,
) -> Steps[FeatureGrid]:
    """Yield Progress; return the ViT features of an image on the grid where they arise.

    Where memory runs out the same is tried with less of it, see `cheaper`.

    Parameters
    ----------
    rgb : (H, W, 3) float32, 0 to 1
    spec : FeatureSpec
    backbone : Backbone
    positions : (n, 2) array or (rows, columns) slices, optional
        Row/column pixels, or a window. Only the cells that make up the features there are computed, the
        others stay zero; recipes that cannot be asked at single places ignore it and compute all.
    projection : Projection, optional
        Applied to the tokens of every tile, so that the image's features are never all there.
    store : TokenStore, optional
        Where tokens are looked up and kept; they are then rounded to half precision.

    Returns
    -------
    features : FeatureGrid
        Channels ``vit`` and, where asked for, ``attention``.

    Raises
    ------
    ValueError
        If the stride is larger than a patch, which would leave gaps, or the device does not know the
        precision.
    """
    _check_stride(spec, backbone)
    spec = spec.on_device(backbone.device)
    enlarged = enlarged_pixels(rgb, spec.magnification)
    factors = (enlarged.shape[0] / rgb.shape[0], enlarged.shape[1] / rgb.shape[1])
    while True:
        try:
            return (
                yield from _features_steps(enlarged, spec, backbone, factors, positions, projection, store)
            )
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            less = cheaper(spec, backbone)
            if less is None:
                raise
        free_memory(backbone.device)  # here nothing holds what the attempt had made
        spec, backbone = less


def cheaper(spec: FeatureSpec, backbone: Backbone) -> tuple[FeatureSpec, Backbone] | None:
    """Return the next best thing that needs less memory, with a warning that says so, or None.

    Queries, and the copies of a strided average, are asked fewer at a time before it comes to that, which
    changes nothing. Then tiles are halved, which changes the features, then precision, and then the work
    is moved to the CPU. Stored tokens are found again only under what was really used.
    """
    if spec.batch > 1 and spec.averages:
        return replace(spec, batch=spec.batch // 2), backbone
    tile = spec.tile // 2
    if tile >= SMALLEST_TILE * backbone.info.patch_size:
        spec = replace(spec, tile=tile, halo=min(spec.halo, tile // 2))
        done = f"tiles of {tile} pixels"
    elif backbone.device != "cpu" and spec.dtype == "float32":
        spec = replace(spec, dtype="float16")
        done = "half precision"
    elif backbone.device != "cpu":
        backbone = backbone.on_cpu()
        spec = replace(spec, dtype="float32")
        done = "the CPU"
    else:
        return None
    warnings.warn(
        f"memory ran out, so features are computed with {done} instead and differ a little; "
        f"set it in the feature spec to have the same on every machine",
        VitrailWarning,
        stacklevel=3,
    )
    return spec, backbone


def _features_steps(
    enlarged: NDArray[np.float32], spec: FeatureSpec, backbone: Backbone, factors: tuple[float, float],
    positions: ArrayLike | Window | None, projection: Projection | None, store: TokenStore | None,
) -> Steps[FeatureGrid]:  # fmt: skip
    if spec.sampling == "strided" and spec.averages:
        features = yield from _averaged_steps(enlarged, spec, backbone, projection, store)
        return replace(features, grid=features.grid.magnified(factors))
    (features,) = yield from lattice_features_steps(
        [enlarged], spec, backbone,
        factors=factors, positions=positions, projection=projection, store=store,
    )  # fmt: skip
    return features


def _check_stride(spec: FeatureSpec, backbone: Backbone) -> None:
    size = backbone.info.patch_size
    if spec.stride > size:
        raise ValueError(
            f"stride must be 1 to {size}, the patch size of {backbone.info.name}, got {spec.stride}"
        )


def enlarged_pixels(rgb: NDArray[np.float32], magnification: float) -> NDArray[np.float32]:
    """Return the image as the ViT is to see it: bicubic, antialiased where it shrinks."""
    if magnification == 1:
        return rgb
    sides = [max(round(side * magnification), 1) for side in rgb.shape[:2]]
    tensor = torch.from_numpy(np.ascontiguousarray(rgb)).permute(2, 0, 1)[None]
    enlarged = functional.interpolate(tensor, size=sides, mode="bicubic", antialias=magnification < 1)
    return enlarged[0].permute(1, 2, 0).clamp(0, 1).numpy()


def _averaged_steps(
    rgb: NDArray[np.float32], spec: FeatureSpec, backbone: Backbone, projection: Projection | None,
    store: TokenStore | None,
) -> Steps[FeatureGrid]:  # fmt: skip
    """Average over shifted and flipped copies (Docherty et al. 2024, Algorithm 1) on the pixel grid.

    A pixel of which a copy knows nothing, because a shift took it out of the image, is not counted. As
    many copies as the spec's batch pass the network together; only they are there at a time.
    """
    pixels = Grid.of_pixels(rgb.shape[:2])
    batches = list(_batches(views(spec), spec.batch))
    single = replace(spec, shifts="none", flips="none", batch=1)
    total: NDArray[np.float32] | float = 0.0
    counted = np.zeros(pixels.shape, np.float32)
    for index, batch in enumerate(batches):
        transforms = [view.transform(spec.border) for view in batch]
        copies = [transform.apply(rgb) for transform in transforms]
        passes = lattice_features_steps(copies, single, backbone, projection=projection, store=store)
        found = yield from part_of(passes, index, len(batches))
        for view, transform, features in zip(batch, transforms, found, strict=True):
            placed = features.on(pixels, interpolation=spec.interpolation)
            total = total + np.float32(view.weight) * transform.invert(placed.values)
            counted += view.weight * transform.invert(np.ones_like(counted))
    return FeatureGrid(total / counted[:, :, None], pixels, features.channels)


def _batches(averaged: Sequence[View], size: int) -> Iterator[Sequence[View]]:
    for start in range(0, len(averaged), size):
        yield averaged[start : start + size]
