"""Notice strokes: whatever changes what is painted on a labels layer, and nothing else."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
from napari.components import Dims
from napari.layers import Labels
from napari.utils.events import EventEmitter

from napari_vitrail.widgets._layers import full_resolution, plane_index


class StrokesWatch:
    """Watches one labels layer at a time.

    A brush stroke, a fill, a polygon and data set through the layer each emit ``paint`` once. Undo and
    redo emit ``set_data`` only, and so does a move of the slider: what is painted on the plane in view is
    therefore compared with what was. Changes in place emit nothing; they are noticed with the next event.

    Parameters
    ----------
    dims : Dims
        Of the viewer: they say which plane is in view.
    on_stroke : callable
        Called without arguments when what is painted has changed.
    on_touch : callable
        Called without arguments whenever the brush touches the layer, many times in a stroke.
    """

    def __init__(self, dims: Dims, *, on_stroke: Callable[[], None], on_touch: Callable[[], None]) -> None:
        self._dims = dims
        self._on_stroke = on_stroke
        self._on_touch = on_touch
        self._layer: Labels | None = None
        self._seen: dict[tuple[object, ...], int] = {}  # plane -> checksum

    def watch(self, layer: Labels | None) -> None:
        """Watch this layer from now on, and no other."""
        if layer is self._layer:
            return
        if self._layer is not None:
            for emitter in _emitters(self._layer):
                emitter.disconnect(self._on_event)
            self._layer.events.labels_update.disconnect(self._on_dab)
        self._layer = layer
        self._seen = {}
        if layer is not None:
            for emitter in _emitters(layer):
                emitter.connect(self._on_event)
            layer.events.labels_update.connect(self._on_dab)
            self._is_changed(layer)

    def _on_dab(self) -> None:
        self._on_touch()

    def _on_event(self) -> None:
        if self._layer is not None and self._is_changed(self._layer):
            self._on_stroke()

    def _is_changed(self, layer: Labels) -> bool:
        """Whether the plane in view was seen before and looked different; remember how it looks now."""
        try:
            index = plane_index(layer, self._dims)
        except ValueError:  # no single plane is in view
            return False
        key = tuple(at if isinstance(at, int) else None for at in index)
        painted = np.ascontiguousarray(full_resolution(layer)[index])
        now, before = zlib.crc32(painted.data), self._seen.get(key)
        self._seen[key] = now
        return before is not None and now != before


def _emitters(layer: Labels) -> list[EventEmitter]:
    """Return what tells of changes, of moves of the slider, and of another label in hand."""
    return [layer.events.paint, layer.events.set_data, layer.events.data, layer.events.selected_label]
