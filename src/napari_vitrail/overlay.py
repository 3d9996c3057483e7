"""One layer as seen from the pixels of another: they may differ in size, scale, place and turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import affine_transform

from napari_vitrail.planes import Index, grey

NEAREST, LINEAR = 0, 1
_CLOSE = 1e-4
"""Pixels by which two layers may be apart and still lie on each other."""
_ROUND = 2
"""Pixels around what is seen that interpolation may read."""


@dataclass(frozen=True)
class PlaneOverlay:
    """A plane of one layer, to be read at the pixels of a plane of another.

    Attributes
    ----------
    data : array of any kind
        Of the layer that is read.
    index : tuple of int and slice, or None
        Where the plane lies in the data; None where the data have no such plane.
    matrix, offset : (2, 2) and (2,) float array
        From a row and column of the plane that is looked from to one of the plane that is read.
    shape : (H, W)
        Of the plane that is looked from.
    """

    data: Any
    index: Index | None
    matrix: NDArray[np.float64]
    offset: NDArray[np.float64]
    shape: tuple[int, int]

    @property
    def overlaps(self) -> bool:
        """Whether any pixel of one plane lies on a pixel of the other."""
        if self.index is None:
            return False
        corners = np.array([(row, column) for row in (0, 1) for column in (0, 1)])
        seen = (corners * (np.array(self.shape) - 1)) @ self.matrix.T + self.offset
        sides = [side for side, at in zip(self.data.shape, self.index, strict=False) if isinstance(at, slice)]
        return bool((seen.max(axis=0) > -0.5).all() and (seen.min(axis=0) < np.array(sides) - 0.5).all())

    def within(self, window: tuple[slice, slice]) -> PlaneOverlay:
        """Return what is read at a window of the plane that is looked from."""
        parts = [range(*part.indices(side)) for part, side in zip(window, self.shape, strict=True)]
        start = np.array([part.start for part in parts])
        offset = self.offset + self.matrix @ start
        return replace(self, offset=offset, shape=(len(parts[0]), len(parts[1])))

    def kept(self) -> PlaneOverlay | None:
        """Return the same with a copy of what is seen, if anything: the layer may go on changing."""
        box = self._box()
        if self.index is None or box is None:
            return None
        seen = self.data[self._at(box)]
        if not seen.any():
            return None
        offset = self.offset - [part.start for part in box]
        return replace(self, data=seen.copy(), index=(slice(None), slice(None)), offset=offset)

    def read(self, order: int = NEAREST) -> NDArray[Any]:
        """Return the pixels (H, W); zero beyond the data, to the nearest or interpolated between them.

        Of the data only the part is read that is seen.
        """
        box = self._box()
        if box is None:
            return np.zeros(self.shape, self.data.dtype)
        plane = grey(np.asarray(self.data[self._at(box)]))
        offset = self.offset - [part.start for part in box]
        if self.shape == plane.shape and _is_close(self.matrix, np.eye(2)) and _is_close(offset, 0):
            return plane
        if order != NEAREST:
            plane = plane.astype(np.float32)
        return np.asarray(
            affine_transform(plane, self.matrix, offset, self.shape, order=order, mode="constant")
        )

    def _at(self, box: tuple[slice, slice]) -> Index:
        """Return where a part of the plane that is read lies in the data."""
        parts = iter(box)
        return tuple(next(parts) if isinstance(at, slice) else at for at in self.index or ())

    def _box(self) -> tuple[slice, slice] | None:
        """Return which part of the plane that is read is seen; None where that is nothing."""
        if self.index is None:
            return None
        corners = np.array([(row, column) for row in (0, 1) for column in (0, 1)])
        seen = (corners * (np.array(self.shape) - 1)) @ self.matrix.T + self.offset
        sides = [side for side, at in zip(self.data.shape, self.index, strict=False) if isinstance(at, slice)]
        is_moved = _is_close(self.matrix, np.eye(2)) and _is_close(self.offset, np.rint(self.offset))
        margin = 0 if is_moved else _ROUND
        first = np.clip(np.floor(seen.min(axis=0) + _CLOSE).astype(int) - margin, 0, sides)
        stop = np.clip(np.ceil(seen.max(axis=0) - _CLOSE).astype(int) + 1 + margin, 0, sides)
        if (stop <= first).any():
            return None
        return slice(int(first[0]), int(stop[0])), slice(int(first[1]), int(stop[1]))


class Placed(Protocol):
    """What knows where it lies in the world: a layer, or its frame."""

    @property
    def ndim(self) -> int:
        """Number of axes of its data, without colours."""
        ...

    def world_to_data(self, position: ArrayLike) -> Sequence[float] | NDArray[np.floating[Any]]:
        """Return where a position in the world lies in the data."""
        ...


class Viewpoint(NamedTuple):
    """The pixels that others are seen from.

    Attributes
    ----------
    sides : tuple of int
        Shape of the data, without colours.
    to_world : callable
        Returns where a position in the data lies in the world.
    """

    sides: tuple[int, ...]
    to_world: Callable[[NDArray[np.float64]], NDArray[np.float64]]


def overlays(
    source: Placed,
    data: Any,
    target: Viewpoint,
    indices: Sequence[Index],
    point: Sequence[float],
) -> list[PlaneOverlay]:
    """Return a layer as seen from some planes of another, as the world has them.

    Parameters
    ----------
    source : layer, or frame
        Where that lies which is read.
    data : array
        Its pixels.
    target : Viewpoint
        What is looked from.
    indices : sequence of index
        Planes of it, parallel to each other, or the same window of each: whole numbers but for two slices.
    point : sequence of float
        Where the viewer stands along the axes that the target lacks, in the world.
    """
    if not indices:
        return []
    linear, constant = _mapping(source, target, np.asarray(point, float))
    axes = [axis for axis, at in enumerate(indices[0]) if isinstance(at, slice)]
    own = [axis - len(target.sides) + source.ndim for axis in axes]
    sides = zip(indices[0], target.sides, strict=False)
    parts = [range(*at.indices(side)) for at, side in sides if isinstance(at, slice)]
    shape = (len(parts[0]), len(parts[1]))
    if min(own) < 0:
        return [PlaneOverlay(data, None, np.eye(2), np.zeros(2), shape) for _ in indices]
    matrix = linear[np.ix_(own, axes)]
    first = [
        [float(at.start or 0) if isinstance(at, slice) else float(at) for at in index] for index in indices
    ]
    origins = np.array(first) @ linear.T + constant
    return [
        PlaneOverlay(data, _index_at(origin, own, data.shape), matrix, origin[own], shape)
        for origin in origins
    ]


def _index_at(origin: NDArray[np.float64], axes: Sequence[int], sides: Sequence[int]) -> Index | None:
    """Return the index of the plane through a position along two axes, None where it lies outside."""
    at = [slice(None) if axis in axes else round(float(place)) for axis, place in enumerate(origin)]
    inside = all(isinstance(here, slice) or 0 <= here < side for here, side in zip(at, sides, strict=False))
    return tuple(at) if inside else None


def _mapping(
    source: Placed, target: Viewpoint, point: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the affine map from the data of the target to those of the source."""
    ndim = len(target.sides)

    def seen(position: NDArray[np.float64]) -> NDArray[np.float64]:
        world = np.zeros(max(len(point), source.ndim, ndim))
        world[len(world) - len(point) :] = point
        world[len(world) - ndim :] = target.to_world(position)
        return np.asarray(source.world_to_data(world), float)

    constant = seen(np.zeros(ndim))
    return np.stack([seen(unit) - constant for unit in np.eye(ndim)], axis=1), constant


def _is_close(values: NDArray[np.float64], wanted: NDArray[np.float64] | float) -> bool:
    return bool(np.allclose(values, wanted, atol=_CLOSE))
