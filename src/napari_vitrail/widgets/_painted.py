"""Which planes of a labels layer in memory may be painted: looked for once, then remembered."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from napari.layers import Labels
from napari.utils.events import Event
from numpy.typing import NDArray

Position = tuple[int, ...]
"""Where a plane is along the axes that it does not extend along."""


class PaintedPlanes:
    """The planes of one layer that were painted at any time since its data were set.

    A plane that was painted once counts for good: undo and redo change planes out of view and do not say
    which, but none that was never painted. All are looked through where other data are set and when other
    axes are shown. What a script writes into the array itself, on a plane out of view, is found when told to
    `forget`.

    Parameters
    ----------
    layer : Labels
        Whose events are followed; it is not kept alive.
    """

    def __init__(self, layer: Labels) -> None:
        self._data: NDArray[np.integer] | None = None
        self._axes: tuple[int, ...] = ()
        self._positions: set[Position] = set()
        layer.events.paint.connect(self._on_paint)
        layer.events.data.connect(self.forget)

    def forget(self, event: Event | None = None) -> None:
        """Look through all planes the next time."""
        self._data = None

    def positions(self, data: NDArray[np.integer], axes: tuple[int, ...]) -> set[Position]:
        """Return where there may be paint on planes that extend along two axes of the layer's data."""
        if self._data is not data or self._axes != axes:
            planes = np.moveaxis(data, axes, (-2, -1))
            self._data, self._axes = data, axes
            self._positions = {at for at in np.ndindex(planes.shape[:-2]) if planes[at].any()}
        return set(self._positions)

    def add(self, positions: Iterable[Position]) -> None:
        """Take note of planes that are painted."""
        self._positions.update(positions)

    def _on_paint(self, event: Event) -> None:
        if self._data is None:
            return
        for where, *_ in event.value:  # whatever napari keeps for undo, it begins with the index
            across = [places_of(at) for axis, at in enumerate(where) if axis not in self._axes]
            self.add(product(*across))


def painted_planes(layer: Labels) -> PaintedPlanes:
    """Return what is known of a layer, to whoever asks."""
    if layer not in _KNOWN:
        _KNOWN[layer] = PaintedPlanes(layer)
    return _KNOWN[layer]


_KNOWN: WeakKeyDictionary[Labels, PaintedPlanes] = WeakKeyDictionary()


def places_of(at: Any) -> list[int]:
    """Return which places along an axis an index takes: a slice or whole numbers."""
    return list(range(at.start, at.stop)) if isinstance(at, slice) else np.unique(at).tolist()
