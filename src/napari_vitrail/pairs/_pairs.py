"""Pairs of points that show the same thing in two images."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

UNKNOWN = float("nan")
"""What stands for a score that nobody computed, as of pairs set by hand."""


@dataclass(frozen=True)
class Correspondences:
    """Points of one image, each with the point of another image that shows the same.

    Attributes
    ----------
    points0, points1 : (n, 2) float64
        Row/column pixels of each image; a pixel's centre is an integer. Row i of both is one pair.
    similarity : (n,) float64
        Cosine similarity of the descriptors, -1 to 1.
    saliency : (n,) float64
        Mean saliency of both places, 0 to 1.
    cycle_error : (n,) float64
        How far from where one began one ends who asks there and back, in pixels of the first image.

    Notes
    -----
    Scores may be given as nothing, ``None``, and are NaN then: pairs from a file, or set by hand, have none.
    """

    points0: NDArray[np.float64]
    points1: NDArray[np.float64]
    similarity: NDArray[np.float64] = None  # type: ignore[assignment]  # becomes an array below
    saliency: NDArray[np.float64] = None  # type: ignore[assignment]
    cycle_error: NDArray[np.float64] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        for name in ("points0", "points1"):
            object.__setattr__(self, name, as_points(name, getattr(self, name)))
        if len(self.points0) != len(self.points1):
            raise ValueError(
                f"points0 and points1 must be as many, got {len(self.points0)} and {len(self.points1)}"
            )
        for name in ("similarity", "saliency", "cycle_error"):
            object.__setattr__(self, name, self._score(name, getattr(self, name)))

    def _score(self, name: str, values: ArrayLike | None) -> NDArray[np.float64]:
        if values is None:
            return np.full(len(self), UNKNOWN)
        scores = np.asarray(values, np.float64)
        if scores.shape != (len(self),):
            raise ValueError(f"{name} must hold one value for each of {len(self)} pairs, got {scores.shape}")
        return scores

    @classmethod
    def none(cls) -> Correspondences:
        """Return no pairs at all."""
        return cls(np.zeros((0, 2)), np.zeros((0, 2)))

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.points0)

    def __getitem__(self, rows: Any) -> Correspondences:
        """Return some of the pairs: a slice, a mask (n,) or indices (k,)."""
        return Correspondences(*(getattr(self, item.name)[rows] for item in fields(self)))

    def swapped(self, pixel: float | None = None) -> Correspondences:
        """Return the same pairs seen from the other image.

        Parameters
        ----------
        pixel : float, optional
            How large a pixel of this first image is in those of the other. Without it the cycle error, which
            is in pixels of the first image, is not known.
        """
        cycle_error = (UNKNOWN if pixel is None else pixel) * self.cycle_error
        return Correspondences(self.points1, self.points0, self.similarity, self.saliency, cycle_error)


def as_points(name: str, points: ArrayLike) -> NDArray[np.float64]:
    """Return points as an (n, 2) float64 array, or say that `name` is none.

    Raises
    ------
    ValueError
        If they have another shape, or are not finite.
    """
    array = np.asarray(points, np.float64)
    if array.size == 0:
        return np.zeros((0, 2))
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"{name} must be (n, 2) rows and columns, got shape {array.shape}")
    if not np.isfinite(array).all():
        broken = np.flatnonzero(~np.isfinite(array).all(axis=1))
        raise ValueError(f"{name} must be finite, got {array[broken[0]].tolist()} in row {broken[0]}")
    return array
