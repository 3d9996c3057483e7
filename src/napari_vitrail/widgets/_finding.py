"""Objects of a plane or a stack: found and measured in a worker, and written as one layer."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray

from napari_vitrail.planes import Index
from napari_vitrail.progress import Progress, Steps, part_of
from napari_vitrail.widgets._extents import Part
from napari_vitrail.widgets._image_plane import ImagePlane
from napari_vitrail.widgets._layers import OBJECTS, add_quietly, mark, place, written_at, zeros
from napari_vitrail.widgets._packed import finest, set_data, write_levels
from napari_vitrail.widgets._planes import axes_of
from napari_vitrail.widgets._workbench import Workbench

if TYPE_CHECKING:
    from napari_vitrail.measurements import Table

_SEEN = "napari-vitrail seen"  # of a layer's metadata


@dataclass(frozen=True)
class Found:
    """Numbered objects of a layer's shape, their measurements, and what they were found in.

    Attributes
    ----------
    instances : int32 array
    table : dict of str to (n,) array
    seen : dict of places to int
        A checksum of each plane of the segmentation.
    """

    instances: Any
    table: Table
    seen: dict[tuple[object, ...], int]


@dataclass(frozen=True)
class Search:
    """What objects are looked for.

    Attributes
    ----------
    is_wanted : callable
        Tells whether a class is.
    names : dict of int to str
        What classes are called.
    min_size : int, pixels
    split : bool
    """

    is_wanted: Callable[[int], bool]
    names: dict[int, str]
    min_size: int
    split: bool


def objects_steps(
    parts: Sequence[Part],
    segmentation: Any,
    search: Search,
    calibration: tuple[tuple[float, ...], str] | None,
) -> Steps[Found]:
    """Yield Progress; return the objects of some parts of a segmentation, one part in memory at a time."""
    from napari_vitrail.measurements import join_tables

    plane = parts[0].planes[0]
    instances = zeros(plane, np.dtype(np.int32))
    levels = instances if plane.block is not None else [instances]
    tables: list[Table] = []
    seen: dict[tuple[object, ...], int] = {}
    count = 0
    for number, part in enumerate(parts):
        classes = np.array(segmentation[part.index])
        seen |= _checksums(part, classes)
        own, table = yield from part_of(_part_steps(part, classes, search, calibration), number, len(parts))
        table["index"] = table["index"] + count
        write_levels(levels, part.index, np.where(own > 0, own + count, 0))
        count += len(table["index"])
        tables.append(table)
    table = tables[0] if len(parts) == 1 else join_tables(tables, [part.place for part in parts])
    return Found(instances, table, seen)


def _part_steps(
    part: Part, classes: NDArray[np.integer], search: Search,
    calibration: tuple[tuple[float, ...], str] | None,
) -> Steps[tuple[NDArray[np.int32], Table]]:  # fmt: skip
    from napari_vitrail.instances import find_instances_steps
    from napari_vitrail.measurements import measure

    ids = [int(class_id) for class_id in np.unique(classes) if class_id and search.is_wanted(int(class_id))]
    instances = yield from find_instances_steps(classes, ids, min_size=search.min_size, split=search.split)
    yield Progress(0, 1, "measuring")
    spacing, unit = calibration or (None, "um")
    names = {class_id: search.names.get(class_id, f"class {class_id}") for class_id in ids} or search.names
    table = measure(
        instances, segmentation=classes, class_names=names, image=part.read(), spacing=spacing, unit=unit
    )
    if part.depth is None:  # of a part of a plane
        for name, start in zip(("row", "column"), part.planes[0].position((0, 0)), strict=True):
            table[name] = table[name] + start
    return instances, table


def calibration_of(layer: Labels, index: Index) -> tuple[tuple[float, ...], str] | None:
    """Return the size of a pixel of a plane or volume and its unit; None where the layer is in pixels."""
    axes = axes_of(index)
    spacing = tuple(abs(float(layer.scale[axis])) for axis in axes)
    units = {f"{layer.units[axis]:~}".replace("µ", "u") for axis in axes}
    unit = units.pop() if len(units) == 1 else ""
    if unit.isalpha() and unit not in ("pixel", "px", "pix"):
        return spacing, unit
    return None if set(spacing) == {1.0} else (spacing, "world")


def write_objects(bench: Workbench, plane: ImagePlane, found: Found) -> Labels:
    """Write objects and their measurements into the layer that earlier runs have made, or a new one."""
    viewer, layer = bench.viewer, written_at(bench.viewer.layers, plane, OBJECTS)
    if layer is not None:
        set_data(layer, found.instances)
        layer.features, layer.visible = found.table, True
        place(layer, plane)
    else:
        layer = Labels(
            found.instances,
            multiscale=plane.block is not None,
            name=f"{plane.layer_name} {OBJECTS}",
            metadata=mark(plane.layer_name, OBJECTS),
            features=found.table,
            **plane.to_world,
        )
        add_quietly(viewer, layer)
    layer.metadata[_SEEN] = found.seen
    return layer


def is_out_of_date(objects: Labels, result: Labels, plane: ImagePlane) -> bool:
    """Whether the segmentation of a plane is another than the one that objects were found in."""
    known = objects.metadata.get(_SEEN, {}).get(_key(plane.index))
    return known is not None and known != _checksum(np.asarray(finest(result)[plane.index]))


def _checksums(part: Part, classes: NDArray[np.integer]) -> dict[tuple[object, ...], int]:
    """Return a checksum of each plane of a part."""
    layers = [classes]
    if part.depth is not None:
        layers = list(np.moveaxis(classes, axes_of(part.index).index(part.depth), 0))
    return {_key(plane.index): _checksum(own) for plane, own in zip(part.planes, layers, strict=True)}


def _key(index: Index) -> tuple[object, ...]:
    return tuple((at.start, at.stop) if isinstance(at, slice) else at for at in index)


def _checksum(classes: NDArray[np.integer]) -> int:
    """Return a checksum that does not depend on the type that holds the classes."""
    return zlib.crc32(np.ascontiguousarray(classes, np.uint16).data)
