"""Which tokens a spec asks of an image: the lattice of their corners, and its way through the tiles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import ceil, floor
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.grid import Grid
from napari_vitrail.tiling import blend_weights, overlapping, tile_sides

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.spec import FeatureSpec


@dataclass(frozen=True)
class Lattice:
    """Corners of patches at ``first + stride * i`` along each axis.

    Attributes
    ----------
    shape : (rows, columns)
        Number of patches along each axis.
    first : (y, x) in pixels
        Corner of the first patch; may lie outside the image, whose margin is reflected.
    patch_size, stride : int, pixels
    """

    shape: tuple[int, int]
    first: tuple[int, int]
    patch_size: int
    stride: int

    @property
    def grid(self) -> Grid:
        """The grid of the patches' centres."""
        half = (self.patch_size - 1) / 2
        stride = float(self.stride)
        return Grid(self.shape, (self.first[0] + half, self.first[1] + half), (stride, stride))

    def corners(self, axis: int) -> NDArray[np.intp]:
        """Return the corners along one axis, in pixels."""
        return self.first[axis] + self.stride * np.arange(self.shape[axis])


def query_lattice(image_shape: tuple[int, int], patch_size: int, stride: int) -> Lattice:
    """Return the patches whose centres lie in the image, the patch grid's phase among them."""
    spans = [_centred_inside(side, patch_size, stride) for side in image_shape]
    (first0, count0), (first1, count1) = spans
    return Lattice((count0, count1), (first0, first1), patch_size, stride)


def _centred_inside(side: int, patch_size: int, stride: int) -> tuple[int, int]:
    """Return the first corner and the number of corners along one axis."""
    half = (patch_size - 1) / 2
    start = ceil((-0.5 - half) / stride)
    stop = floor((side - 0.5 - half) / stride)
    if stop < start:  # no centre of this phase: one patch round the middle
        return round((side - patch_size) / 2), 1
    return stride * start, stop - start + 1


def strided_lattice(image_shape: tuple[int, int], patch_size: int, spec: FeatureSpec) -> Lattice:
    """Return the overlapping patches of both papers, over the padded or cropped image."""
    if spec.fit == "crop":
        sides = [max(side // patch_size, 1) * patch_size for side in image_shape]
        first = tuple((side % patch_size) // 2 if side > patch_size else 0 for side in image_shape)
        counts = [1 + (side - patch_size) // spec.stride for side in sides]
    else:
        first = (0, 0)
        counts = [1 + ceil(max(side - patch_size, 0) / spec.stride) for side in image_shape]
    return Lattice((counts[0], counts[1]), (first[0], first[1]), patch_size, spec.stride)


@dataclass(frozen=True)
class LatticeTile:
    """The part of a lattice that one pass of the network answers.

    Attributes
    ----------
    window : (rows, columns) slices in pixels
        What the pass sees.
    cells : (rows, columns) slices
        Which patches of the lattice lie in it.
    weights : (rows, columns) float32
        How much each of them counts where tiles overlap.
    """

    window: tuple[slice, slice]
    cells: tuple[slice, slice]
    weights: NDArray[np.float32]


def tiles(lattice: Lattice, image_shape: tuple[int, int], spec: FeatureSpec) -> Iterator[LatticeTile]:
    """Yield the tiles of an image, each with its part of the lattice."""
    patch = lattice.patch_size
    size, overlap = tile_sides(spec.tile, spec.halo, patch)
    windows = [overlapping(side, size, overlap, step=patch) for side in image_shape]
    for rows, columns in product(*windows):
        row_cells, row_weights = _cells_in(rows, windows[0], lattice, 0)
        column_cells, column_weights = _cells_in(columns, windows[1], lattice, 1)
        weights = row_weights[:, None] * column_weights[None, :]
        yield LatticeTile((rows, columns), (row_cells, column_cells), weights)


def _cells_in(
    window: slice, windows: list[slice], lattice: Lattice, axis: int
) -> tuple[slice, NDArray[np.float32]]:
    centres = lattice.corners(axis) + (lattice.patch_size - 1) / 2
    weights = blend_weights(window, windows, centres)
    inside = np.flatnonzero(weights > 0)
    cells = slice(int(inside[0]), int(inside[-1]) + 1)
    return cells, weights[cells]


@dataclass(frozen=True)
class TilePatches:
    """The patches of a lattice that lie in one tile, and which of them are wanted.

    Attributes
    ----------
    lattice : Lattice
    tile : LatticeTile
    wanted : (rows, columns) bool
    """

    lattice: Lattice
    tile: LatticeTile
    wanted: NDArray[np.bool_]

    @property
    def size(self) -> int:
        """The patch size in pixels."""
        return self.lattice.patch_size

    @property
    def window(self) -> tuple[slice, slice]:
        """The tile's rows and columns of the image."""
        return self.tile.window

    def along(self, axis: int) -> NDArray[np.intp]:
        """Return the corners along one axis, in the image."""
        return self.lattice.corners(axis)[self.tile.cells[axis]]

    def corners(self) -> NDArray[np.intp]:
        """Return the corners (n, 2) of the wanted patches, in the tile."""
        cells = np.nonzero(self.wanted)
        return np.column_stack([self.along(axis)[cells[axis]] - self.window[axis].start for axis in (0, 1)])
