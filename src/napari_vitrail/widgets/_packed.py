"""Data of our results: plain, packed in memory, or a packed pyramid where a plane is too large to draw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import zarr
from napari.layers import Image, Labels
from numpy.typing import NDArray

from napari_vitrail.planes import Index

PACKED_SIDE = 512
"""Pixels a side that are packed together."""
_FACTOR = 4
_DRAWN_SIDE = 2048
"""Pixels a side, at most, of the coarsest level of a pyramid."""


def empty(shape: tuple[int, ...], dtype: np.dtype, lazy: bool) -> Any:
    """Return an array of zeros; for images that may not fit into memory one that is packed in memory."""
    if not lazy:
        return np.zeros(shape, dtype)
    return _packed(shape, dtype, (len(shape) - 2, len(shape) - 1))


def empty_pyramid(shape: tuple[int, ...], dtype: np.dtype, axes: Sequence[int]) -> list[Any]:
    """Return the levels of a packed pyramid of zeros, of which some axes become coarser."""
    levels = [_packed(shape, dtype, axes)]
    while max(shape[axis] for axis in axes) > _DRAWN_SIDE:
        shape = tuple(-(-side // _FACTOR) if axis in axes else side for axis, side in enumerate(shape))
        levels.append(_packed(shape, dtype, axes))
    return levels


def _packed(shape: tuple[int, ...], dtype: np.dtype, axes: Sequence[int]) -> zarr.Array:
    """Return zeros that are packed in memory, squares along two axes together."""
    chunks = tuple(min(side, PACKED_SIDE) if axis in axes else 1 for axis, side in enumerate(shape))
    return zarr.create_array(zarr.storage.MemoryStore(), shape=shape, dtype=dtype, chunks=chunks)


def strips(shape: tuple[int, ...]) -> Iterator[Index]:
    """Yield indices that cover an array, of rows that are packed together."""
    for at in np.ndindex(shape[:-2]):
        for row in range(0, shape[-2], PACKED_SIDE):
            yield (*at, slice(row, row + PACKED_SIDE), slice(None))


def finest(layer: Image | Labels) -> Any:
    """Return the data of a result of ours at full resolution, as they are."""
    return layer.data[0] if layer.multiscale else layer.data


def set_data(layer: Image | Labels, data: Any) -> None:
    """Give a result of ours data, those it has to say that they have changed.

    napari shows the coarsest level of a pyramid then, at the corners that it remembers of another.
    """
    if layer.multiscale:
        layer.corner_pixels = np.array([np.zeros(layer.ndim), np.array(data[-1].shape) - 1], int)
    layer.data = data


def write(layer: Image | Labels, index: Index, values: NDArray[Any]) -> None:
    """Write values into the data of a result of ours, into every level of a pyramid."""
    write_levels(layer.data if layer.multiscale else [layer.data], index, values)


def write_levels(levels: Sequence[Any], index: Index, values: NDArray[Any]) -> None:
    """Write values into all levels of a pyramid; a coarser one has every so many pixels."""
    for level in levels:
        factors = [-(-fine // coarse) for fine, coarse in zip(levels[0].shape, level.shape, strict=True)]
        where: list[int | slice] = []
        taken = []
        for at, factor, side in zip(index, factors, levels[0].shape, strict=True):
            if isinstance(at, slice):
                start, stop, _ = at.indices(side)
                first = -(-start // factor)
                where.append(slice(first, -(-stop // factor)))
                taken.append(slice(first * factor - start, None, factor))
            else:
                where.append(at)
        level[tuple(where)] = values[tuple(taken)]
