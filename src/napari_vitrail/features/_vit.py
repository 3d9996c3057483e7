"""From an image to ViT features on a grid: magnify, transform, tokens tile by tile, invert, mean."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from napari_vitrail.errors import ComputeError
from napari_vitrail.features._lattice import Lattice, LatticeTile, query_lattice, strided_lattice, tiles
from napari_vitrail.features._position import cured
from napari_vitrail.features._transforms import copies
from napari_vitrail.grid import FeatureGrid, Grid
from napari_vitrail.progress import Progress, Steps, part_of
from napari_vitrail.tiling import reflected

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.spec import FeatureSpec

QUERY_STEP = 1024
"""Positions asked between two reports of progress, so that a cancel takes about a second at most."""


def vit_features_steps(
    rgb: NDArray[np.float32],
    spec: FeatureSpec,
    backbone: Backbone,
    *,
    positions: ArrayLike | None = None,
) -> Steps[FeatureGrid]:
    """Yield Progress; return the ViT features of an image on the grid where they arise.

    Parameters
    ----------
    rgb : (H, W, 3) float32, 0 to 1
    spec : FeatureSpec
    backbone : Backbone
    positions : (n, 2) array, optional
        Row/column pixels. Only the cells that make up the features there are computed, the others stay
        zero; recipes that cannot be asked at single places ignore it and compute all.

    Returns
    -------
    features : FeatureGrid
        Channels ``vit`` and, where asked for, ``attention``.

    Raises
    ------
    ValueError
        If the stride is larger than a patch, which would leave gaps.
    """
    _check_stride(spec, backbone)
    enlarged = _enlarged(rgb, spec.magnification)
    factors = (enlarged.shape[0] / rgb.shape[0], enlarged.shape[1] / rgb.shape[1])
    if spec.averages:
        features = yield from _averaged_steps(enlarged, spec, backbone)
    elif positions is None:
        features = yield from _pass_steps(enlarged, spec, backbone)
    else:
        pixels = (np.asarray(positions, float) + 0.5) * factors - 0.5
        features = yield from _pass_steps(enlarged, spec, backbone, pixels)
    return replace(features, grid=features.grid.magnified(factors))


def _check_stride(spec: FeatureSpec, backbone: Backbone) -> None:
    size = backbone.info.patch_size
    if spec.stride > size:
        raise ValueError(
            f"stride must be 1 to {size}, the patch size of {backbone.info.name}, got {spec.stride}"
        )


def _enlarged(rgb: NDArray[np.float32], magnification: float) -> NDArray[np.float32]:
    """Return the image as the ViT is to see it: bicubic, antialiased where it shrinks."""
    if magnification == 1:
        return rgb
    sides = [max(round(side * magnification), 1) for side in rgb.shape[:2]]
    tensor = torch.from_numpy(np.ascontiguousarray(rgb)).permute(2, 0, 1)[None]
    enlarged = functional.interpolate(tensor, size=sides, mode="bicubic", antialias=magnification < 1)
    return enlarged[0].permute(1, 2, 0).clamp(0, 1).numpy()


def _averaged_steps(rgb: NDArray[np.float32], spec: FeatureSpec, backbone: Backbone) -> Steps[FeatureGrid]:
    """Average over shifted and flipped copies (Docherty et al. 2024, Algorithm 1) on the pixel grid.

    A pixel of which a copy knows nothing, because a shift took it out of the image, is not counted.
    """
    pixels = Grid.of_pixels(rgb.shape[:2])
    transforms = copies(spec)
    width = _width(spec, backbone)
    total, counted = np.zeros((*pixels.shape, width), np.float32), np.zeros(pixels.shape, np.float32)
    for index, (transform, weight) in enumerate(transforms):
        passes = _pass_steps(transform.apply(rgb), spec, backbone)
        features = yield from part_of(passes, index, len(transforms))
        placed = features.on(pixels, interpolation=spec.interpolation)
        total += weight * transform.invert(placed.values)
        counted += weight * transform.invert(np.ones_like(counted))
    return FeatureGrid(total / counted[:, :, None], pixels, features.channels)


def _pass_steps(
    rgb: NDArray[np.float32],
    spec: FeatureSpec,
    backbone: Backbone,
    positions: NDArray[np.float64] | None = None,
) -> Steps[FeatureGrid]:
    """Compute the tokens of one image tile by tile and blend them where tiles overlap."""
    shape = rgb.shape[:2]
    lattice, grid = _placed(shape, spec, backbone.info.patch_size)
    wanted = np.ones(lattice.shape, bool)
    if positions is not None:
        wanted = grid.read_at(positions, spec.interpolation)
    plan = [tile for tile in tiles(lattice, shape, spec) if wanted[tile.cells].any()]
    ask = _queried_steps if spec.sampling == "queries" else _strided_steps
    width = _width(spec, backbone)
    values = np.zeros((*lattice.shape, width), np.float32)
    counted = np.zeros(lattice.shape, np.float32)
    for index, tile in enumerate(plan):
        passes = ask(rgb, _Patches(lattice, tile, wanted[tile.cells]), spec, backbone)
        tokens = yield from part_of(passes, index, len(plan))
        tokens = cured(tokens, tile.window, spec, backbone)
        values[tile.cells] += tokens * tile.weights[:, :, None]
        counted[tile.cells] += tile.weights
    values /= np.where(counted > 0, counted, 1)[:, :, None]
    if not np.isfinite(values).all():
        raise ComputeError(f"{backbone.info.name} gave features that are not finite in block {spec.layer}")
    channels = {"vit": slice(0, backbone.info.width)}
    if spec.attention:
        channels["attention"] = slice(backbone.info.width, width)
    return FeatureGrid(values, grid, channels)


def _width(spec: FeatureSpec, backbone: Backbone) -> int:
    """Return the number of features: the network's, and its heads where attention is asked for."""
    return backbone.info.width + (backbone.info.heads if spec.attention else 0)


