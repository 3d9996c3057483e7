"""Of how much of a stack objects are found at a time: a plane, or a volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from napari_vitrail.planes import Index
from napari_vitrail.widgets._image_plane import ImagePlane
from napari_vitrail.widgets._planes import axes_of, position_of

PLANE, PLANES, VOLUME = "plane", "planes", "volume"
EXTENTS = {"Plane in view": PLANE, "Every plane by itself": PLANES, "Whole volume": VOLUME}
_TIME, _DEPTH = {"t", "time", "frame", "frames"}, {"z", "depth"}
_BYTES_PER_PIXEL = 100
"""While objects of a volume are found, split and measured: 74 in one of 128 x 128 x 128, some to spare."""


@dataclass(frozen=True)
class Part:
    """A plane, or a volume of planes, whose objects are found together.

    Attributes
    ----------
    index : tuple of int and slice
        Where it sits in a layer of the shape of the planes.
    planes : tuple of ImagePlane
        In the order in which they lie.
    depth : int or None
        Axis of the index along which they lie; None of a plane.
    place : dict of str to int
        Where it is along the axes of which there are several, by what those are called.
    """

    index: Index
    planes: tuple[ImagePlane, ...]
    depth: int | None
    place: dict[str, int]

    def read(self) -> NDArray[Any]:
        """Return the pixels that are measured, read."""
        from napari_vitrail.image import main_of

        images = [main_of(plane.read())[plane.window or ...] for plane in self.planes]
        if self.depth is None:
            return images[0]
        return np.stack(images, axis=axes_of(self.index).index(self.depth))


def depth_axis(plane: ImagePlane) -> int | None:
    """Return the axis along which parallel planes make a volume, None where there is none.

    It is the one that is labelled z; else the last of those out of view that is not labelled as time.
    """
    names = {axis: _label(plane, axis).lower() for axis in _across(plane)}
    named = [axis for axis, name in names.items() if name in _DEPTH]
    candidates = named or [axis for axis, name in names.items() if name not in _TIME]
    return candidates[-1] if candidates else None


def parts_of(planes: Sequence[ImagePlane], *, depth: int | None = None) -> list[Part]:
    """Return the planes of a stack as parts, in order: each by itself, or volumes along an axis."""
    own: dict[tuple[int, ...], list[ImagePlane]] = {}
    for plane in sorted(planes, key=lambda plane: position_of(plane.index)):
        own.setdefault(position_of(_opened(plane.index, depth)), []).append(plane)
    return [
        Part(_opened(members[0].index, depth), tuple(members), depth, _place(members[0], depth))
        for members in own.values()
    ]


def memory_obstacle(plane: ImagePlane, depth: int) -> str:
    """Return why a volume does not fit into memory, nothing if it does."""
    sides = [plane.shape[axis] for axis in (*axes_of(plane.index), depth)]
    needed, free = int(np.prod(sides, dtype=np.int64)) * _BYTES_PER_PIXEL, psutil.virtual_memory().available
    if needed <= free:
        return ""
    return (
        f"a volume of {' x '.join(map(str, sides))} pixels takes {needed / 1e9:.1f} GB of memory, "
        f"{free / 1e9:.1f} GB are free: take every plane by itself"
    )


def _opened(index: Index, axis: int | None) -> Index:
    """Return an index that takes all along one more axis."""
    return tuple(slice(None) if number == axis else at for number, at in enumerate(index))


def _place(plane: ImagePlane, depth: int | None) -> dict[str, int]:
    """Return where a plane, or a volume, is along the axes of which there are several, by name."""
    usual = depth_axis(plane) if depth is None else None
    across = [(axis, at) for axis, at in enumerate(plane.index) if axis in _across(plane) and axis != depth]
    return {
        _label(plane, axis) or ("plane" if axis == usual else f"axis {axis}"): at
        for axis, at in across
        if isinstance(at, int)
    }


def _across(plane: ImagePlane) -> list[int]:
    """Return the axes out of view along which there are several planes."""
    return [axis for axis, size in enumerate(plane.shape) if size > 1 and axis not in axes_of(plane.index)]


def _label(plane: ImagePlane, axis: int) -> str:
    """Return what an axis is called, nothing where nobody has called it anything."""
    label = str(plane.to_world["axis_labels"][axis])
    return "" if label.lstrip("-").isdigit() else label
