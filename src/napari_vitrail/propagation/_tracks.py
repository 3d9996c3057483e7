"""Where points and boxes are in the frames of a stack."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

VISIBLE = 0.7
"""Confidence from which something is held to be seen; found as docs/explanation/tracks.md says."""


@dataclass(frozen=True, eq=False)
class _Followed:
    """What points and boxes have in common: one row for each of them in each frame.

    Attributes
    ----------
    ids : (m,) int64
        What each is called by.
    frames : (m,) int64
        Which frame of the stack.
    confidence : (m,) float64
        How much the place looks as it did where it was given, or was seen last; 0 to 1, 1 where given.
    given : (m,) bool
        Rows that were given by hand.
    """

    ids: NDArray[np.int64]
    frames: NDArray[np.int64]
    confidence: NDArray[np.float64]
    given: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.ids)

    def __getitem__(self, rows: Any) -> Self:
        """Return some of the rows: a slice, a mask (m,) or indices (k,)."""
        return type(self)(*(getattr(self, item.name)[rows] for item in fields(self)))

    @property
    def visible(self) -> NDArray[np.bool_]:
        """Rows (m,) that are held to be seen; others stay where they were seen last."""
        return np.asarray(self.confidence >= VISIBLE)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the rows of several, by ids and frames."""
        columns = [np.concatenate([getattr(part, item.name) for part in parts]) for item in fields(cls)]
        whole = cls(*columns)
        return whole[np.lexsort((whole.frames, whole.ids))]


@dataclass(frozen=True, eq=False)
class Tracks(_Followed):
    """Points through a stack: one row for each point in each frame, by ids and frames.

    Attributes
    ----------
    ids : (m,) int64
        What each point is called by.
    frames : (m,) int64
        Which frame of the stack.
    confidence : (m,) float64
        How much the place looks as it did where it was given, or was seen last; 0 to 1, 1 where given.
    given : (m,) bool
        Rows that were given by hand.
    points : (m, 2) float64
        Row/column pixels. A point that is not visible stays where it was seen last.
    """

    points: NDArray[np.float64]

    @property
    def track_rows(self) -> NDArray[np.float64]:
        """Rows (k, 4) (id, frame, row, column) of what is visible, for a Tracks layer of napari."""
        return np.column_stack([self.ids, self.frames, self.points])[self.visible]

    @property
    def point_rows(self) -> NDArray[np.float64]:
        """Rows (k, 3) (frame, row, column) of what is visible, for a Points layer of napari."""
        return self.track_rows[:, 1:]


@dataclass(frozen=True, eq=False)
class TrackedBoxes(_Followed):
    """Boxes through a stack: one row for each box in each frame, by ids and frames.

    Attributes
    ----------
    ids : (m,) int64
        What each box is called by.
    frames : (m,) int64
        Which frame of the stack.
    confidence : (m,) float64
        How sure the places are that make up what is in the box; 0 to 1, 1 where given.
    given : (m,) bool
        Rows that were given by hand.
    boxes : (m, 4) float64
        Half-open: first row and column, and those after the last. They may reach beyond the frame.
    """

    boxes: NDArray[np.float64]

    @property
    def corner_rows(self) -> NDArray[np.float64]:
        """Corners (k, 4, 3) of what is visible, by frame, row and column, for a Shapes layer of napari."""
        low, high = self.boxes[:, :2] - 0.5, self.boxes[:, 2:] - 0.5  # a pixel's centre is an integer
        corners = [
            low,
            np.column_stack([low[:, 0], high[:, 1]]),
            high,
            np.column_stack([high[:, 0], low[:, 1]]),
        ]
        planes = [np.column_stack([self.frames, corner]) for corner in corners]
        return np.stack(planes, axis=1)[self.visible]
