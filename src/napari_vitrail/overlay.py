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

    def kept(self) -> PlaneOverlay | None:
        """Return the same with the plane copied, nothing where it is empty: the layer may go on changing."""
        if self.index is None or not self.data[self.index].any():
            return None
        return replace(self, data=self.data[self.index].copy(), index=(slice(None), slice(None)))

    def read(self, order: int = NEAREST) -> NDArray[Any]:
        """Return the pixels (H, W); zero beyond the data, to the nearest or interpolated between them."""
        if self.index is None:
            return np.zeros(self.shape, self.data.dtype)
        plane = grey(np.asarray(self.data[self.index]))
        if self.shape == plane.shape and _is_close(self.matrix, np.eye(2)) and _is_close(self.offset, 0):
            return plane
        if order != NEAREST:
            plane = plane.astype(np.float32)
        return np.asarray(
            affine_transform(plane, self.matrix, self.offset, self.shape, order=order, mode="constant")
        )


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
        Planes of it, parallel to each other: whole numbers but for two slices.
    point : sequence of float
        Where the viewer stands along the axes that the target lacks, in the world.
    """
    if not indices:
        return []
    linear, constant = _mapping(source, target, np.asarray(point, float))
    axes = [axis for axis, at in enumerate(indices[0]) if isinstance(at, slice)]
    own = [axis - len(target.sides) + source.ndim for axis in axes]
    shape = (target.sides[axes[0]], target.sides[axes[1]])
    if min(own) < 0:
        return [PlaneOverlay(data, None, np.eye(2), np.zeros(2), shape) for _ in indices]
    matrix = linear[np.ix_(own, axes)]
    first = [[0.0 if isinstance(at, slice) else float(at) for at in index] for index in indices]
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
