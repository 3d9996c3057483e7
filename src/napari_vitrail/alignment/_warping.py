"""Images warped into the frame of another, block by block, in memory or lazily."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, Literal

import dask.array as da
import numpy as np
from dask.delayed import delayed
from scipy.interpolate import RectBivariateSpline
from scipy.ndimage import map_coordinates

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.alignment._fit import Alignment
    from napari_vitrail.tiling import Window

_SIDE = 1024  # pixels of a block, if each is one value
_PITCH = 16  # a thin plate is asked at every so many pixels, and is smooth between them
_MARGIN = 2  # pixels that linear interpolation, and rounding, look beyond a position


def warp_image(
    image: Any,
    alignment: Alignment,
    shape: tuple[int, ...],
    *,
    interpolation: Literal["linear", "nearest"] = "linear",
    fill: float = 0,
) -> Any:
    """Move an image into the frame of the fixed one.

    Parameters
    ----------
    image : (H, W, ...) array of any kind
        The moving image, or labels. Rows and columns come first; channels, or further planes, stay as they
        are. Only what a block needs is read at once, so a memory map or a zarr array will do.
    alignment : Alignment
        Such as `fit_alignment` returns, of the moving image to the fixed one.
    shape : (H, W, ...) tuple of int
        Of the fixed image; what follows rows and columns does not count.
    interpolation : {"linear", "nearest"}
        Nearest is for labels and masks, whose values have nothing between them.
    fill : number
        Of pixels that the moving image does not reach.

    Returns
    -------
    warped : (H, W, ...) array of the same data type
        Pixel (row, column) is where the fixed image has it. Lazy where the image is of dask: then nothing is
        computed yet, and each block takes memory for itself only.

    Raises
    ------
    ValueError
        If the image has no rows and columns, interpolation is unknown, the data type cannot hold the fill, or
        an image of two values is to be interpolated.

    Notes
    -----
    An image that becomes much smaller is not smoothed beforehand; give a level of its pyramid instead, with
    points that were scaled with it. A pixel is an area: the outermost reach half a pixel beyond their centre.
    """
    height, width = _checked(image, shape, interpolation, fill)
    side = max(int(_SIDE / np.sqrt(np.prod(image.shape[2:]))), 64)
    rows = [slice(start, min(start + side, height)) for start in range(0, height, side)]
    columns = [slice(start, min(start + side, width)) for start in range(0, width, side)]
    if isinstance(image, da.Array):
        blocks = [[(row, column) for column in columns] for row in rows]
        return _lazily(image, alignment, blocks, interpolation, fill)
    warped = np.empty((height, width, *image.shape[2:]), image.dtype)
    for block in product(rows, columns):
        seen, corner = _seen(image, alignment, block)
        warped[block] = _warped_block(np.asarray(seen), corner, alignment, block, interpolation, fill)
    return warped


def _lazily(
    image: da.Array, alignment: Alignment, blocks: list[list[Window]], interpolation: str, fill: float
) -> da.Array:
    """Return the warped image, of which each block is computed from the part of the image that it needs."""
    shared = delayed(alignment, traverse=False)  # once in the graph, not with every block

    def warped(block: Window) -> da.Array:
        seen, corner = _seen(image, alignment, block)
        shape = (*(part.stop - part.start for part in block), *image.shape[2:])
        values = delayed(_warped_block)(seen, corner, shared, block, interpolation, fill)
        return da.from_delayed(values, shape, image.dtype)

    rows = [da.concatenate([warped(block) for block in row], axis=1) for row in blocks]
    return da.concatenate(rows, axis=0)


def _warped_block(
    seen: NDArray[Any],
    corner: tuple[int, int],
    alignment: Alignment,
    block: Window,
    interpolation: str,
    fill: float,
) -> NDArray[Any]:
    """Return a block of the warped image from the part of the moving image that it needs."""
    positions = _positions(alignment, block) - np.reshape(corner, (2, 1, 1))
    shape = (*positions.shape[1:], *seen.shape[2:])
    warped = np.full(shape, fill, seen.dtype)
    sides = np.reshape(seen.shape[:2], (2, 1, 1))
    inside = ((positions >= -0.5) & (positions < sides - 0.5)).all(axis=0)
    if not inside.any():
        return warped
    found = np.clip(positions[:, inside], 0, sides[..., 0] - 1)
    if interpolation == "nearest":
        row, column = np.rint(found).astype(np.intp)
        warped[inside] = seen[row, column]
        return warped
    values = np.empty((found.shape[1], *seen.shape[2:]), seen.dtype)
    for channel in np.ndindex(seen.shape[2:]):
        values[:, *channel] = _interpolated(seen[:, :, *channel], found)
    warped[inside] = values
    return warped


def _interpolated(plane: NDArray[Any], positions: NDArray[np.float64]) -> NDArray[Any]:
    """Return values of a plane between its pixels, in its data type."""
    if plane.dtype.kind in "ui":
        values = map_coordinates(plane, positions, np.float64, order=1, mode="nearest")
        return np.rint(values).astype(plane.dtype)
    wide = plane.astype(np.promote_types(plane.dtype, np.float32), copy=False)  # SciPy knows no half floats
    return map_coordinates(wide, positions, order=1, mode="nearest").astype(plane.dtype, copy=False)


def _positions(alignment: Alignment, block: Window) -> NDArray[np.float64]:
    """Return where in the moving image the pixels of a block of the fixed one lie, (2, h, w)."""
    rows, columns = (np.arange(part.start, part.stop, dtype=np.float64) for part in block)
    if alignment.kind != "thin-plate":
        return _grid(alignment, rows, columns)
    nodes = [_nodes(part) for part in block]
    return np.stack(
        [RectBivariateSpline(*nodes, values)(rows, columns) for values in _grid(alignment, *nodes)]
    )


def _seen(image: Any, alignment: Alignment, block: Window) -> tuple[Any, tuple[int, int]]:
    """Return the part of the moving image that a block needs, and its first pixel."""
    if alignment.kind == "thin-plate":
        positions = _grid(alignment, *(_nodes(part) for part in block))
    else:
        corners = (np.array([part.start, part.stop - 1], np.float64) for part in block)
        positions = _grid(alignment, *corners)
        if not np.isfinite(positions).all():  # the horizon crosses the block
            positions = _positions(alignment, block)
    window = []
    for axis, places in enumerate(positions):
        places = places[np.isfinite(places)]
        first, last = (places.min(), places.max()) if places.size else (0, 0)
        side = image.shape[axis]
        start = int(np.clip(np.floor(first) - _MARGIN, 0, side - 1))
        window.append(slice(start, int(np.clip(np.ceil(last) + _MARGIN + 1, start + 1, side))))
    return image[window[0], window[1]], (window[0].start, window[1].start)


def _nodes(part: slice) -> NDArray[np.float64]:
    """Return places along a side of a block, and a pixel beyond its ends, that are close enough."""
    return np.linspace(part.start - 1, part.stop, max(4, (part.stop - part.start) // _PITCH + 2))


def _grid(
    alignment: Alignment, rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return where in the moving image a grid of places lies, (2, h, w)."""
    places = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1)
    return np.moveaxis(alignment.to_moving(places.reshape(-1, 2)).reshape(places.shape), -1, 0)


def _checked(image: Any, shape: tuple[int, ...], interpolation: str, fill: float) -> tuple[int, int]:
    """Return rows and columns of what is made."""
    if len(image.shape) < 2 or 0 in image.shape:
        raise ValueError(f"image must have rows and columns, got shape {tuple(image.shape)}")
    if len(shape) < 2 or min(shape[:2]) < 1:
        raise ValueError(f"shape must be rows and columns, one or more of each, got {tuple(shape)}")
    if interpolation not in ("linear", "nearest"):
        raise ValueError(f"interpolation must be 'linear' or 'nearest', got {interpolation!r}")
    if interpolation == "linear" and image.dtype.kind not in "uifc":
        raise ValueError(f"interpolation must be 'nearest' for an image of {image.dtype}, got 'linear'")
    whole = np.iinfo(image.dtype) if image.dtype.kind in "ui" else None
    if whole and not (whole.min <= fill <= whole.max and float(fill).is_integer()):
        raise ValueError(f"fill must fit the data type of the image, {image.dtype}, got {fill}")
    return int(shape[0]), int(shape[1])
