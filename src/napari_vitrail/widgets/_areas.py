"""Areas of a result that stay as they are: those of locked classes."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray

from napari_vitrail.planes import Index
from napari_vitrail.widgets._counts import count_labels
from napari_vitrail.widgets._packed import finest, write

_AREAS = "napari-vitrail areas"  # of a result's metadata

Box = tuple[tuple[int, int], ...]
"""Where it begins and where it ends along each axis; the end is outside."""


@dataclass
class _Area:
    """A part of a result that was segmented to the end, and the labels whose area in it stands."""

    box: Box
    labels: set[int]


def write_classes(
    result: Labels,
    index: Index,
    classes: NDArray[np.integer],
    locked: Set[int],
    *,
    is_finished: bool,
) -> None:
    """Write a segmentation into the data of a result; locked classes neither lose a pixel nor gain one.

    Only an area that stands is kept. The area of a class stands from the end of a run in which it was found,
    and no longer once a preview, coarse or hasty, has been written over the place while the class was not
    locked. So where nothing was segmented to the end everything may be written, and no preview keeps its
    own blocks.

    Parameters
    ----------
    result : Labels
    index : tuple of int and slice
        Where to write in the data of the result.
    classes : int array
        What was found there; the data must be able to hold its values.
    locked : set of int
        Labels of the locked classes.
    is_finished : bool
        Whether a run ends with this, so that what is there stands.
    """
    write(result, index, _allowed(result, index, classes, locked))
    for area in _overlapping(result, index):
        area.labels &= locked
    if is_finished:
        finish(result, index)


def finish(result: Labels, index: Index) -> None:
    """Let the areas at an index of the data of a result stand: a run has ended there."""
    box = _box(index, finest(result).shape)
    others = [area for area in _areas(result) if not _inside(area.box, box)]
    result.metadata[_AREAS] = [*others, _Area(box, set())]
    for area in _overlapping(result, index):
        part = tuple(slice(*side) for side in area.box)
        area.labels = set(count_labels(np.asarray(finest(result)[part])))


def _allowed(
    result: Labels, index: Index, classes: NDArray[np.integer], locked: Set[int]
) -> NDArray[np.integer]:
    """Return what of a segmentation may be written."""
    standing = locked & set().union(*(area.labels for area in _areas(result)))
    if not standing:
        return classes
    before = np.asarray(finest(result)[index])
    allowed = classes.astype(before.dtype)
    box = _box(index, finest(result).shape)
    for area in _overlapping(result, index):
        sides = zip(index, area.box, box, strict=True)
        part = tuple(_shared(own, here) for at, own, here in sides if isinstance(at, slice))
        old, new = before[part], allowed[part]
        is_lost = np.isin(old, sorted(locked & area.labels))
        is_gained = np.isin(new, sorted(standing)) & (old > 0)
        allowed[part] = np.where(is_lost | is_gained, old, new)
    return allowed


def _areas(result: Labels) -> list[_Area]:
    return result.metadata.get(_AREAS, [])


def _overlapping(result: Labels, index: Index) -> list[_Area]:
    """Return the areas that share pixels with an index of the data."""
    box = _box(index, finest(result).shape)
    return [area for area in _areas(result) if _overlap(area.box, box)]


def _box(index: Index, shape: tuple[int, ...]) -> Box:
    """Return which places an index takes along each axis."""
    sides = zip(index, shape, strict=True)
    return tuple(at.indices(size)[:2] if isinstance(at, slice) else (at, at + 1) for at, size in sides)


def _shared(side: tuple[int, int], window: tuple[int, int]) -> slice:
    """Return which part of a window along an axis a side shares with it."""
    return slice(max(side[0], window[0]) - window[0], min(side[1], window[1]) - window[0])


def _overlap(box0: Box, box1: Box) -> bool:
    sides = zip(box0, box1, strict=True)
    return all(start0 < stop1 and start1 < stop0 for (start0, stop0), (start1, stop1) in sides)


def _inside(inner: Box, outer: Box) -> bool:
    sides = zip(inner, outer, strict=True)
    return all(outer0 <= inner0 and inner1 <= outer1 for (inner0, inner1), (outer0, outer1) in sides)
