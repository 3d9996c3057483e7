"""The pixels that a box is of, and how COCO writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import find_objects as extents_of
from skimage.measure import label

from napari_vitrail.objectfiles._record import FoundBox, FoundClass, FoundPlane

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.objects import ObjectProposals

Corners = tuple[int, int, int, int]


def described(proposals: ObjectProposals, plane: int | None) -> FoundPlane:
    """Return what was found in an image, or in a plane of a stack, in numbers."""
    labels = proposals.labels
    areas = np.bincount(labels.ravel(), minlength=proposals.n_classes + 1)
    classes = tuple(
        FoundClass(id_, is_object, int(areas[id_]), float(areas[id_] / labels.size), looked)
        for id_, (is_object, looked) in enumerate(
            zip(proposals.salient.tolist(), proposals.densities.tolist(), strict=True), start=1
        )
    )
    return FoundPlane(plane, (labels.shape[0], labels.shape[1]), classes, _boxes(proposals))


def _boxes(proposals: ObjectProposals) -> tuple[FoundBox, ...]:
    found = proposals.boxes
    parts = {
        id_: _parts(proposals.mask if id_ == 0 else proposals.labels == id_)
        for id_ in np.unique(found.classes).tolist()
    }
    boxes = []
    for row, id_, score in zip(
        found.corners.tolist(), found.classes.tolist(), found.scores.tolist(), strict=True
    ):
        y0, x0, y1, x1 = corners = (row[0], row[1], row[2], row[3])
        inside = parts[id_][corners]
        strip = np.zeros((proposals.labels.shape[0], x1 - x0), bool)
        strip[y0:y1] = inside
        runs = runs_of(strip, x0, proposals.labels.shape[1])
        boxes.append(FoundBox(id_, corners, int(inside.sum()), score, runs))
    return tuple(boxes)


def _parts(members: NDArray[np.bool_]) -> dict[Corners, NDArray[np.bool_]]:
    """Return the 8-connected parts of a class by the corners of their boxes; of two in one box the larger."""
    parts = label(members, connectivity=2)
    by_corners: dict[Corners, NDArray[np.bool_]] = {}
    for number, (rows, columns) in enumerate(extents_of(parts), start=1):
        corners = (rows.start, columns.start, rows.stop, columns.stop)
        inside = parts[rows, columns] == number
        if corners not in by_corners or inside.sum() > by_corners[corners].sum():
            by_corners[corners] = inside
    return by_corners


def runs_of(strip: NDArray[np.bool_], first: int, width: int) -> tuple[int, ...]:
    """Return some columns of a mask as COCO's run lengths of all of it.

    Parameters
    ----------
    strip : (H, w) bool array
        All that is inside.
    first : int
        Column of the mask that the strip begins at.
    width : int, pixels
        Of the mask.

    Returns
    -------
    runs : tuple of int
        Lengths of runs that are by turns outside and inside, column by column; the first may be 0.
    """
    flat = strip.ravel(order="F")
    height = len(strip)
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1 + first * height
    bounds = [0, *([first * height] if flat[0] else []), *changes.tolist()]
    end = (first + strip.shape[1]) * height
    bounds += [end] if flat[-1] and end < width * height else []
    return tuple(np.diff([*bounds, width * height]).tolist())
