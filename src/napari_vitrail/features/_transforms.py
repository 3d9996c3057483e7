"""Shifted and flipped copies of an image, and the way back for what was computed on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from napari_vitrail.tiling import reflected

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.spec import FeatureSpec

NEUMANN = ((-1, 0), (0, -1), (0, 1), (1, 0))
MOORE = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))


class Transform(Protocol):
    """A copy of an image that keeps its shape, and its inverse for maps of that shape."""

    def apply(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the transformed image (H, W[, C])."""
        ...

    def invert(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a map of the transformed image in the frame of the image; zero where nothing is known."""
        ...


@dataclass(frozen=True)
class Shift:
    """What was at (y, x) is at (y + dy, x + dx).

    Attributes
    ----------
    dy, dx : int, pixels
    border : {"reflect", "wrap"}
        What enters: the image reflected, of which nothing is known on the way back, or its other side.
    """

    dy: int
    dx: int
    border: str = "reflect"

    def apply(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the shifted image."""
        if self.border == "wrap":
            return np.roll(image, (self.dy, self.dx), axis=(0, 1))
        height, width = image.shape[:2]
        rows = reflected(-self.dy, height - self.dy, height)
        columns = reflected(-self.dx, width - self.dx, width)
        return image[rows][:, columns]

    def invert(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the map shifted back; zero where it shows what entered from outside."""
        back = np.roll(values, (-self.dy, -self.dx), axis=(0, 1))
        if self.border == "reflect":
            for axis, shift in ((0, self.dy), (1, self.dx)):
                known = max(values.shape[axis] - shift, 0)
                outside = slice(None, -shift) if shift < 0 else slice(known, None)
                np.moveaxis(back, axis, 0)[outside if shift else slice(0)] = 0
        return back


@dataclass(frozen=True)
class Flip:
    """The image mirrored along one axis."""

    axis: int

    def apply(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the mirrored image."""
        return np.flip(image, self.axis)

    def invert(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the map mirrored back."""
        return np.flip(values, self.axis)


@dataclass(frozen=True)
class Compose:
    """Several transforms, one after the other; the inverse undoes the last one first."""

    steps: tuple[Transform, ...]

    def apply(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the image after all steps."""
        for step in self.steps:
            image = step.apply(image)
        return image

    def invert(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the map before all steps."""
        for step in reversed(self.steps):
            values = step.invert(values)
        return values


@dataclass(frozen=True)
class View:
    """One of the copies that features are averaged over: the image shifted, then flipped.

    Attributes
    ----------
    shift : (dy, dx) in pixels
    flips : (rows, columns)
        Whether each axis is mirrored.
    weight : float
        How much the copy counts.
    """

    shift: tuple[int, int]
    flips: tuple[bool, bool]
    weight: float

    def transform(self, border: str) -> Transform:
        """Return the copy as a transform of the whole image."""
        mirrored = [Flip(axis) for axis in (0, 1) if self.flips[axis]]
        return Compose((Shift(*self.shift, border), *mirrored))


def shifts(kind: str, distance: int) -> list[tuple[int, int]]:
    """Return no shift and those by 1 ... `distance` pixels in 4 or 8 directions.

    References
    ----------
    Docherty et al. (2024), Algorithm 1: Moore {1, 2} are 17 copies, von Neumann {1} 5.
    """
    directions = {"none": (), "neumann": NEUMANN, "moore": MOORE}[kind]
    return [(0, 0), *((dy * k, dx * k) for k in range(1, distance + 1) for dy, dx in directions)]


def flips(kind: str) -> list[tuple[tuple[bool, bool], float]]:
    """Return flips and their weights; ``paper`` is identity, horizontal, identity, vertical.

    ``turn`` is half of ``group`` and already cancels whatever is odd in the position, which tells left
    from right and top from bottom.
    """
    neither, horizontal, vertical, both = (False, False), (False, True), (True, False), (True, True)
    if kind == "none":
        return [(neither, 1.0)]
    if kind == "paper":  # the identity runs once and counts twice
        return [(neither, 2.0), (horizontal, 1.0), (vertical, 1.0)]
    if kind == "turn":
        return [(neither, 1.0), (both, 1.0)]
    return [(flip, 1.0) for flip in (neither, horizontal, vertical, both)]


def views(spec: FeatureSpec) -> list[View]:
    """Return every copy that a spec averages over; without shifts and flips the image alone."""
    return [
        View(shift, flip, weight)
        for shift in shifts(spec.shifts, spec.shift_distance)
        for flip, weight in flips(spec.flips)
    ]
