"""Boxes and classes of all images as tables; the names of columns say the unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_vitrail.csvfile import write_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from napari_vitrail.objectfiles._record import FileFound, FoundPlane

_BOXES = ("label", "left_px", "top_px", "width_px", "height_px", "area_px", "score")
_CLASSES = ("label", "object", "area_px", "share", "looked")
_NAME, _STATUS = "name", "status"
"""Columns of what a person has said: there only where anything was."""


def write_boxes(path: Path, found: Sequence[FileFound]) -> None:
    """Write a row for each box; label 0 is all objects together."""
    rows = []
    for place, plane in _planes(found):
        for box in plane.boxes:
            y0, x0, y1, x1 = box.corners
            row = (*place, box.class_id, x0, y0, x1 - x0, y1 - y0, box.area, f"{box.score:.4f}")
            rows.append((*row, plane.names.get(box.class_id, ""), box.status))
    _write(path, found, (*_BOXES, _NAME, _STATUS), rows)


def write_classes(path: Path, found: Sequence[FileFound]) -> None:
    """Write a row for each class of each image; ``object`` says which are no ground."""
    rows = [
        (*place, each.id, each.is_object, each.area, f"{each.share:.6f}", f"{each.looked:.4f}", each.name)
        for place, plane in _planes(found)
        for each in plane.classes
    ]
    _write(path, found, (*_CLASSES, _NAME), rows)


def _planes(found: Sequence[FileFound]) -> Iterator[tuple[tuple[Any, ...], FoundPlane]]:
    """Yield where each plane is from, its image and, if there are any, its number; and the plane."""
    counted = _is_counted(found)
    for file in found:
        for plane in file.planes:
            yield ((str(file.image), plane.plane) if counted else (str(file.image),)), plane


def _is_counted(found: Sequence[FileFound]) -> bool:
    """Whether images are planes of stacks."""
    return any(plane.plane is not None for file in found for plane in file.planes)


def _write(
    path: Path, found: Sequence[FileFound], columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
) -> None:
    place = ("image", "plane") if _is_counted(found) else ("image",)
    columns = (*place, *columns)
    kept = [
        at for at, name in enumerate(columns) if name not in (_NAME, _STATUS) or any(row[at] for row in rows)
    ]
    write_lines(path, [[columns[at] for at in kept], *([row[at] for at in kept] for row in rows)])
