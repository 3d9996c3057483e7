"""The plane between what is of an object and what is not, learned of a first guess."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from skimage.filters import threshold_otsu
from sklearn.linear_model import Ridge

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.seen import Seen

ROUNDS = 3
"""How often the plane is learned, each time of what the last one has told apart."""
PENALTY = 1.0
"""Of ridge regression: next to nothing, with hundreds of rows."""


@dataclass(frozen=True)
class ObjectPlane:
    """The plane in the space of descriptors between objects and the rest.

    Attributes
    ----------
    weights : (D,) float32
    offset : float
    threshold : float
        Above which a score is of an object.
    """

    weights: NDArray[np.float32]
    offset: float
    threshold: float

    @classmethod
    def learned(cls, rows: NDArray[np.float32], share: NDArray[np.float64]) -> ObjectPlane:
        """Return the plane between rows (n, D) of objects and the others, by a first guess (n,)."""
        for _ in range(ROUNDS):
            fitted = Ridge(PENALTY).fit(rows, share)
            plane = cls(fitted.coef_.astype(np.float32), float(fitted.intercept_), 0.5)
            scores = np.clip(plane.scored(rows), 0, 1)
            threshold = halfway(scores)
            share = (scores > threshold).astype(np.float64)
        return cls(plane.weights, plane.offset, threshold)

    def scored(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the score (n,) of descriptors (n, D): about 0 for the rest, 1 for an object."""
        return np.asarray(rows @ self.weights + self.offset, np.float32)

    def scores(self, seen: Seen) -> NDArray[np.float32]:
        """Return the score (h, w) of each cell of an image."""
        return self.scored(seen.rows).reshape(seen.grid.shape)

    def turned(self) -> ObjectPlane:
        """Return the plane that takes the rest for the object."""
        return ObjectPlane(-self.weights, 1 - self.offset, 1 - self.threshold)


def halfway(scores: NDArray[np.float32]) -> float:
    """Return what lies halfway between the means of the two kinds of scores that Otsu's threshold separates.

    Which is where that threshold is, but for scores so well apart that any between them would do.
    """
    above = scores > threshold_otsu(scores)
    return float((scores[above].mean() + scores[~above].mean()) / 2)
