"""How good a segmentation is, and how sure we are of a mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_vitrail.demo import score

RESAMPLES = 2000


def mean_iou(truth: NDArray[np.intp], found: NDArray[np.intp]) -> float:
    """Return the intersection over union of each class of the truth, averaged; truth 0 is ignored."""
    compared = score(found, truth)
    return float("nan") if compared is None else compared.mean_iou


def interval(values: ArrayLike, random_state: int = 0) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the mean of `values`."""
    values = np.asarray(values, float)
    rng = np.random.default_rng(random_state)
    means = rng.choice(values, (RESAMPLES, len(values))).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