def _placed(shape: tuple[int, int], spec: FeatureSpec, patch_size: int) -> tuple[Lattice, Grid]:
    """Return which patches are asked for, and where their features are said to sit."""
    if spec.sampling == "queries":
        lattice = query_lattice(shape, patch_size, spec.stride)
        return lattice, lattice.grid
    lattice = strided_lattice(shape, patch_size, spec)
    if spec.placement == "centre":
        return lattice, lattice.grid
    sides = shape
    if spec.fit == "crop":
        sides = (max(shape[0] // patch_size, 1) * patch_size, max(shape[1] // patch_size, 1) * patch_size)
    stretched = Grid.stretched(lattice.shape, sides)
    origin = (stretched.origin[0] + lattice.first[0], stretched.origin[1] + lattice.first[1])
    return lattice, replace(stretched, origin=origin)


def _cut(rgb: NDArray[np.float32], rows: tuple[int, int], columns: tuple[int, int]) -> NDArray[np.float32]:
    """Return a part of the image, reflected where it reaches beyond the border."""
    height, width = rgb.shape[:2]
    return rgb[reflected(*rows, height)][:, reflected(*columns, width)]


@dataclass(frozen=True)
class _Patches:
    """The patches of a lattice that lie in one tile, and which of them are wanted."""

    lattice: Lattice
    tile: LatticeTile
    wanted: NDArray[np.bool_]

    def corners(self, axis: int) -> NDArray[np.intp]:
        return self.lattice.corners(axis)[self.tile.cells[axis]]


def _strided_steps(
    rgb: NDArray[np.float32], patches: _Patches, spec: FeatureSpec, backbone: Backbone
) -> Steps[NDArray[np.float32]]:
    """Return the tokens (rows, columns, D) of a tile's overlapping patches (Amir et al. 2021)."""
    size = patches.lattice.patch_size
    spans = [(int(corners[0]), int(corners[-1]) + size) for corners in map(patches.corners, (0, 1))]
    tokens = backbone.tokens(
        _cut(rgb, *spans),
        layer=spec.layer, facet=spec.facet, stride=spec.stride, attention=spec.attention,
    )  # fmt: skip
    yield Progress(1, 1, "ViT features")
    return _side_by_side(tokens.patches, tokens.attention)


def _queried_steps(
    rgb: NDArray[np.float32], patches: _Patches, spec: FeatureSpec, backbone: Backbone
) -> Steps[NDArray[np.float32]]:
    """Return the tokens (rows, columns, D) of a tile's dense queries; zero where none is wanted."""
    size, window = patches.lattice.patch_size, patches.tile.window
    sides = [-(-(span.stop - span.start) // size) * size for span in window]
    spans = [(span.start - size, span.start + side + size) for span, side in zip(window, sides, strict=True)]
    context = backbone.context(_cut(rgb, *spans), margin=size, layer=spec.layer, attention=spec.attention)
    cells = np.nonzero(patches.wanted)
    corners = np.column_stack([patches.corners(axis)[cells[axis]] - window[axis].start for axis in (0, 1)])
    steps = range(0, len(corners), QUERY_STEP)
    yield Progress(1, len(steps) + 1, "ViT features")
    answers = []
    for done, start in enumerate(steps, start=2):
        chunk = corners[start : start + QUERY_STEP]
        answers.append(_side_by_side(*backbone.query(context, chunk, layer=spec.layer, facet=spec.facet)))
        yield Progress(done, len(steps) + 1, "ViT features")
    tokens = np.zeros((*patches.wanted.shape, answers[0].shape[1]), np.float32)
    tokens[cells] = np.concatenate(answers)
    return tokens


def _side_by_side(
    features: NDArray[np.float32], attention: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    return features if attention is None else np.concatenate([features, attention], axis=-1)
