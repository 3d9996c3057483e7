"""Log-binning: a descriptor that knows its neighbourhood, finely near by and coarsely further away."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from math import isqrt
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from napari_vitrail.features._product import product
from napari_vitrail.features._similarity import BLOCK_VALUES, DescriptorGrid, Descriptors, unit_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_vitrail.grid import FeatureGrid, Grid

_STEPS = (-1, 0, 1)


@dataclass(frozen=True)
class BinnedGrid(Descriptors):
    """Log-binned descriptors of a grid, which are compared without being written out.

    A binned descriptor is that of a cell and those of rings of neighbours side by side. Written out, those
    of a grid take 17 times the memory for two rings. But the product of two is the sum of the products of
    their bins, and a bin is what another cell has in its middle: sums of shifted similarities.

    Attributes
    ----------
    values : (h, w, D) float array
        Ring 0: the bins are the cell itself and its neighbours.
    means : tuple of (h, w, D) float arrays
        Further rings k: means of ``3**k`` x ``3**k`` cells, ``3**k`` cells away from where they count.
    lengths : (h, w) float32
        Of the binned descriptors before they are scaled to length 1; 1 where everything is zero.
    grid : Grid
        Where the cells sit in the image.

    References
    ----------
    Amir et al. (2021), section 3.3.
    """

    values: NDArray[np.floating]
    means: tuple[NDArray[np.floating], ...]
    lengths: NDArray[np.float32]
    grid: Grid

    @classmethod
    def of(cls, features: FeatureGrid, hierarchy: int) -> BinnedGrid:
        """Return the descriptors of dense features with a number of rings, at least 1.

        Raises
        ------
        ValueError
            If `hierarchy` is below 1.
        """
        if hierarchy < 1:
            raise ValueError(f"hierarchy must be at least 1, got {hierarchy}")
        rings = tuple(_means(features.values, 3**ring) for ring in range(hierarchy))
        squares = np.zeros(features.grid.shape, np.float32)
        for ring, means in enumerate(rings):
            lengths = (means.astype(np.float32) ** 2).sum(axis=2)
            for step in _steps(ring):
                rows, columns = _shifted(features.grid.shape, step)
                squares += lengths[rows[:, None], columns]
        squares[squares == 0] = 1
        return cls(rings[0], rings[1:], np.sqrt(squares), features.grid)

    @property
    def width(self) -> int:
        """Number of values of a descriptor."""
        return self.values.shape[2] * (9 + 8 * len(self.means))

    @property
    def rings(self) -> tuple[NDArray[np.floating], ...]:
        """What bins are taken from: the cells themselves, then means of ``3**k`` x ``3**k`` cells each."""
        return self.values, *self.means

    @property
    def plain(self) -> DescriptorGrid:
        """The descriptors of the cells alone, without their neighbours."""
        return DescriptorGrid(unit_rows(self.values), self.grid)

    def placed(self, grid: Grid) -> BinnedGrid:
        """Return the same descriptors on a grid of the same shape."""
        return replace(self, grid=grid)

    def rows(self, cells: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return the descriptors (n, d) of cells (n, 2), written out.

        By ring, then from the upper left to the lower right; the cell itself is the fifth bin of ring 0.
        Where the grid ends, its outermost cells stand for what is missing.
        """
        last = np.array(self.grid.shape) - 1
        parts = [
            means[tuple(np.clip(cells + step, 0, last).T)]
            for ring, means in enumerate(self.rings)
            for step in _steps(ring)
        ]
        return np.concatenate(parts, axis=1, dtype=np.float32) / self.lengths[tuple(cells.T)][:, None]

    def similarities(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the cosine similarities (n, h * w) of every cell to descriptors (n, d) of any image."""
        found = np.zeros((len(rows), *self.grid.shape), np.float32)
        at_a_time = max(BLOCK_VALUES // (9 * self.lengths.size), 1)
        for start in range(0, len(rows), at_a_time):
            part = slice(start, start + at_a_time)
            self._add_similarities(found[part], rows[part])
        return (found / self.lengths).reshape(len(rows), -1)

    def _add_similarities(self, total: NDArray[np.float32], rows: NDArray[np.float32]) -> None:
        """Add to (n, h, w) the products of descriptors (n, d) with those of all cells."""
        bins = rows.reshape(len(rows), -1, self.values.shape[2])
        for ring, means in enumerate(self.rings):
            steps = _steps(ring)
            own, bins = bins[:, : len(steps)], bins[:, len(steps) :]
            flat = means.reshape(-1, means.shape[2])
            maps = product(own.reshape(-1, flat.shape[1]), flat.T).reshape(*own.shape[:2], *self.grid.shape)
            for index, step in enumerate(steps):
                rows_, columns = _shifted(self.grid.shape, step)
                total += maps[:, index][:, rows_[:, None], columns]

    def blocks(self, other: Descriptors) -> Iterator[tuple[NDArray[np.intp], Tensor]]:
        """Yield some cells (k,), counted in raster order, and their similarities to another's (k, m)."""
        assert isinstance(other, BinnedGrid)  # of the same spec
        seconds = [torch.from_numpy(means).float() for means in other.rings]
        lengths = torch.from_numpy(other.lengths)
        for rows, columns in self._parts(other.lengths.size):
            block = torch.zeros((len(rows), len(columns), *other.grid.shape))
            for ring, means in enumerate(self.rings):
                _add_ring(block, means, seconds[ring], ring, (rows, columns))
            own = self.lengths[rows[:, None], columns]
            block /= torch.from_numpy(own)[:, :, None, None]
            block /= lengths
            yield (rows[:, None] * self.grid.shape[1] + columns).ravel(), block.view(own.size, -1)

    def _parts(self, others: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Yield rows and columns of parts of the grid: whole rows, or squares where these would be flat."""
        height, width = self.grid.shape
        count = max(BLOCK_VALUES // others, 1)
        tall, wide = count // width, width
        if tall < 3 ** (1 + len(self.means)):  # each part also needs what is round it
            tall = wide = isqrt(count)
        for top, left in itertools.product(range(0, height, tall), range(0, width, wide)):
            yield np.arange(top, min(top + tall, height)), np.arange(left, min(left + wide, width))


def _steps(ring: int) -> list[tuple[int, int]]:
    """Return how many cells down and to the right the bins of a ring are."""
    reach = 3**ring
    return [(reach * down, reach * right) for down, right in itertools.product(_STEPS, repeat=2)
            if not ring or down or right]  # fmt: skip


def _shifted(shape: tuple[int, int], step: tuple[int, int]) -> list[NDArray[np.intp]]:
    """Return the rows and columns a step away from those of a grid; its outermost ones beyond its end."""
    return [np.clip(np.arange(size) + offset, 0, size - 1) for size, offset in zip(shape, step, strict=True)]


def _means(values: NDArray[np.floating], size: int) -> NDArray[np.floating]:
    """Return the mean of the `size` x `size` cells round each; what is beyond the grid is not counted."""
    if size == 1:
        return values
    tensor = torch.from_numpy(np.ascontiguousarray(values, np.float32)).permute(2, 0, 1)[None]
    means = functional.avg_pool2d(tensor, size, 1, size // 2, count_include_pad=False)
    return np.ascontiguousarray(means[0].permute(1, 2, 0).numpy())


def _add_ring(
    total: Tensor, means: NDArray[np.floating], others: Tensor, ring: int,
    part: tuple[NDArray[np.intp], NDArray[np.intp]],
) -> None:  # fmt: skip
    """Add the products of one ring's bins to those of some cells with all others (k, l, h, w).

    Every product of two cells is computed once and counts in eight or nine places, added up along rows and
    columns one after the other. `part` has the rows and columns of the cells.
    """
    reach = 3**ring
    rows, columns = (
        np.clip(np.arange(cells[0] - reach, cells[-1] + reach + 1), 0, size - 1)
        for cells, size in zip(part, means.shape[:2], strict=True)
    )
    own = torch.from_numpy(means[rows[:, None], columns]).float()
    products = torch.tensordot(own, others, dims=([2], [2]))
    (tall, wide), (height, width) = total.shape[:2], total.shape[2:]
    along = torch.zeros(tall, len(columns), height, width)
    for step in _STEPS:
        shifted = products.narrow(0, reach * (1 + step), tall)
        for target, source in _overlaps(height, reach * step):
            along[:, :, target] += shifted[:, :, source]
    for step in _STEPS:
        shifted = along.narrow(1, reach * (1 + step), wide)
        for target, source in _overlaps(width, reach * step):
            total[..., target] += shifted[..., source]
    if ring:
        total -= products.narrow(0, reach, tall).narrow(1, reach, wide)


def _overlaps(size: int, step: int) -> list[tuple[slice, slice]]:
    """Return where positions are and where those a step away come from; the outermost beyond the end."""
    step = max(-size, min(step, size))
    if not step:
        return [(slice(None), slice(None))]
    if step > 0:
        return [(slice(0, size - step), slice(step, size)), (slice(size - step, size), slice(size - 1, size))]
    return [(slice(-step, size), slice(0, size + step)), (slice(0, -step), slice(0, 1))]
