"""Points followed from frame to frame, by what the ViT and the pixels say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.ndimage import map_coordinates
from skimage.feature import match_template

from napari_vitrail.features import product, unit_rows
from napari_vitrail.grid import FeatureGrid, Grid
from napari_vitrail.peaks import past_top
from napari_vitrail.propagation._tracks import VISIBLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.propagation._seen import SeenFrame

    Points = NDArray[np.float64]
    Windows = NDArray[np.float32]

TEMPLATE = 12
"""Pixels of the frame as it is seen, from a point to the edge of the picture that is looked for."""
REACH = 21
"""Such pixels, from where a point is expected to the edge of where it is looked for."""
RECENT = 0.3
"""What the token of the last frame counts beside that of the given one."""
TOKENS = 0.5
"""What the cosine of tokens counts beside the correlation of pixels, of 1."""
SLOWNESS = 3.4e-4
"""What a step of one pixel costs, and one of d pixels d² times."""
SLOWNESS_OF_LOST = 1.0e-4
"""The same for a point that was not seen in the frame before; less, the longer it was not seen."""


@dataclass(frozen=True, eq=False)
class ShownFrame:
    """A frame as the ViT sees it, with its pixels.

    Attributes
    ----------
    frame : SeenFrame
    grey : (H', W') float32
        Of the pixels that the ViT sees, 0 to 1.
    """

    frame: SeenFrame
    grey: NDArray[np.float32]

    @property
    def factors(self) -> NDArray[np.float64]:
        """By how much the frame is enlarged along both axes."""
        return np.array(self.grey.shape) / self.frame.shape

    @property
    def tokens(self) -> FeatureGrid:
        """The descriptors, on their grid in the pixels that the ViT sees."""
        rows, columns = (1 / factor for factor in self.factors.tolist())
        return FeatureGrid(self.frame.descriptors, self.frame.grid.magnified((rows, columns)))

    def to_seen(self, points: Points) -> Points:
        """Return where points of the frame are in the pixels that the ViT sees."""
        return np.asarray((points + 0.5) * self.factors - 0.5)

    def to_frame(self, points: Points) -> Points:
        """Return where points of the pixels that the ViT sees are in the frame."""
        return np.asarray((points + 0.5) / self.factors - 0.5)


class Found(NamedTuple):
    """Where things are in a frame.

    Attributes
    ----------
    places : (n, k) float64, pixels of the frame
        Points, or the sides of boxes.
    confidence : (n,) float64
        0 to 1; see `VISIBLE`.
    """

    places: Points
    confidence: NDArray[np.float64]


class _Look(NamedTuple):
    """How places look in a frame: tokens (n, D) of length 1, and pixels (n, k, k) round them."""

    tokens: NDArray[np.float32]
    pixels: Windows

    @classmethod
    def of(cls, shown: ShownFrame, places: Points) -> _Look:
        tokens = unit_rows(shown.tokens.at(places))
        return cls(tokens, np.stack([_window(shown.grey, place, TEMPLATE) for place in places]))

    def likeness(self, other: _Look) -> NDArray[np.float64]:
        """Return how much places look like others (n,), by tokens and by pixels; 0 to 1."""
        cosine = (self.tokens * other.tokens).sum(axis=1)
        both = (cosine + _correlations(self.pixels, other.pixels)) / 2
        return np.clip(both, 0, 1).astype(np.float64)

    def where(self, rows: NDArray[np.bool_], other: _Look) -> _Look:
        """Return these, but for the rows that are not chosen, which are the other's."""
        tokens = np.where(rows[:, None], self.tokens, other.tokens)
        return _Look(tokens, np.where(rows[:, None, None], self.pixels, other.pixels))


