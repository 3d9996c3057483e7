"""Boxes that go from frame to frame with what is in them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.object_plane import ObjectPlane
from napari_vitrail.propagation._following import Found
from napari_vitrail.propagation._given import shares_of
from napari_vitrail.propagation._passing import CarriedFrame, Pass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.grid import Grid
    from napari_vitrail.propagation._following import ShownFrame
    from napari_vitrail.propagation._seen import SeenFrame
    from napari_vitrail.propagation._spec import PropagationSpec

    Shares = NDArray[np.float32]

SURROUNDINGS = 0.5
"""Sides of a box that its surroundings reach beyond it."""
FEWEST = 3
"""Places of an object, below which all that is in the box is taken for it."""
HELD = 0.5
"""Of the largest share of a given object: places that have so much count as it, the rest has leaked."""
CORE = (0.05, 0.95)
"""Parts of an object, along an axis, between which its extent is measured: single places are no sides."""


class BoxPass:
    """Boxes on their way through a stack, away from the frame that they were given in.

    Parameters
    ----------
    source : ShownFrame
        That the boxes were given in.
    boxes : (n, 4) float64, half-open, pixels of the frame
    spec : PropagationSpec
    """

    def __init__(self, source: ShownFrame, boxes: NDArray[np.float64], spec: PropagationSpec) -> None:
        frame = source.frame
        objects = np.stack([_object_in(box, frame) for box in boxes], axis=-1)
        ground = 1 - objects.max(axis=-1, keepdims=True)
        values = np.concatenate([ground, objects], axis=-1).astype(np.float16)
        self._pass = Pass(CarriedFrame(frame, values), replace(spec, mode="dense"))
        self._held = HELD * objects.max(axis=(0, 1))
        self._boxes = self._last = boxes
        self._cores = np.array([_core(own, frame.grid) for own in np.moveaxis(objects, -1, 0)])

    def step(self, shown: ShownFrame) -> Found:
        """Return where the boxes are in the next frame."""
        values = self._pass.step(shown.frame).values[..., 1:].astype(np.float32)
        shares = np.where(values > self._held, values, 0)
        present = shares.any(axis=(0, 1))
        boxes = self._last.copy()
        for row in np.flatnonzero(present):
            boxes[row] = _moved(self._boxes[row], self._cores[row], _core(shares[..., row], shown.frame.grid))
        self._last = boxes
        total = np.maximum(shares.sum(axis=(0, 1)), HELD)
        return Found(boxes, ((shares**2).sum(axis=(0, 1)) / total).astype(np.float64))


def _object_in(box: NDArray[np.float64], frame: SeenFrame) -> Shares:
    """Return how much each place (h, w) is of what differs in a box from what is round it."""
    inside = _shares_in(box, frame)
    sides = np.tile(box[2:] - box[:2], 2) * np.repeat([-SURROUNDINGS, SURROUNDINGS], 2)
    near = _shares_in(box + sides, frame) > 0
    if not np.ptp(inside[near]):  # the box is the whole frame, or within a single place
        return inside
    rows = frame.descriptors[near].astype(np.float32)
    plane = ObjectPlane.learned(rows, inside[near].astype(np.float64))
    differing = np.zeros(frame.grid.shape, bool)
    differing[near] = plane.scored(rows) > plane.threshold
    own = inside * differing
    return own if np.count_nonzero(own) >= FEWEST else inside


def _shares_in(box: NDArray[np.float64], frame: SeenFrame) -> Shares:
    """Return which share of the cell round each place (h, w) lies in a box."""
    low, high = (np.clip(np.floor(side + 0.5), 0, frame.shape).astype(int) for side in (box[:2], box[2:]))
    mask = np.zeros(frame.shape, np.uint8)
    mask[low[0] : high[0], low[1] : high[1]] = 1
    return shares_of(mask, (0, 1), frame.grid)[..., 1].astype(np.float32)


def _core(shares: NDArray[np.floating], grid: Grid) -> NDArray[np.float64]:
    """Return the first row and column, and the last ones, (4,) of the core of an object, in pixels."""
    found = []
    for axis in (0, 1):
        grown = np.concatenate([[0], np.cumsum(shares.sum(axis=1 - axis, dtype=np.float64))])
        edges = grid.along(axis)[0] + grid.spacing[axis] * (np.arange(len(grown)) - 0.5)
        found.append(np.interp(np.array(CORE) * grown[-1], grown, edges))
    return np.array(found).T.ravel()


def _moved(
    box: NDArray[np.float64], core0: NDArray[np.float64], core1: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return a box moved and scaled along both axes as the core of what is in it was."""
    scale = np.tile((core1[2:] - core1[:2]) / (core0[2:] - core0[:2]), 2)
    return np.asarray(core1 + scale * (box - 0.5 - core0) + 0.5)  # a pixel's first edge is half before it
