"""The tokens of an image on a lattice, tile by tile, looked up where they are known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_vitrail.errors import ComputeError
from napari_vitrail.features._known import KnownTokens
from napari_vitrail.features._lattice import Lattice, TilePatches, query_lattice, strided_lattice, tiles
from napari_vitrail.features._position import cured
from napari_vitrail.features._queries import QueriedTile, side_by_side
from napari_vitrail.grid import FeatureGrid, Grid
from napari_vitrail.progress import Progress, Steps, part_of
from napari_vitrail.speed import kind_of, shared_speeds
from napari_vitrail.tiling import reflected

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.features._known import Contexts, TokenStore
    from napari_vitrail.features._projection import Projection
    from napari_vitrail.spec import FeatureSpec
    from napari_vitrail.tiling import Window

_SIGNED = (
    "layer", "facet", "sampling", "shifts", "shift_distance", "flips", "attention", "dtype",
)  # fmt: skip
"""Fields of a spec that tokens depend on, besides what the tile shows and where its patches are."""


def lattice_features_steps(
    images: Sequence[NDArray[np.float32]],
    spec: FeatureSpec,
    backbone: Backbone,
    *,
    factors: tuple[float, float] = (1.0, 1.0),
    positions: ArrayLike | Window | None = None,
    projection: Projection | None = None,
    store: TokenStore | None = None,
) -> Steps[list[FeatureGrid]]:
    """Compute the tokens of images of one shape tile by tile and blend them where tiles overlap.

    Parameters
    ----------
    images : list of (H, W, 3) float32, 0 to 1
        Strided passes see the same tile of all of them at once.
    spec, backbone, positions, projection, store
        See `vit_features_steps`; the spec names the precision.
    factors : (y, x)
        By which the images are enlarged; positions, and the grid of the result, are those of before.
    """
    shape = images[0].shape[:2]
    lattice, grid = _placed(shape, spec, backbone.info.patch_size)
    grid = grid.magnified(factors)
    wanted = np.ones(lattice.shape, bool)
    if positions is not None and spec.sampling == "queries":  # one pass computes all strided tokens
        if isinstance(positions, tuple):
            wanted = grid.read_in(positions, spec.interpolation)
        else:
            wanted = grid.read_at(positions, spec.interpolation)
    plan = [tile for tile in tiles(lattice, shape, spec) if wanted[tile.cells].any()]
    width = _width(spec, backbone)
    channels = {"vit": slice(0, backbone.info.width), "attention": slice(backbone.info.width, width)}
    if projection is not None:
        width = projection.width
        channels = {"vit": slice(0, width)}
    values = [np.zeros((*lattice.shape, width), np.float32) for _ in images]
    counted = np.zeros(lattice.shape, np.float32)
    for index, tile in enumerate(plan):
        patches = TilePatches(lattice, tile, wanted[tile.cells])
        steps = _tile_steps(images, patches, spec, backbone, store)
        found = yield from part_of(steps, index, len(plan))
        for own, tokens in zip(values, found, strict=True):
            usable = cured(_finite(tokens, spec, backbone), tile.window, spec, backbone)
            if projection is not None:  # affine, and weights sum to 1: the same before blending as after it
                usable = projection(usable)
            own[tile.cells][patches.wanted] += usable * tile.weights[patches.wanted][:, None]
        counted[tile.cells] += tile.weights
    if len(plan) > 1:  # only what was computed is touched: the rest costs no memory
        for own in values:
            np.divide(own, counted[:, :, None], out=own, where=wanted[:, :, None])
    if not spec.attention:
        channels.pop("attention", None)
    return [FeatureGrid(own, grid, channels) for own in values]


def _finite(tokens: NDArray[np.float32], spec: FeatureSpec, backbone: Backbone) -> NDArray[np.float32]:
    """Return tokens as they are, or refuse them."""
    if not np.isfinite(tokens).all():
        raise ComputeError(
            f"{backbone.info.name} gave features that are not finite, or too large for half precision, "
            f"in block {spec.layer}; facet='token_norm' or dtype='float32' may do"
        )
    return tokens


def _width(spec: FeatureSpec, backbone: Backbone) -> int:
    """Return the number of features: the network's, and its heads where attention is asked for."""
    return backbone.info.width + (backbone.info.heads if spec.attention else 0)


