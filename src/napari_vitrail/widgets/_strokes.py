"""Notice strokes: whatever changes what is painted on a labels layer, and nothing else."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from math import isqrt, prod

import numpy as np
from napari.components import Dims
from napari.layers import Labels
from napari.utils.events import Event, EventEmitter
from qtpy.QtCore import QObject

from napari_vitrail.planes import Index
from napari_vitrail.widgets._planes import full_resolution, plane_index
from napari_vitrail.widgets._timer import Soon

_SUMMED = 1 << 26
"""Pixels of a plane that are compared, at most."""


class StrokesWatch:
    """Watches one labels layer at a time.

    A brush stroke, a fill, a polygon and data set through the layer each emit ``paint`` once, some of them
    before the data are written. Undo and redo emit ``set_data`` only, and so does a move of the slider. So
    what is painted on the plane in view is compared with what was, once the event is over. Changes in
    place emit nothing; they are noticed with the next event. Of a very large plane the part in view is
    compared.

    Parameters
    ----------
    parent : QObject
        With which the watch ends.
    dims : Dims
        Of the viewer: they say which plane is in view.
    on_stroke : callable
        Called without arguments when what is painted has changed.
    on_touch : callable
        Called without arguments whenever the brush touches the layer, many times in a stroke.
    """

    def __init__(
        self, parent: QObject, dims: Dims, *, on_stroke: Callable[[], None], on_touch: Callable[[], None]
    ) -> None:
        self._over = Soon(parent, self._compare)
        self._dims = dims
        self._on_stroke = on_stroke
        self._on_touch = on_touch
        self._layer: Labels | None = None
        self._was_painted = False  # since the last comparison
        self._seen: dict[tuple[object, ...], int] = {}  # plane -> checksum

    def watch(self, layer: Labels | None) -> None:
        """Watch this layer from now on, and no other."""
        if layer is self._layer:
            return
        if self._layer is not None:
            for emitter in _emitters(self._layer):
                emitter.disconnect(self._on_event)
            self._layer.events.labels_update.disconnect(self._on_dab)
        self._over.forget()
        self._was_painted = False
        self._layer = layer
        self._seen = {}
        if layer is not None:
            for emitter in _emitters(layer):
                emitter.connect(self._on_event)
            layer.events.labels_update.connect(self._on_dab)
            self._is_changed(layer)

    def end(self) -> None:
        """Watch no more, for good."""
        self.watch(None)
        self._over.deleteLater()

    def _on_dab(self) -> None:
        self._on_touch()

    @property
    def is_waiting(self) -> bool:
        """Whether something has happened that may turn out to be a stroke."""
        return self._over.is_wanted

    def _on_event(self, event: Event) -> None:
        self._was_painted |= event.type == "paint"
        self._over.ask()

    def _compare(self) -> None:
        if self._layer is not None and self._is_changed(self._layer):
            self._on_stroke()

    def _is_changed(self, layer: Labels) -> bool:
        """Whether the plane in view was seen before and looked different; remember how it looks now."""
        try:
            index = plane_index(layer, self._dims)
        except ValueError:  # no single plane is in view
            return False
        labels = full_resolution(layer)
        index = _in_view(layer, index, _SUMMED)
        key = tuple(at if isinstance(at, int) else (at.start, at.stop) for at in index)
        painted = np.ascontiguousarray(labels[index])
        now, before = zlib.crc32(painted.data), self._seen.get(key)
        self._seen[key] = now
        was_painted, self._was_painted = self._was_painted, False
        return now != before if before is not None else was_painted


def _in_view(layer: Labels, index: Index, most: int) -> Index:
    """Return an index of a plane, of a larger one than so many pixels that of the middle of what is shown."""
    shape = full_resolution(layer).shape
    if prod(side for side, at in zip(shape, index, strict=True) if isinstance(at, slice)) <= most:
        return index
    half, parts = isqrt(most) // 2, []
    for axis, at in enumerate(index):
        if isinstance(at, slice):
            middle = int(layer.corner_pixels[:, axis].mean())
            at = slice(max(middle - half, 0), max(min(middle + half, shape[axis]), 1))
        parts.append(at)
    return tuple(parts)


def _emitters(layer: Labels) -> list[EventEmitter]:
    """Return what tells of changes, of moves of the slider, and of another label in hand."""
    return [layer.events.paint, layer.events.set_data, layer.events.data, layer.events.selected_label]
