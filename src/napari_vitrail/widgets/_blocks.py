"""Planes too large to be worked on as a whole: blocks of them, in view, painted, or all there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from types import MappingProxyType
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from napari import Viewer
from napari.components import Dims
from napari.layers import Image

from napari_vitrail.blocks import CELL_SIDE, Blocks, is_large, overview_windows
from napari_vitrail.overlay import PlaneOverlay
from napari_vitrail.planes import PlanePixels
from napari_vitrail.progress import Progress, Steps
from napari_vitrail.recent import Recent
from napari_vitrail.spec import FeatureSpec
from napari_vitrail.tiling import Tile, Window
from napari_vitrail.widgets._image_plane import Channels, ImagePlane
from napari_vitrail.widgets._planes import (
    Painted,
    read_plane,
    read_strokes,
    shape_of,
    shown_axes,
    shown_window,
)

SEEN_SIDE = 2000
"""Pixels a side of the part in view, its middle, that is worked on at once."""
STROKES_SIDE = 4096
"""Pixels a side of a layer of strokes on a large plane: what graphics cards draw pixel by pixel."""
_OVERVIEW_BYTES = 1 << 28


class _Overview(PlanePixels):
    """Pixels from all over a plane."""

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return self.pixels.nbytes + sum(own.nbytes for own in self.extra.values())


_overviews: Recent[_Overview] = Recent(_OVERVIEW_BYTES)
_numbers: WeakKeyDictionary[Image, tuple[Any, int]] = WeakKeyDictionary()  # the data seen, and their number
_count = count()


def block_in_view(viewer: Viewer, plane: ImagePlane, image: Image, spec: FeatureSpec) -> ImagePlane:
    """Return the part of a plane to work on: all of it, of a large one what the canvas shows."""
    if not is_large(plane.sides):
        return plane
    window = middle_of(shown_window(viewer, image, plane), SEEN_SIDE)
    return block_of(plane, image, Blocks.of(plane.sides, spec, CELL_SIDE).around(window))


def blocks_of(
    viewer: Viewer, planes: Sequence[ImagePlane], image: Image, spec: FeatureSpec
) -> list[ImagePlane]:
    """Return planes of an image, large ones in blocks of which all is made, those near the view first."""
    found = []
    for plane in planes:
        if not is_large(plane.sides):
            found.append(plane)
            continue
        shown = shown_window(viewer, image, plane)
        tiles = sorted(Blocks.of(plane.sides, spec), key=lambda tile: _distance(tile.inner, shown))
        found += [block_of(plane, image, tile) for tile in tiles]
    return found


def _distance(window: Window, shown: Window) -> int:
    """Return how far the middles of two windows are apart, in half pixels along the longer way."""
    return max(abs(a.start + a.stop - b.start - b.stop) for a, b in zip(window, shown, strict=True))


def block_of(plane: ImagePlane, image: Image, tile: Tile) -> ImagePlane:
    """Return a block of a plane, which is seen as the plane is as a whole."""
    extra = {name: overlay.within(tile.outer) for name, overlay in plane.extra.items()}
    return replace(
        plane,
        index=plane.within(tile.inner),
        extra=MappingProxyType(extra),
        block=tile,
        overview=partial(_overview_of, plane, _number_of(image)),
    )


def has_large_planes(image: Image, dims: Dims, channels: Channels) -> bool:
    """Whether the planes of an image that are parallel to the one in view are worked on in blocks."""
    shape = shape_of(image, channels)
    try:
        return is_large(tuple(shape[axis] for axis in shown_axes(image, dims)))
    except ValueError:  # no plane is in view
        return False


def paintable_window(viewer: Viewer, image: Image, channels: Channels) -> Window | None:
    """Return the part of a large plane that new strokes cover, what is in view; None of any other plane."""
    if not has_large_planes(image, viewer.dims, channels):
        return None
    plane = read_plane(image, viewer.dims, channels)
    shown = shown_window(viewer, image, plane)
    parts = []
    for part, side in zip(shown, plane.sides, strict=True):
        start = (part.start + part.stop - STROKES_SIDE) // 2
        start = min(max(start, 0), max(side - STROKES_SIDE, 0))
        parts.append(slice(start, min(start + STROKES_SIDE, side)))
    return parts[0], parts[1]


def middle_of(window: Window, side: int) -> Window:
    """Return the middle of a window, at most so many pixels a side."""
    parts = []
    for part in window:
        start = max(part.start, (part.start + part.stop - side) // 2)
        parts.append(slice(start, min(part.stop, start + side)))
    return parts[0], parts[1]


def painted_steps(
    planes: Sequence[tuple[ImagePlane, PlaneOverlay]], image: Image, spec: FeatureSpec
) -> Steps[list[Painted]]:
    """Yield Progress; return the planes that are painted, of large ones the blocks, and the strokes on each.

    Parameters
    ----------
    planes : sequence of ImagePlane and PlaneOverlay
        Of an image, each with its strokes; those on large planes are read block by block.
    image : Image
    spec : FeatureSpec
        What is to be learned.
    """
    if not planes or not is_large(planes[0][0].sides):
        return (yield from read_strokes(planes))
    painted: list[Painted] = []
    for done, (plane, strokes) in enumerate(planes, start=1):
        cells = Blocks.of(plane.sides, spec, CELL_SIDE)
        for block in Blocks.of(plane.sides, spec):
            seen = strokes.within(block.inner)
            if seen.overlaps:
                yield Progress(done - 1, len(planes), "reading strokes")
                painted += _painted_cells(plane, image, cells, block, seen.read())
    yield Progress(len(planes), len(planes), "reading strokes")
    return painted


def _painted_cells(
    plane: ImagePlane, image: Image, cells: Blocks, block: Tile, labels: np.ndarray
) -> list[Painted]:
    """Return the cells that are painted within a block, and the strokes there; each pixel counts once."""
    found = []
    for cell in cells.meeting(block.inner):
        strokes = np.zeros([part.stop - part.start for part in cell.outer], labels.dtype)
        shared = _shared(cell.inner, block.inner)
        own = labels[_seen_from(shared, block.inner)]
        if own.any():
            strokes[_seen_from(shared, cell.outer)] = own
            found.append((block_of(plane, image, cell), strokes))
    return found


def _shared(window0: Window, window1: Window) -> Window:
    rows, columns = (
        slice(max(part0.start, part1.start), min(part0.stop, part1.stop))
        for part0, part1 in zip(window0, window1, strict=True)
    )
    return rows, columns


def _seen_from(window: Window, outer: Window) -> Window:
    rows, columns = (
        slice(part.start - own.start, part.stop - own.start) for part, own in zip(window, outer, strict=True)
    )
    return rows, columns


def _number_of(image: Image) -> int:
    """Return a number that no other data have, of this layer or of any."""
    seen, number = _numbers.get(image, (None, -1))
    if seen is not image.data:
        number = next(_count)
        _numbers[image] = image.data, number
    return number


def _overview_of(plane: ImagePlane, number: int) -> PlanePixels:
    """Return pixels from all over a plane, read once."""
    key = f"{number} {plane.index} {plane.channels}"
    found = _overviews.get(key)
    if found is None:
        looks = [_read_at(plane, window) for window in overview_windows(plane.sides)]
        rows = 1 if plane.channels.chosen else 0  # channels come first
        pixels = np.concatenate([look.pixels for look in looks], axis=rows)
        extra = {name: np.concatenate([look.extra[name] for look in looks]) for name in plane.extra}
        found = _Overview(pixels, extra)
        _overviews.put(key, found)
    return found


def _read_at(plane: ImagePlane, window: Window) -> PlanePixels:
    extra = {name: overlay.within(window) for name, overlay in plane.extra.items()}
    return replace(plane, index=plane.within(window), extra=extra).read_pixels()