def _tile_steps(
    images: Sequence[NDArray[np.float32]],
    patches: TilePatches,
    spec: FeatureSpec,
    backbone: Backbone,
    store: TokenStore | None,
) -> Steps[list[NDArray[np.float32]]]:
    """Return each image's tokens (n, D) of the wanted patches of a tile, computing those nobody knows.

    A store keeps half precision; what was just computed is rounded alike, so that it makes no
    difference whether tokens were known.
    """
    seen = [_seen(image, patches, spec) for image in images]
    if store is None or backbone.info.weights is None:  # nothing tells random weights apart
        return (yield from _computed_steps(seen, patches, spec, backbone))
    about = _about(spec, backbone.info.name, backbone.info.weights.digest)
    digests = [_digest(about, pixels) for pixels in seen]
    keys = [_key(digest, patches, spec) for digest in digests]
    none = KnownTokens.none(patches.wanted.shape, _width(spec, backbone))
    entries = [store.get(key) or none for key in keys]
    missing = [patches.wanted & ~entry.known for entry in entries]
    lacking = [index for index, cells in enumerate(missing) if cells.any()]
    if lacking:
        asked = replace(patches, wanted=np.logical_or.reduce(missing))
        tokens = yield from _computed_steps(
            [seen[index] for index in lacking], asked, spec, backbone,
            store.contexts, [digests[index] for index in lacking],
        )  # fmt: skip
        for index, own in zip(lacking, tokens, strict=True):
            entries[index] = entries[index].with_more(asked.wanted, own)
            store.put(keys[index], entries[index], about | {"stride": spec.stride})
    else:
        yield Progress(1, 1, "ViT features")
    return [entry.values[patches.wanted].astype(np.float32) for entry in entries]


def _computed_steps(
    seen: Sequence[NDArray[np.float32]], patches: TilePatches, spec: FeatureSpec, backbone: Backbone,
    contexts: Contexts | None = None, digests: Sequence[str] | None = None,
) -> Steps[list[NDArray[np.float32]]]:  # fmt: skip
    """Return each image's tokens (n, D) of the wanted patches; contexts are found by their digests."""
    if spec.sampling == "queries":
        queried = []
        for index, (pixels, digest) in enumerate(zip(seen, digests or [""] * len(seen), strict=True)):
            steps = QueriedTile(patches, spec).steps(pixels, backbone, contexts, digest)
            queried.append((yield from part_of(steps, index, len(seen))))
        return queried
    kind = kind_of("strided patch", backbone.info.name, backbone.device, spec.dtype)
    with shared_speeds().noting(kind, len(seen) * patches.wanted.size):
        passes = backbone.batch_tokens(
            np.stack(seen), layer=spec.layer, facet=spec.facet, stride=spec.stride, attention=spec.attention,
            dtype=spec.dtype,
        )  # fmt: skip
    yield Progress(1, 1, "ViT features")
    return [side_by_side(own.patches, own.attention)[patches.wanted] for own in passes]


def held_share(
    rgb: NDArray[np.float32], spec: FeatureSpec, patch_size: int, weights: str, store: TokenStore
) -> float:
    """Return which part of an image's tiles a store holds the tokens of, from 0 to 1.

    Parameters
    ----------
    rgb : (H, W, 3) float32, 0 to 1
        As the ViT sees it, enlarged already.
    spec : FeatureSpec
        Names the precision; averages of strided passes count as not held.
    patch_size : int, pixels
    weights : str
        Digest of the backbone's weights.
    store : TokenStore
    """
    if spec.sampling == "strided" and spec.averages:
        return 0.0
    shape = rgb.shape[:2]
    lattice, _ = _placed(shape, spec, patch_size)
    about, held, plan = _about(spec, spec.backbone, weights), 0, list(tiles(lattice, shape, spec))
    for tile in plan:
        patches = TilePatches(lattice, tile, np.ones([part.stop - part.start for part in tile.cells], bool))
        held += store.holds(_key(_digest(about, _seen(rgb, patches, spec)), patches, spec))
    return held / len(plan)


def _seen(image: NDArray[np.float32], patches: TilePatches, spec: FeatureSpec) -> NDArray[np.float32]:
    """Return what the network is shown of a tile."""
    queried = QueriedTile(patches, spec) if spec.sampling == "queries" else None
    return _cut(image, *(queried.spans() if queried else _strided_spans(patches)))


def _about(spec: FeatureSpec, backbone: str, weights: str) -> dict[str, Any]:
    """Return what tokens depend on besides the pixels and where their patches are."""
    return {"backbone": backbone, "weights": weights} | {name: getattr(spec, name) for name in _SIGNED}


def _key(digest: str, patches: TilePatches, spec: FeatureSpec) -> str:
    """Return the name under which a store keeps the tokens of a tile that has this digest."""
    return _digest({"seen": digest, "stride": spec.stride} | _layout(patches))


def _layout(patches: TilePatches) -> dict[str, Any]:
    """Return where a tile's patches are, in the tile."""
    first = [int(patches.along(axis)[0]) - patches.window[axis].start for axis in (0, 1)]
    return {"first": first, "cells": list(patches.wanted.shape)}


def _digest(about: dict[str, Any], pixels: NDArray[np.float32] | None = None) -> str:
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    if pixels is not None:
        digest.update(f"{pixels.shape} {pixels.dtype}".encode())
        digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


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


def _strided_spans(patches: TilePatches) -> list[tuple[int, int]]:
    """Return first and last row, and column, that the overlapping patches of a tile cover."""
    return [(int(corners[0]), int(corners[-1]) + patches.size) for corners in map(patches.along, (0, 1))]


def _cut(rgb: NDArray[np.float32], rows: tuple[int, int], columns: tuple[int, int]) -> NDArray[np.float32]:
    """Return a part of the image, reflected where it reaches beyond the border."""
    height, width = rgb.shape[:2]
    return rgb[reflected(*rows, height)][:, reflected(*columns, width)]
