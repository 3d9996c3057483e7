"""Strokes drawn from ground truth as a hand would: short, smooth, inside one class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

LENGTHS = (20, 60)
"""Steps of a stroke, a pixel each."""
BRUSHES = (1, 2, 3)
"""Sides of the square brush, in pixels."""
FEWEST = 4
"""Strokes of a class at least, as long as its budget allows: one long stroke would see one place only."""
TURNS = (0.6, -0.6, 1.2, -1.2, 2.0, -2.0)
"""Radians that a stroke tries at the outline of its class, in this order, before it ends."""


def draw_strokes(truth: NDArray[np.intp], fraction: float, random_state: int = 0) -> NDArray[np.intp]:
    """Return labels (H, W) with strokes on about `fraction` of all pixels; 0 is unlabelled.

    Parameters
    ----------
    truth : (H, W) int array
        0 is ignored.
    fraction : float
        Of the image's pixels. Classes share it in proportion to the square root of their areas, and
        none gets more than a quarter of its own.
    random_state : int
        Equal states draw equal strokes.
    """
    rng = np.random.default_rng(random_state)
    painted = np.zeros(truth.shape, np.intp)
    for class_id, budget in _budgets(truth, fraction).items():
        _paint_class(painted, _Region.of(truth == class_id), class_id, budget, rng)
    return painted


def _budgets(truth: NDArray[np.intp], fraction: float) -> dict[int, int]:
    """Return how many pixels of each class are painted; what a small class leaves goes to the others."""
    ids, areas = np.unique(truth[truth > 0], return_counts=True)
    budgets: dict[int, int] = {}
    left = fraction * truth.size
    order = np.argsort(areas)
    for place, index in enumerate(order):
        roots = np.sqrt(areas[order[place:]])
        share = min(left * roots[0] / roots.sum(), areas[index] / 4)
        budgets[int(ids[index])] = max(round(share), 1)
        left -= share
    return budgets


@dataclass(frozen=True)
class _Region:
    """The pixels of one class, and how far each is from the outline."""

    inside: NDArray[np.bool_]
    depth: NDArray[np.float64]
    pixels: NDArray[np.intp]

    @classmethod
    def of(cls, inside: NDArray[np.bool_]) -> _Region:
        depth = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
        return cls(inside, depth, np.argwhere(inside))

    def holds(self, y: float, x: float) -> bool:
        height, width = self.inside.shape
        return 0 <= y < height and 0 <= x < width and bool(self.inside[int(y), int(x)])


def _paint_class(
    painted: NDArray[np.intp], region: _Region, class_id: int, budget: int, rng: np.random.Generator
) -> None:
    longest = max(8, budget // FEWEST)
    left, attempts = budget, 0
    while left > 0 and attempts < 3000:
        attempts += 1
        stroke = _stroke(painted, region, min(longest, left), rng)
        painted[tuple(np.array(sorted(stroke), int).reshape(-1, 2).T)] = class_id
        left -= len(stroke)


def _stroke(
    painted: NDArray[np.intp], region: _Region, limit: int, rng: np.random.Generator
) -> set[tuple[int, int]]:
    """Return the pixels of one stroke, at most `limit`; none where its start is painted already."""
    y, x = region.pixels[rng.integers(len(region.pixels))]
    if painted[y, x]:
        return set()
    position = _deeper(region, int(y), int(x), rng)
    brush, length = int(rng.choice(BRUSHES)), int(rng.integers(LENGTHS[0], LENGTHS[1] + 1))
    heading = rng.uniform(0, 2 * np.pi)
    pixels: set[tuple[int, int]] = set()
    for _ in range(length):
        for pixel in _dab(position, brush):
            if len(pixels) < limit and region.holds(*pixel) and not painted[pixel]:
                pixels.add(pixel)
        step = _step(region, position, heading, rng)
        if step is None or len(pixels) >= limit:
            break
        position, heading = step
    return pixels


def _deeper(region: _Region, y: int, x: int, rng: np.random.Generator) -> tuple[float, float]:
    """Walk a few pixels away from the outline: a hand starts inside."""
    for _ in range(4):
        top, left = max(y - 2, 0), max(x - 2, 0)
        window = region.depth[top : y + 3, left : x + 3]
        best = (window + rng.uniform(0, 0.5, window.shape)).argmax()
        y, x = top + int(best // window.shape[1]), left + int(best % window.shape[1])
    return float(y), float(x)


def _dab(position: tuple[float, float], brush: int) -> list[tuple[int, int]]:
    offsets = range(-(brush // 2), (brush + 1) // 2)
    return [(int(position[0]) + dy, int(position[1]) + dx) for dy in offsets for dx in offsets]


def _step(
    region: _Region, position: tuple[float, float], heading: float, rng: np.random.Generator
) -> tuple[tuple[float, float], float] | None:
    """Return the next position and heading, or None where every turn leaves the class."""
    for turn in (rng.normal(0, 0.35), *TURNS):
        y, x = position[0] + np.sin(heading + turn), position[1] + np.cos(heading + turn)
        if region.holds(y, x):
            return (y, x), heading + turn
    return None
