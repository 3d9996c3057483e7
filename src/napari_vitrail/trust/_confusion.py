"""What was taken for what, and how sure one can be of a share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.blend import Ids

RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Confusion:
    """What pixels of each class were taken for.

    Attributes
    ----------
    counts : (k, k) float64
        Row: what was painted; column: what was predicted. Pixels, or strokes of which each pixel is a part.
        Rows of classes that could not be held out are zero.
    """

    counts: NDArray[np.float64]

    @property
    def accuracy(self) -> float:
        """Share that is right."""
        return float(np.trace(self.counts) / self.counts.sum())

    @property
    def rows(self) -> NDArray[np.float64]:
        """Shares (k, k) of what was painted; a row sums to 1, or is nan where nothing was held out."""
        return self.counts / _or_nan(self.counts.sum(axis=1))[:, None]

    @property
    def recall(self) -> NDArray[np.float64]:
        """Share (k,) of what was painted as a class that was found."""
        return np.diag(self.rows)

    @property
    def precision(self) -> NDArray[np.float64]:
        """Share (k,) of what was taken for a class that is of it; nan where nothing was."""
        return np.diag(self.counts) / _or_nan(self.counts.sum(axis=0))

    @property
    def iou(self) -> NDArray[np.float64]:
        """Intersection over union (k,) of each class; nan where it could not be held out."""
        painted, taken, right = self.counts.sum(axis=1), self.counts.sum(axis=0), np.diag(self.counts)
        return np.where(painted > 0, right / _or_nan(painted + taken - right), np.nan)

    @property
    def mean_iou(self) -> float:
        """Mean of `iou` over the classes that were held out."""
        return float(np.nanmean(self.iou))


def confusion(
    truth: Ids, predicted: Ids, classes: Ids, weights: NDArray[np.float64] | None = None
) -> Confusion:
    """Count what was taken for what, each pixel by its weight.

    Parameters
    ----------
    truth, predicted : (n,) int array
        Class ids, all of them among `classes`.
    classes : (k,) int array
        In ascending order.
    weights : (n,) array, optional
        By default 1.
    """
    pairs = np.searchsorted(classes, truth) * len(classes) + np.searchsorted(classes, predicted)
    counts = np.bincount(pairs, weights, minlength=len(classes) ** 2)
    return Confusion(counts.reshape(len(classes), len(classes)).astype(float))


def interval(
    shares: NDArray[np.float64], classes: Ids, random_state: int = 0, n_resamples: int = RESAMPLES
) -> tuple[float, float]:
    """Return within which bounds the mean of shares lies, by drawing strokes again.

    Parameters
    ----------
    shares : (S,) array
        One number for each stroke: pixels of a stroke are no independent witnesses.
    classes : (S,) int array
        As many strokes of each class are drawn as there are.
    random_state : int
    n_resamples : int

    Returns
    -------
    low, high : float
        Between them are 95 % of the means; with very few strokes they are too close.
    """
    rng = np.random.default_rng(random_state)
    sums = np.zeros(n_resamples)
    for class_id in np.unique(classes):
        own = shares[classes == class_id]
        sums += own[rng.integers(len(own), size=(n_resamples, len(own)))].sum(axis=1)
    low, high = np.quantile(sums / len(shares), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _or_nan(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return counts with nan for none, by which one can divide."""
    return np.where(counts > 0, counts, np.nan)
