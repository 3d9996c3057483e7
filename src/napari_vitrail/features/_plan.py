"""What a spec will take on an image, said beforehand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, prod
from typing import TYPE_CHECKING

from napari_vitrail.backbones import QUERY_CHUNK
from napari_vitrail.features._classical import CLASSICAL_CHANNELS
from napari_vitrail.features._lattice import Lattice, LatticeTile, query_lattice, strided_lattice, tiles
from napari_vitrail.features._transforms import View, views

if TYPE_CHECKING:
    from napari_vitrail.backbones import BackboneInfo
    from napari_vitrail.spec import FeatureSpec

_FLOAT = 4
_WORKING_SET = 24 << 20
"""Bytes of buffers of torch and of the allocator that stay, whatever is computed."""
_COPIES_IN_BLOCK = 17
"""Arrays of the size of a pass's tokens that are alive at once inside a block; measured."""
_COPIES_OF_ANSWERS = 2
"""The answers of a tile as collected and as blended."""
_COPIES_OF_PIXELS = 3
"""Of an image in 32 bits while it is scaled and stretched: before, after, and in between."""


@dataclass(frozen=True)
class Plan:
    """What computing the features of an image will take.

    Attributes
    ----------
    tiles : int
        Tiles of the image, each seen by the network as often as there are views.
    passes : int
        Passes of the network over a tile.
    patches : int
        Patches that pass the network, all passes together.
    queries : int
        Positions that are asked between those of the patch grids.
    peak_bytes : int
        Most memory in use at a time beyond the imported libraries: weights, image, tokens and result,
        all on the CPU. A store adds what it keeps in memory.
    """

    tiles: int
    passes: int
    patches: int
    queries: int
    peak_bytes: int


def plan_features(shape: tuple[int, ...], spec: FeatureSpec, info: BackboneInfo) -> Plan:
    """Return what `extract_features` will take; the plan of tiles follows from shape and spec alone.

    Parameters
    ----------
    shape : (H, W) or (H, W, C)
        Of the image.
    spec : FeatureSpec
    info : BackboneInfo
        Of the backbone that the spec names.

    Notes
    -----
    What is needed was measured to lie within 25 % of the plan, see ``python -m benchmarks memory``; freed
    memory that the C library keeps for later comes on top.
    """
    seen = tuple(max(round(side * spec.magnification), 1) for side in shape[:2])
    pixels = prod(seen) * 3 * _FLOAT
    plan = _plan_vit((seen[0], seen[1]), spec, info) if spec.uses_vit else Plan(0, 0, 0, 0, 0)
    peak = max(plan.peak_bytes + pixels, _COPIES_OF_PIXELS * pixels)
    if spec.features != "vit":
        width = len(CLASSICAL_CHANNELS) + (info.width if spec.uses_vit else 0)
        peak += prod(shape[:2]) * width * _FLOAT
    return replace(plan, peak_bytes=peak)


def _plan_vit(shape: tuple[int, int], spec: FeatureSpec, info: BackboneInfo) -> Plan:
    queried, size = spec.sampling == "queries", info.patch_size
    lattice = query_lattice(shape, size, spec.stride) if queried else strided_lattice(shape, size, spec)
    plan = list(tiles(lattice, shape, spec))
    averaged = views(spec)
    row = info.width * _FLOAT
    number = _FLOAT if spec.dtype in ("auto", "float32") else _FLOAT // 2
    contexts = [prod(ceil((part.stop - part.start) / size) for part in tile.window) for tile in plan]
    answers = [prod(part.stop - part.start for part in tile.cells) for tile in plan]
    together = 1 if queried else min(spec.batch, len(averaged))
    largest = max(answers) * together
    if queried:
        kept = 2 * info.depth * max(contexts) * info.width * number
        inside = _COPIES_IN_BLOCK * row * max(max(contexts), min(QUERY_CHUNK["cpu"], largest))
    else:
        kept, inside = 0, _COPIES_IN_BLOCK * row * largest
    result = prod(lattice.shape) * row
    if not queried and spec.averages:
        # the sum, a copy's features on the pixels, and those put back; other copies on their lattice
        result = (3 * prod(shape) + (together - 1) * prod(lattice.shape)) * row
    peak = info.megabytes * 10**6 + _WORKING_SET + kept + inside + _COPIES_OF_ANSWERS * largest * row + result
    queries = sum(_between(lattice, tile, view) for tile in plan for view in averaged) if queried else 0
    patches = len(averaged) * sum(contexts if queried else answers)
    return Plan(len(plan), len(averaged) * len(plan), patches, queries, int(peak))


def _between(lattice: Lattice, tile: LatticeTile, view: View) -> int:
    """Return how many patches of a tile do not lie on the patch grid of a view."""
    size, on_grid, count = lattice.patch_size, 1, 1
    for axis, (window, cells) in enumerate(zip(tile.window, tile.cells, strict=True)):
        corners = lattice.corners(axis)[cells] - window.start + view.shift[axis]
        side = ceil((window.stop - window.start) / size) * size  # a flip leaves the distance from the grid
        on_grid *= int(((corners % size == 0) & (corners >= 0) & (corners < side)).sum())
        count *= len(corners)
    return count - on_grid