class PointPass:
    """Points on their way through a stack, away from the frame that they were given in.

    A point is looked for by how it looked there, so that it does not drift, and by how it looked where it
    was seen last, so that it may turn and change. So much is held, however long the way.

    Parameters
    ----------
    source : ShownFrame
        That the points were given in.
    points : (n, 2) float64, pixels of the frame
    """

    def __init__(self, source: ShownFrame, points: Points) -> None:
        self._places = source.to_seen(points)
        self._given = self._last = _Look.of(source, self._places)
        self._unseen = np.zeros(len(points), np.intp)

    def step(self, shown: ShownFrame) -> Found:
        """Return where the points are in the next frame."""
        expected = self._expected(shown)
        wanted = (1 - RECENT) * self._given.tokens + RECENT * self._last.tokens
        similar = _similarities(shown, wanted)
        looks = zip(self._given.pixels, self._last.pixels, strict=True)
        found = np.array(
            [
                _best_place(shown.grey, similar.values[..., row], similar.grid, expected[row], own)
                for row, own in enumerate(looks)
            ]
        )
        look = _Look.of(shown, found)
        confidence = np.maximum(look.likeness(self._given), look.likeness(self._last))
        seen = confidence >= VISIBLE
        self._unseen = np.where(seen, 0, self._unseen + 1)
        self._places = np.where(seen[:, None], found, self._places)
        self._last = look.where(seen, self._last)
        return Found(shown.to_frame(self._places), confidence)

    def _expected(self, shown: ShownFrame) -> Points:
        """Return where to look: where a point was, or for a lost one at the token most like it near there."""
        expected = self._places.copy()
        lost = np.flatnonzero(self._unseen)
        if not lost.size:
            return expected
        similar = _similarities(shown, self._given.tokens[lost])
        centres = similar.grid.centres()
        for column, row in enumerate(lost):
            steps = ((centres - expected[row]) ** 2).sum(axis=1)
            score = similar.values[..., column].ravel() - SLOWNESS_OF_LOST * steps / self._unseen[row]
            expected[row] = centres[score.argmax()]
        return np.clip(expected, 0, np.array(shown.grey.shape) - 1)


def _similarities(shown: ShownFrame, tokens: NDArray[np.float32]) -> FeatureGrid:
    """Return how similar (h, w, n) the cells of a frame are to some tokens (n, D)."""
    own = shown.tokens
    similar = product(own.values.reshape(-1, own.width), tokens.T)
    return FeatureGrid(similar.reshape(*own.grid.shape, -1), own.grid)


def _best_place(
    grey: NDArray[np.float32], similar: NDArray[np.float32], grid: Grid, expected: Points,
    looks: tuple[Windows, Windows],
) -> Points:  # fmt: skip
    """Return where (2,) a point is most likely, which looked like (k, k) pixels."""
    window = _window(grey, expected, TEMPLATE + REACH)
    score = sum(match_template(window, look) for look in looks) / len(looks)
    lines = [expected[axis] + np.arange(-REACH, REACH + 1) for axis in (0, 1)]
    pixels = Grid(score.shape, (lines[0][0], lines[1][0]))
    score += TOKENS * FeatureGrid(similar[..., None], grid).on(pixels).values[..., 0]
    squares = np.arange(-REACH, REACH + 1) ** 2
    score -= SLOWNESS * (squares[:, None] + squares)
    inside = [(line >= -0.5) & (line <= side - 0.5) for line, side in zip(lines, grey.shape, strict=True)]
    score[~(inside[0][:, None] & inside[1])] = -np.inf
    return pixels.to_pixels(_peak(score))


def _peak(score: NDArray[np.float64]) -> Points:
    """Return the row and column (2,) of the highest score, between cells by the parabola through three."""
    cell = np.unravel_index(score.argmax(), score.shape)
    lines = score[:, cell[1]], score[cell[0]]
    return np.array([_vertex(line, int(top)) for line, top in zip(lines, cell, strict=True)])


def _vertex(line: NDArray[np.float64], top: int) -> float:
    if not 0 < top < len(line) - 1:
        return float(top)
    return float(top + past_top(*line[top - 1 : top + 2]))


def _window(grey: NDArray[np.float32], place: Points, reach: int) -> Windows:
    """Return pixels (2 * reach + 1 a side) round a place, whole or fractional; mirrored beyond the frame."""
    rows, columns = (place[axis] + np.arange(-reach, reach + 1) for axis in (0, 1))
    where = np.meshgrid(rows, columns, indexing="ij")
    found: Windows = map_coordinates(grey, where, order=1, mode="mirror")
    return found


def _correlations(first: Windows, second: Windows) -> NDArray[np.float32]:
    """Return the correlation (n,) of windows (n, k, k) with others; 0 where one is flat."""
    rows = [own.reshape(len(own), -1) for own in (first, second)]
    centred = [unit_rows(own - own.mean(axis=1, keepdims=True)) for own in rows]
    return np.asarray((centred[0] * centred[1]).sum(axis=1))
