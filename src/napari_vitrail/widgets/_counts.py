"""How many pixels carry each label."""

from __future__ import annotations

from collections import Counter
from math import prod
from typing import Any

import numpy as np
from napari.components import Dims
from napari.layers import Labels
from numpy.typing import NDArray

from napari_vitrail.annotations import LARGEST_ID
from napari_vitrail.planes import Index
from napari_vitrail.widgets._image_plane import is_lazy
from napari_vitrail.widgets._painted import Position, painted_planes
from napari_vitrail.widgets._planes import axes_of, full_resolution, plane_index, position_of

_COUNTED_AT_ONCE = 1 << 26
_SAMPLED = 1 << 22
"""Pixels, about, of a plane that is too large to be counted."""


def count_labels(labels: NDArray[np.integer]) -> Counter[int]:
    """Return how many pixels carry each label that can be a class, 1 to 65535; other values are left out."""
    counts = np.bincount(labels[(labels > 0) & (labels <= LARGEST_ID)].astype(np.intp))
    return Counter({int(label): int(counts[label]) for label in np.flatnonzero(counts)})


def count_in_view(layer: Labels, dims: Dims) -> Counter[int]:
    """Return how many pixels of the plane in view carry each label; none if no single plane is in view.

    Of a large plane they are estimated from a coarse level of its pyramid; one that has none is not counted.
    """
    index = _shown(layer, dims)
    if index is None:
        return Counter()
    data = full_resolution(layer)
    pixels = _plane_size(data.shape, index)
    if pixels <= _COUNTED_AT_ONCE:
        return count_labels(np.asarray(data[index]))
    if not layer.multiscale:
        return Counter()
    sizes = [_plane_size(level.shape, index) for level in layer.data]
    level = next((level for level, size in enumerate(sizes) if size <= _SAMPLED), len(sizes) - 1)
    counts = count_labels(np.asarray(layer.data[level][index]))
    return Counter({label: round(count * pixels / sizes[level]) for label, count in counts.items()})


class PaintedCount:
    """Counts of all painted planes of a layer, of which only that in view is counted again.

    The brush and its undo change the plane in view. All `PaintedPlanes` are counted where others may have
    changed too: with other data, when other axes are shown, and when told to forget. Undo of what was
    painted on several planes at once counts on each when it comes into view.
    """

    def __init__(self) -> None:
        self._data: Any = None
        self._axes: tuple[int, ...] = ()
        self._planes: dict[Position, Counter[int]] = {}

    def forget(self) -> None:
        """Count all planes the next time."""
        self._data = None

    def count(self, layer: Labels, dims: Dims) -> Counter[int]:
        """Return how many pixels carry each label: on all planes, of large or lazy layers on that in view."""
        data, shown = full_resolution(layer), _shown(layer, dims)
        if is_lazy(data) or data.size > _COUNTED_AT_ONCE:
            self.forget()
            return count_in_view(layer, dims)
        axes = (data.ndim - 2, data.ndim - 1) if shown is None else axes_of(shown)
        planes = np.moveaxis(data, axes, (-2, -1))
        if self._data is not data or self._axes != axes:
            self._data, self._axes, self._planes = data, axes, {}
        again = painted_planes(layer).positions(data, axes) - self._planes.keys()
        if shown is not None:
            again.add(position_of(shown))
        self._planes |= {at: count_labels(planes[at]) for at in again}
        return sum(self._planes.values(), Counter())


def _shown(layer: Labels, dims: Dims) -> Index | None:
    """Return where the plane in view sits in a layer, None if no single plane is in view."""
    try:
        return plane_index(layer, dims)
    except ValueError:
        return None


def _plane_size(shape: tuple[int, ...], index: Index) -> int:
    """Return how many pixels the plane at an index has."""
    return prod(side for side, at in zip(shape, index, strict=True) if isinstance(at, slice))
