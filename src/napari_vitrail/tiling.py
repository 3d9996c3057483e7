"""Cutting images into tiles: exact ones for local filters, overlapping blended ones for a ViT."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

Window = tuple[slice, slice]


@dataclass(frozen=True)
class Tile:
    """A part of an image that is computed together with its surroundings.

    ::

        outer ┌───────────────┐   outer: what is read, in the image
              │ halo          │   inner: what is kept, in the image
              │   ┌───────┐   │   local: what is kept, in the tile
              │   │ inner │   │
              │   └───────┘   │
              └───────────────┘
    """

    outer: Window
    inner: Window
    local: Window

    def moved(self, origin: tuple[int, int]) -> Tile:
        """Return the tile as seen from a window of the image that begins at `origin`."""
        parts = [_moved(part, start) for part, start in zip(self.inner, origin, strict=True)]
        return Tile(self.outer, (parts[0], parts[1]), self.local)


def _moved(part: slice, start: int) -> slice:
    return slice(part.start - start, part.stop - start)


def as_window(window: Window, shape: tuple[int, ...]) -> Window:
    """Return a window with its ends, cut at those of the image.

    Raises
    ------
    ValueError
        If nothing of the image lies in it, or it leaves out rows or columns.
    """
    rows, columns = (range(*part.indices(side)) for part, side in zip(window, shape[:2], strict=True))
    if not rows or not columns or rows.step != 1 or columns.step != 1:
        raise ValueError(f"window must be two slices that hold pixels of the image {shape[:2]}, got {window}")
    return slice(rows.start, rows.stop), slice(columns.start, columns.stop)


def split(shape: tuple[int, int], size: int, halo: int, window: Window | None = None) -> list[Tile]:
    """Return tiles whose inner parts cover an image, or a window of it, exactly once, row by row.

    Tiles meet at multiples of `size` of the image: those of a window are parts of the image's.

    Parameters
    ----------
    shape : (H, W)
        Shape of the image.
    size : int, pixels
        Largest side of an inner part.
    halo : int, pixels
        How far the outer part reaches beyond the inner one, cut at the image's border.
    window : (rows, columns) slices, optional
        See `as_window`.
    """
    parts = window or (slice(0, shape[0]), slice(0, shape[1]))
    rows, columns = (_split_side(side, size, halo, part) for side, part in zip(shape, parts, strict=True))
    return [Tile(*((row[part], column[part]) for part in range(3))) for row, column in product(rows, columns)]


def _split_side(side: int, size: int, halo: int, part: slice) -> list[tuple[slice, slice, slice]]:
    parts = []
    start = part.start
    while start < part.stop:
        stop = min((start // size + 1) * size, part.stop)
        outer = slice(max(start - halo, 0), min(stop + halo, side))
        parts.append((outer, slice(start, stop), slice(start - outer.start, stop - outer.start)))
        start = stop
    return parts


SINGLE_TILE = 1.25
"""Sides up to this many tiles are seen whole: a sliver of a second tile would see too little."""


def tile_sides(tile: int, halo: int, patch_size: int) -> tuple[int, int]:
    """Return the side of tiles and their least overlap for a network with patches of a size."""
    size = max(tile // patch_size, 1) * patch_size
    return size, min(halo, size - patch_size)


def tile_pitch(size: int, overlap: int, step: int) -> int:
    """Return how far apart tiles are at most, a multiple of `step`; exactly so where the side allows it."""
    return max((size - overlap) // step, 1) * step


def overlapping(side: int, size: int, overlap: int, *, step: int = 1) -> list[slice]:
    """Return windows of `size` along a side, evenly spaced, overlapping by at least `overlap`.

    Windows start at multiples of `step`, of which `size` is one too: the patch grids of all windows are
    then parts of one. The last window is cut at the end of the side.
    """
    if side <= SINGLE_TILE * size:
        return [slice(0, side)]
    last = -(-(side - size) // step)
    count = -(-last * step // tile_pitch(size, overlap, step)) + 1
    starts = np.rint(np.linspace(0, last, count)).astype(int) * step
    return [slice(int(start), min(int(start) + size, side)) for start in starts]


def blend_weights(
    window: slice, windows: list[slice], positions: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Return the weight of a window at positions along a side: a ramp over each overlap.

    The weights of all windows at one position sum to 1, except that where three windows meet they
    must be divided by their sum.
    """
    index = windows.index(window)
    weights = np.ones(len(positions), np.float32)
    if index > 0:
        overlap = windows[index - 1].stop - window.start
        weights *= _entered(window, overlap, positions)
    if index < len(windows) - 1:
        overlap = window.stop - windows[index + 1].start
        weights *= 1 - _entered(windows[index + 1], overlap, positions)
    return weights


def _entered(window: slice, overlap: int, positions: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return how far positions have entered a window: 0 to 1 over its overlap with the one before."""
    depth = positions - window.start + 0.5
    return (np.clip(depth / overlap, 0, 1) if overlap else depth >= 0).astype(np.float32)


def reflected(start: int, stop: int, side: int) -> NDArray[np.intp]:
    """Return the indices start ... stop - 1 of an axis continued by reflection (no edge repeat)."""
    if side == 1:
        return np.zeros(stop - start, np.intp)
    period = 2 * (side - 1)
    position = np.arange(start, stop) % period
    return np.minimum(position, period - position).astype(np.intp)
