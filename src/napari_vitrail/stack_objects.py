"""Objects of a plane, or of a stack: of every plane by itself, or of volumes of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.image import Picture, main_of
from napari_vitrail.instances import find_instances_steps
from napari_vitrail.measurements import Table, join_tables, measure
from napari_vitrail.progress import Progress, Steps, part_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class ObjectSearch:
    """What objects are looked for, and in how much of a stack at a time.

    Attributes
    ----------
    class_ids : tuple of int
        The classes; one that is nowhere to be found has no objects.
    class_names : dict of id to name
        What the table calls them.
    min_size, split
        See `napari_vitrail.find_instances`.
    volumes : bool
        Whether an object goes through planes, along the last axis that counts them.
    spacing : tuple of float, micrometres, optional
        Size of a pixel along the axes of a plane, or of a volume.
    """

    class_ids: tuple[int, ...]
    class_names: Mapping[int, str]
    min_size: int = 0
    split: bool = False
    volumes: bool = False
    spacing: tuple[float, ...] | None = None


def stack_objects_steps(
    segmentation: NDArray[np.integer], planes: Sequence[Picture], search: ObjectSearch
) -> Steps[tuple[NDArray[np.int32], Table]]:
    """Yield Progress; return the objects, with numbers that go on from part to part, and their measurements.

    Parameters
    ----------
    segmentation : (H, W) or (..., H, W) int array
    planes : sequence of images
        What it is the segmentation of, in its order.
    search : ObjectSearch

    Returns
    -------
    instances : int32 array of the same shape
    table : dict of str to (n,) array
        See `napari_vitrail.measure`; of several planes, or volumes, also where each object is, as
        ``plane`` or ``axis 0``.
    """
    depth = int(search.volumes)
    counts = segmentation.shape[: segmentation.ndim - 2 - depth]
    together = prod(segmentation.shape[len(counts) : -2])
    instances = np.zeros(segmentation.shape, np.int32)
    tables, count = [], 0
    for number, at in enumerate(np.ndindex(counts)):
        own_planes = planes[number * together : (number + 1) * together]
        steps = _part_steps(segmentation[at], own_planes, search)
        own, table = yield from part_of(steps, number, prod(counts))
        table["index"] = table["index"] + count
        instances[at] = np.where(own > 0, own + count, 0)
        count += len(table["index"])
        tables.append(table)
    if len(tables) == 1:
        return instances, tables[0]
    return instances, join_tables(tables, list(_places(counts, search.volumes)))


def _part_steps(
    classes: NDArray[np.integer], planes: Sequence[Picture], search: ObjectSearch
) -> Steps[tuple[NDArray[np.int32], Table]]:
    there = [id_ for id_ in search.class_ids if (classes == id_).any()]
    instances = yield from find_instances_steps(classes, there, min_size=search.min_size, split=search.split)
    yield Progress(0, 1, "measuring")
    table = measure(
        instances,
        segmentation=classes,
        class_names=search.class_names,
        image=np.stack([main_of(plane) for plane in planes]) if search.volumes else main_of(planes[0]),
        spacing=search.spacing,
    )
    return instances, table


def _places(counts: tuple[int, ...], volumes: bool) -> Iterator[dict[str, int]]:
    """Yield where each part is along the axes that have several places, by what those are called."""
    names = [f"axis {axis}" for axis in range(len(counts))]
    if not volumes:
        names[-1] = "plane"
    for at in np.ndindex(counts):
        yield {name: own for name, own, size in zip(names, at, counts, strict=True) if size > 1}
