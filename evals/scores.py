"""How good a segmentation is, and how sure we are of a mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_vitrail.demo import score

RESAMPLES = 2000


def mean_iou(truth: NDArray[np.intp], found: NDArray[np.intp]) -> float:
    """Return the intersection over union of each class of the truth, averaged; truth 0 is ignored."""
    compared = score(found, truth)
    return float("nan") if compared is None else compared.mean_iou


def interval(images: Sequence[Sequence[float]], random_state: int = 0) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a mean over images, each measured with one or more seeds.

    Images are drawn with replacement, and of every image drawn its seeds.
    """
    return _middle(_resampled_means(images, np.random.default_rng(random_state)))


def interval_of_sets(sets: Sequence[Sequence[Sequence[float]]], random_state: int = 0) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the mean over sets of their means, see `interval`.

    The sets are those that there are: images are drawn within each.
    """
    rng = np.random.default_rng(random_state)
    return _middle(np.mean([_resampled_means(images, rng) for images in sets], axis=0))


def _resampled_means(images: Sequence[Sequence[float]], rng: np.random.Generator) -> NDArray[np.float64]:
    of_image = np.stack([rng.choice(seeds, (RESAMPLES, len(seeds))).mean(axis=1) for seeds in images])
    shape = (RESAMPLES, len(images))
    drawn = of_image[rng.integers(len(images), size=shape), rng.integers(RESAMPLES, size=shape)]
    return drawn.mean(axis=1)


def _middle(means: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
