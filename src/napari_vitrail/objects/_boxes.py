"""Boxes of objects: of each connected part of each class, and of the largest part of all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from napari_vitrail.objects._regions import Regions

if TYPE_CHECKING:
    from numpy.typing import NDArray

Duplicate = Literal["part", "superbox"]
Wholes = Literal["all", "largest"]
Mode = Literal["all", "single"]


@dataclass(frozen=True)
class Boxes:
    """Boxes of objects, that of the largest connected part of all objects together first.

    Attributes
    ----------
    corners : (n, 4) int, pixels
        Half-open rows and columns ``(y0, x0, y1, x1)``.
    classes : (n,) int
        Whose part each box is; 0 is all objects together.
    scores : (n,) float64
        How many times more than the mean pixel those of the part are looked at.
    """

    corners: NDArray[np.intp]
    classes: NDArray[np.intp]
    scores: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.corners)


@dataclass(frozen=True)
class BoxRule:
    """Which parts of the objects get a box.

    Attributes
    ----------
    min_area : int, pixels
        Only connected parts of more pixels do.
    overlap : float, 0 to 1
        Of two boxes that overlap by more than this share of what both cover one is left out.
    wholes : {"all", "largest"}
        Which connected parts of all objects together get a box, beside those of each class; the latter, the
        superbox alone, is published.
    duplicate : {"part", "superbox"}
        Which of the box of all objects together and that of one part of a class is kept where both are the
        same; the latter is the released code.
    mode : {"all", "single"}
        ``single`` gives the superbox alone.

    Raises
    ------
    ValueError
        If a value is out of range.

    References
    ----------
    Docherty et al. (2024), section 3.2; left out among equals are those of lower score.
    """

    min_area: int = 200
    overlap: float = 0.8
    wholes: Wholes = "all"
    duplicate: Duplicate = "part"
    mode: Mode = "all"

    def __post_init__(self) -> None:
        if self.min_area < 0:
            raise ValueError(f"min_area must be at least 0 pixels, got {self.min_area}")
        if not 0 <= self.overlap <= 1:
            raise ValueError(f"overlap must be 0 to 1, got {self.overlap}")
        for name, kind in (("wholes", Wholes), ("duplicate", Duplicate), ("mode", Mode)):
            if getattr(self, name) not in get_args(kind):
                allowed = " or ".join(map(repr, get_args(kind)))
                raise ValueError(f"{name} must be {allowed}, got {getattr(self, name)!r}")

    def boxes(
        self, labels: NDArray[np.integer], salient: NDArray[np.bool_], looked: NDArray[np.float32]
    ) -> Boxes:
        """Return the boxes of the objects of an image.

        Parameters
        ----------
        labels : (H, W) int array
            Classes from 1.
        salient : (k,) bool array
            Whether class ``i + 1`` is an object.
        looked : (H, W) float array
            How much each pixel is looked at.
        """
        ids = np.where(salient, np.arange(1, len(salient) + 1), 0)
        return self.boxes_of(Regions.of(labels, looked), np.concatenate([[0], ids]))

    def boxes_of(self, regions: Regions, classes: NDArray[np.integer]) -> Boxes:
        """Return the boxes of the objects of an image that is in regions.

        Parameters
        ----------
        regions : Regions
        classes : (k,) int array
            The class, from 1, of each piece; 0 where that is ground.
        """
        wholes = _parts(regions, np.minimum(classes, 1), self.min_area)
        wholes = Boxes(wholes.corners, np.zeros_like(wholes.classes), wholes.scores)
        if self.wholes == "largest" or self.mode == "single":
            wholes = _chosen(wholes, np.arange(len(wholes))[:1])
        if self.mode == "single" or not len(wholes):
            return wholes
        return self._with_parts(wholes, self._without_doubles(_parts(regions, classes, self.min_area)))

    def _with_parts(self, wholes: Boxes, parts: Boxes) -> Boxes:
        """Return boxes of whole objects, or of the parts that are as large, and then those of other parts."""
        same = overlaps(wholes.corners, parts.corners) > self.overlap
        if self.duplicate == "superbox" or not len(parts):
            return _joined([wholes, _chosen(parts, np.flatnonzero(~same.any(axis=0)))])
        replaced, first = same.any(axis=1), same.argmax(axis=1)
        both = _joined([wholes, parts])
        instead = np.where(replaced, len(wholes) + first, np.arange(len(wholes)))
        others = np.setdiff1d(np.arange(len(wholes), len(both)), instead)
        return _chosen(both, np.concatenate([instead, others]))

    def _without_doubles(self, boxes: Boxes) -> Boxes:
        """Return boxes by falling score, without those that a better one covers."""
        boxes = _chosen(boxes, np.argsort(-boxes.scores, kind="stable"))
        covers = overlaps(boxes.corners, boxes.corners) > self.overlap
        kept: list[int] = []
        for index in range(len(boxes)):
            if not covers[index, kept].any():
                kept.append(index)
        return _chosen(boxes, np.array(kept, np.intp))


def _parts(regions: Regions, classes: NDArray[np.integer], min_area: int) -> Boxes:
    """Return the boxes of the connected parts of all classes (k,) of pieces but 0, the largest first."""
    parts = regions.merged(classes)
    chosen = np.flatnonzero((parts.pieces > 0) & (parts.areas > min_area))
    chosen = chosen[np.argsort(-parts.areas[chosen], kind="stable")]
    return Boxes(parts.corners[chosen], parts.pieces[chosen], parts.looked[chosen] / parts.areas[chosen])


def _joined(boxes: list[Boxes]) -> Boxes:
    return Boxes(
        np.concatenate([each.corners for each in boxes]),
        np.concatenate([each.classes for each in boxes]),
        np.concatenate([each.scores for each in boxes]),
    )


def _chosen(boxes: Boxes, chosen: NDArray[np.intp]) -> Boxes:
    return Boxes(boxes.corners[chosen], boxes.classes[chosen], boxes.scores[chosen])


def overlaps(boxes0: NDArray[np.intp], boxes1: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the intersection over union of every pair of boxes.

    Parameters
    ----------
    boxes0, boxes1 : (n, 4) and (m, 4) int array, pixels
        Half-open rows and columns ``(y0, x0, y1, x1)``.

    Returns
    -------
    overlaps : (n, m) float64
        0 to 1.
    """
    first = np.maximum(boxes0[:, None, :2], boxes1[None, :, :2])
    last = np.minimum(boxes0[:, None, 2:], boxes1[None, :, 2:])
    shared = np.prod(np.maximum(last - first, 0), axis=-1)
    areas0, areas1 = (np.prod(boxes[:, 2:] - boxes[:, :2], axis=-1) for boxes in (boxes0, boxes1))
    return np.asarray(shared / (areas0[:, None] + areas1[None] - shared))
