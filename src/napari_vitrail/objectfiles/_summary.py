"""What came of all images, as a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_vitrail.objectfiles._record import FileFound


def summary_lines(found: Sequence[FileFound]) -> Iterator[str]:
    """Yield the lines of a table for people; images that failed have none."""
    rows = [
        (
            str(file.image) if plane.plane is None else f"{file.image} plane {plane.plane}",
            len(plane.classes),
            sum(each.is_object for each in plane.classes),
            len(plane.boxes),
            plane.share,
        )
        for file in found
        for plane in file.planes
    ]
    width = max([len("image"), *(len(row[0]) for row in rows)])
    yield f"{'image':<{width}} {'classes':>7} {'of objects':>10} {'boxes':>5} {'area':>6}"
    for image, classes, of_objects, boxes, share in rows:
        yield f"{image:<{width}} {classes:>7} {of_objects:>10} {boxes:>5} {share:>6.1%}"
