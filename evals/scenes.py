"""Single photographs and where their objects are: masks of the foreground, boxes, or both."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage.io import imread

from evals.datasets import Array, data_folder
from napari_vitrail.objects import overlaps

Mask = NDArray[np.bool_]
Boxes = NDArray[np.intp]
RIGHT = 0.5
"""A box is right from this overlap with a true one on (CorLoc)."""


@dataclass(frozen=True)
class Scene:
    """One photograph, read when it is asked for.

    Attributes
    ----------
    path : Path
    boxes : (n, 4) int array or None
        Half-open (y0, x0, y1, x1) of its objects, where they are known.
    mask : Path or None
        Of the image of its foreground, where it is known.
    """

    path: Path
    boxes: Boxes | None = None
    mask: Path | None = None

    def image(self) -> Array:
        """Return the photograph."""
        return imread(self.path)

    def truth(self) -> Mask | None:
        """Return where the foreground is."""
        if self.mask is None:
            return None
        mask = imread(self.mask)
        return np.asarray((mask if mask.ndim == 2 else mask[..., 0]) > 127)


def _ecssd() -> Iterator[Scene]:
    folder = data_folder() / "ecssd"
    for path in sorted((folder / "images").glob("*.jpg")):
        yield Scene(path, None, folder / "masks" / f"{path.stem}.png")


def _coco() -> Iterator[Scene]:
    folder = data_folder() / "coco_subset"
    known = json.loads((folder / "boxes.json").read_text())
    for path in sorted((folder / "images").glob("*.jpg")):
        yield Scene(path, _rows_first(known[path.stem]["boxes"]), folder / "masks" / f"{path.stem}.png")


def _voc() -> Iterator[Scene]:
    folder = data_folder() / "voc07_boxes"
    known = json.loads((folder / "boxes.json").read_text())
    for path in sorted((folder / "images").glob("*.jpg")):
        first_counted_as_1 = np.array([1, 1, 0, 0])
        yield Scene(path, _rows_first(np.array(known[path.name]["boxes"]) - first_counted_as_1))


def _rows_first(boxes: NDArray[np.integer] | list[list[int]]) -> Boxes:
    """Return boxes (x0, y0, x1, y1) as (y0, x0, y1, x1)."""
    return np.asarray(boxes, np.intp).reshape(-1, 4)[:, [1, 0, 3, 2]]


SCENES: dict[str, Callable[[], Iterator[Scene]]] = {
    "ecssd": _ecssd,
    "coco_subset": _coco,
    "voc07_boxes": _voc,
}
"""By name, in the order of their files."""


def foreground_iou(mask: Mask, truth: Mask) -> float:
    """Return the intersection over union of a mask; 0 where both are empty."""
    union = np.count_nonzero(mask | truth)
    return float(np.count_nonzero(mask & truth) / union) if union else 0.0


def is_localised(found: Boxes, true: Boxes) -> bool:
    """Return whether any of the boxes found overlaps a true one by half of what both cover."""
    return bool(len(found) and len(true) and (overlaps(found, true) >= RIGHT).any())
