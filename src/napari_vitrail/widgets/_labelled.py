"""Which frames of a stack a labels layer labels, and with what."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from napari.components import Dims
from napari.layers import Labels

from napari_vitrail.overlay import PlaneOverlay
from napari_vitrail.widgets._image_plane import PLAIN, is_lazy
from napari_vitrail.widgets._painted import painted_planes
from napari_vitrail.widgets._planes import axes_of, full_resolution, overlays_on, position_of
from napari_vitrail.widgets._stack import Stack


def labelled_frames(source: Labels, stack: Stack, dims: Dims, at: int | None) -> list[int] | None:
    """Return which frames of a stack a layer labels; None where that shows only when it is read.

    Parameters
    ----------
    source : Labels
        Where it lies on the stack in the world counts, whatever its shape and scale.
    stack : Stack
    dims : Dims
    at : int or None
        The frame that a flat layer labels.
    """
    data = full_resolution(source)
    if is_lazy(data):
        return None
    seen = _seen(source, stack, dims, at)
    there = [own.index for own in seen.values() if own.index is not None]
    if not there:
        return []
    painted = painted_planes(source).positions(data, axes_of(there[0]))
    return [
        frame
        for frame, own in seen.items()
        if own.index is not None and position_of(own.index) in painted and bool(np.any(data[own.index]))
    ]


def labels_on(
    source: Labels, stack: Stack, dims: Dims, at: int | None, without: Collection[int]
) -> dict[int, PlaneOverlay]:
    """Return the labels on each frame that may have any, not yet read; those in memory are copied.

    Some frames are left out; the rest is as for `labelled_frames`.
    """
    frames = labelled_frames(source, stack, dims, at)
    seen = _seen(source, stack, dims, at)
    if frames is None:
        return {frame: own for frame, own in seen.items() if own.index is not None and frame not in without}
    kept = {frame: seen[frame].kept() for frame in frames if frame not in without}
    return {frame: own for frame, own in kept.items() if own is not None}


def _seen(source: Labels, stack: Stack, dims: Dims, at: int | None) -> dict[int, PlaneOverlay]:
    """Return a layer as seen from each frame that it may label."""
    seen = dict(enumerate(overlays_on(source, stack.layer, dims, PLAIN, stack.indices)))
    if stack.lacks_slider(source):
        return {} if at is None else {at: seen[at]}
    return seen
