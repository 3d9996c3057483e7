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

Box = tuple[int, tuple[int, int, int, int]]
"""Whose it is, and its corners."""


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
    found, (height, width) = proposals.boxes, proposals.labels.shape
    rows = list(zip(found.classes.tolist(), map(tuple, found.corners.tolist()), strict=True))
    mask = proposals.mask
    parts = _parts(mask, 0, set(rows)) | _parts(np.where(mask, proposals.labels, 0), None, set(rows))
    boxes = []
    for (id_, corners), score in zip(rows, found.scores.tolist(), strict=True):
        y0, x0, y1, x1 = corners
        inside = parts[id_, corners]
        strip = np.zeros((height, x1 - x0), bool)
        strip[y0:y1] = inside
        boxes.append(FoundBox(id_, corners, int(inside.sum()), score, runs_of(strip, x0, width)))
    return tuple(boxes)


def drawn_box(
    objects: NDArray[np.integer], class_id: int, corners: tuple[int, int, int, int], score: float
) -> FoundBox | None:
    """Return a box that a person has moved, or kept from another cut; None if it is not in the image.

    Parameters
    ----------
    objects : (H, W) int array
        Classes of the objects, 0 on the ground.
    class_id : int
        Of the box; 0 is all objects together.
    corners : (y0, x0, y1, x1), pixels
        Cut at the border of the image.
    score : float

    Returns
    -------
    box : FoundBox or None
        Of the pixels in it that are of its class; where none is of any object, else of all in it.
    """
    height, width = objects.shape
    y0, x0, y1, x1 = np.clip(corners, 0, [height, width, height, width]).tolist()
    if y0 >= y1 or x0 >= x1:
        return None
    within = objects[y0:y1, x0:x1]
    kinds = (within > 0 if class_id == 0 else within == class_id, within > 0)
    inside = next((kind for kind in kinds if kind.any()), np.ones(within.shape, bool))
    strip = np.zeros((height, x1 - x0), bool)
    strip[y0:y1] = inside
    return FoundBox(class_id, (y0, x0, y1, x1), int(inside.sum()), score, runs_of(strip, x0, width))


def _parts(
    labels: NDArray[np.generic], class_id: int | None, wanted: set[Box]
) -> dict[Box, NDArray[np.bool_]]:
    """Return the 8-connected parts that boxes are of, whose class is their label where none is given.

    Of two parts of a class in one box it is the larger.
    """
    parts = label(labels, connectivity=2)
    found: dict[Box, NDArray[np.bool_]] = {}
    for number, (rows, columns) in enumerate(extents_of(parts), start=1):
        inside = parts[rows, columns] == number
        own = int(labels[rows, columns][inside][0]) if class_id is None else class_id
        box = (own, (rows.start, columns.start, rows.stop, columns.stop))
        if box in wanted and (box not in found or inside.sum() > found[box].sum()):
            found[box] = inside
    return found


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
