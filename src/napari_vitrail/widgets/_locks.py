"""Locked classes: what is painted with them is neither painted over nor erased."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from napari.layers import Labels

from napari_vitrail.widgets._layers import locked_classes

_DOORS = ("_apply_mask_to_data", "data_setitem")
_guards: WeakKeyDictionary[Labels, int] = WeakKeyDictionary()  # how many ask for one


def guard(strokes: Labels) -> None:
    """Keep locked classes of a layer from the brush, the eraser, fills and polygons.

    What napari is about to write is cut down before it is written and before it goes into the history, so
    that undo and redo are right. napari's own "preserve labels" protects all labels or none. A layer may be
    guarded more than once, by widgets on one viewer; it is free when each has called `unguard`.

    Notes
    -----
    All tools write through ``_apply_mask_to_data`` from napari 0.9 on and through ``data_setitem`` before;
    neither has a hook, so they are wrapped on this one layer. Data changed in place are nobody's to guard.
    """
    _guards[strokes] = _guards.get(strokes, 0) + 1
    if _guards[strokes] > 1:
        return
    if hasattr(strokes, "_apply_mask_to_data"):
        strokes._apply_mask_to_data = _masked(strokes, strokes._apply_mask_to_data)
    strokes.data_setitem = _set(strokes, strokes.data_setitem)


def unguard(strokes: Labels) -> None:
    """Let all tools write again, unless someone else guards the layer too."""
    _guards[strokes] -= 1
    if _guards[strokes]:
        return
    del _guards[strokes]
    for door in _DOORS:
        vars(strokes).pop(door, None)


def _masked(strokes: Labels, write: Any) -> Any:
    """Return a writer under a mask that leaves out what is locked."""

    def apply(data: Any, mask: Any, new_label: int, volume_slice: Any) -> Any:
        return write(data, mask & ~_is_locked(strokes, data), new_label, volume_slice)

    return apply


def _set(strokes: Labels, write: Any) -> Any:
    """Return a writer at indices that leaves out what is locked."""

    def data_setitem(indices: Sequence[Any], value: Any, refresh: bool = True) -> None:
        if not locked_classes(strokes):
            write(indices, value, refresh)
            return
        free = ~_is_locked(strokes, np.asarray(strokes.data[tuple(indices)]))
        values = np.asarray(value)[free] if np.ndim(value) else value
        write(tuple(np.asarray(axis)[free] for axis in indices), values, refresh)

    return data_setitem


def _is_locked(strokes: Labels, data: Any) -> Any:
    """Return which pixels carry a label that is locked."""
    return np.isin(np.asarray(data), sorted(locked_classes(strokes)))
