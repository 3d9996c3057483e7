"""Several changes of a layer that napari hears of as one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from napari.layers import Points, Vectors
from napari.layers.base import ActionType


@contextmanager
def at_once(layer: Points | Vectors) -> Iterator[None]:
    """Let a layer draw itself and tell what became of it once, after all that is changed meanwhile.

    napari draws a layer anew for its data, features, colours and selection each, and for each change of its
    data the viewer measures all layers twice.
    """
    before = layer.data
    with layer.events.blocker_all():
        yield
    layer.refresh()
    layer.events.features()
    if layer.data is not before and isinstance(layer, Points):
        count = len(layer.data)
        layer.events.data(
            value=layer.data,
            action=ActionType.CHANGED if count else ActionType.REMOVED,
            data_indices=tuple(range(count)),
            vertex_indices=((),),
        )
