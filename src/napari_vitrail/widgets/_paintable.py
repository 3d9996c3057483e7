"""Strokes that no brush can write to, and copies of them that it can."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
from napari import Viewer
from napari.layers import Labels

from napari_vitrail.progress import Progress, Steps
from napari_vitrail.widgets._image_plane import is_lazy
from napari_vitrail.widgets._layers import take_up_brush
from napari_vitrail.widgets._packed import empty, strips
from napari_vitrail.widgets._planes import GEOMETRY, full_resolution


def paint_obstacle(strokes: Labels) -> str:
    """Return why strokes cannot be painted on, nothing if they can."""
    if strokes.multiscale:
        return "it is a pyramid"
    data = strokes.data
    is_read_only = not data.flags.writeable if isinstance(data, np.ndarray) else _says_read_only(data)
    return "its array is read-only" if is_read_only else ""


def _says_read_only(data: Any) -> bool:
    """Whether an array that is not numpy's, such as zarr's, says that it cannot be written to."""
    return getattr(data, "read_only", False) is True


def copied_steps(strokes: Labels) -> Steps[Any]:
    """Return the work of copying what is painted; the layer is read by this call."""
    labels = full_resolution(strokes)
    return _copied_steps(labels, empty(labels.shape, labels.dtype, is_lazy(labels)))


def _copied_steps(labels: Any, copy: Any) -> Steps[Any]:
    parts = list(strips(labels.shape))
    for done, part in enumerate(parts, start=1):
        copy[part] = np.asarray(labels[part])
        yield Progress(done, len(parts), "copying strokes")
    return copy


def add_copy(viewer: Viewer, strokes: Labels, data: Any) -> Labels:
    """Add a copy of strokes that looks like them, with the brush in hand, and hide the strokes."""
    layer = Labels(
        data,
        name=f"{strokes.name} copy",
        colormap=deepcopy(strokes.colormap),
        features=strokes.features,
        opacity=strokes.opacity,
        **{name: getattr(strokes, name) for name in GEOMETRY},
    )
    strokes.visible = False
    viewer.add_layer(layer)
    take_up_brush(layer)
    return layer
