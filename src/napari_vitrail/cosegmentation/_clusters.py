"""Clusters of the descriptors of a set of images, and how many of them there should be."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from sklearn.metrics import silhouette_score

from napari_vitrail.clusters import Clusters, distinct_rows, fit_centres
from napari_vitrail.errors import VitrailWarning
from napari_vitrail.progress import Progress, Steps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.cosegmentation._picture import SeenPicture
    from napari_vitrail.cosegmentation._seen import SeenSet

Criterion = Literal["elbow", "silhouette"]
LARGEST_SAMPLE = 50_000
"""Descriptors that clusters are learned of at most: of thousands of images they are taken more seldom."""
SILHOUETTE_ROWS = 2000


@dataclass(frozen=True)
class Curve:
    """How well each number of clusters fits, for a choice among them.

    Attributes
    ----------
    counts : (m,) int
        Numbers of clusters, ascending.
    distortions : (m,) float
        Mean squared distance of all descriptors to the centre of their cluster.
    silhouettes : (m,) float
        Mean silhouette of a sample, NaN where it was not asked for or there is one cluster.
    chosen : int
        The number of clusters that was taken.
    """

    counts: NDArray[np.intp]
    distortions: NDArray[np.float64]
    silhouettes: NDArray[np.float64]
    chosen: int


def _with_distortion(clusters: Clusters, pictures: Sequence[SeenPicture]) -> Clusters:
    """Return clusters that know the mean squared distance of all cells of pictures to their centre."""
    total = sum(float(clusters.squares(picture.rows).min(axis=1).sum()) for picture in pictures)
    return Clusters(clusters.centres, total / sum(picture.saliency.size for picture in pictures))


def clusters_steps(
    seen: SeenSet, *, counts: Sequence[int], interval: int, elbow: float, criterion: Criterion,
    n_init: int, random_state: int,
) -> Steps[tuple[Clusters, Curve]]:  # fmt: skip
    """Yield Progress; return the clusters of a set of images, and the curve by which they were chosen.

    Parameters
    ----------
    seen : SeenSet
    counts : sequence of int
        Numbers of clusters to choose among, ascending.
    interval : int
        Every so-manieth descriptor of each image is learned of; not more than `LARGEST_SAMPLE` of all.
    elbow : float, 0 to 1
        The first number that lowers the distortion to no less than this share of the one before is taken,
        the last one if there is none.
    criterion : {"elbow", "silhouette"}
        The latter takes the number of the largest mean silhouette.
    n_init : int
        Starts of k-means, of which the best counts.
    random_state : int
    """
    sample = _sample(seen, interval, max(counts))
    possible = possible_counts(sample, counts)
    tried, silhouettes = [], []
    for done, count in enumerate(possible, start=1):
        clusters = fit_centres(sample, count, n_init=n_init, random_state=random_state)
        tried.append(_with_distortion(clusters, seen.pictures))
        asked = criterion == "silhouette" and 1 < count < len(sample)
        silhouettes.append(_silhouette(tried[-1], sample, random_state) if asked else np.nan)
        yield Progress(done, len(possible), "numbers of clusters")
    distortions = np.array([clusters.distortion for clusters in tried])
    best = _elbow(distortions, elbow)
    if np.isfinite(silhouettes).any():
        best = int(np.nanargmax(silhouettes))
    curve = Curve(np.array(possible), distortions, np.array(silhouettes), possible[best])
    return tried[best], curve


def _elbow(distortions: NDArray[np.float64], share: float) -> int:
    """Return the index of the first distortion that is above `share` of the one before, or of the last."""
    flat = np.flatnonzero(distortions[1:] > share * distortions[:-1])
    return int(flat[0]) + 1 if len(flat) else len(distortions) - 1


def _sample(seen: SeenSet, interval: int, most: int) -> NDArray[np.float32]:
    """Return every `interval`-th descriptor of each image; all, with a warning, where those are too few."""
    if sum(seen.sizes) > LARGEST_SAMPLE * interval:
        return seen.spread(LARGEST_SAMPLE).rows
    sample = seen.sample(interval)
    if len(sample) >= most or interval == 1:
        return sample
    warnings.warn(
        f"{len(sample)} descriptors, every {interval}th of {len(seen)} images, are too few for {most} "
        f"clusters: all are taken",
        VitrailWarning,
        stacklevel=2,
    )
    return seen.sample(1)


def possible_counts(sample: NDArray[np.float32], counts: Sequence[int]) -> list[int]:
    """Return the numbers of clusters that a sample has different descriptors for."""
    distinct = distinct_rows(sample, max(counts))
    possible = [count for count in counts if count <= distinct]
    if len(possible) == len(counts):
        return possible
    warnings.warn(
        f"there are only {distinct} different descriptors, so there are at most so many clusters",
        VitrailWarning,
        stacklevel=2,
    )
    return possible or [distinct]


def _silhouette(clusters: Clusters, sample: NDArray[np.float32], random_state: int) -> float:
    """Return the mean silhouette of a part of a sample; NaN where it is all in one cluster."""
    chosen = np.random.default_rng(random_state).permutation(len(sample))[:SILHOUETTE_ROWS]
    labels = clusters.nearest(sample[chosen])
    if not 1 < len(np.unique(labels)) < len(chosen):
        return float("nan")
    return float(silhouette_score(sample[chosen], labels))
