"""What images share, as published: clusters that enough of the images find salient."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, fields
from math import ceil
from typing import TYPE_CHECKING, get_args

import numpy as np

from napari_vitrail.cosegmentation._clusters import Criterion, Curve, clusters_steps
from napari_vitrail.errors import VitrailWarning

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.clusters import Clusters
    from napari_vitrail.cosegmentation._picture import SeenPicture
    from napari_vitrail.cosegmentation._seen import SeenSet
    from napari_vitrail.progress import Steps

_FROM_0_TO_1 = ("elbow", "vote_fraction")
_WHOLE = ("most_clusters", "sample_interval", "n_init")


@dataclass(frozen=True)
class Votes:
    """Every image votes for the clusters that are salient in it: the rule of Amir et al. (2021).

    Attributes
    ----------
    elbow : float, 0 to 1
        More clusters are tried until one more lowers the distortion to no less than this share of it.
    most_clusters : int
        The largest number of clusters that is tried.
    n_clusters : int or None
        The number of clusters, where it is known.
    criterion : {"elbow", "silhouette"}
        What chooses the number of clusters where it is not known.
    saliency_threshold : float, 0 or more
        An image votes for a cluster whose mean saliency in it is above. The published value is for saliency
        from 0 to 1; where 1 is the mean of the image (``CosegmentationSpec.saliency="density"``), take 1.
    vote_fraction : float, 0 to 1
        The share of the images that must vote for a cluster of the shared object.
    sample_interval : int
        Clusters are learned of every so-manieth descriptor of each image; of 50,000, evenly spread over the
        set, where those would be more.
    n_init : int
        Starts of k-means, of which the best counts.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    elbow: float = 0.975
    most_clusters: int = 14
    n_clusters: int | None = None
    criterion: Criterion = "elbow"
    saliency_threshold: float = 0.065
    vote_fraction: float = 0.75
    sample_interval: int = 100
    n_init: int = 10

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name in _FROM_0_TO_1 and not 0 <= value <= 1:
                raise ValueError(f"{item.name} must be 0 to 1, got {value}")
            if item.name == "saliency_threshold" and not value >= 0:
                raise ValueError(f"{item.name} must be 0 or more, got {value}")
            if item.name in _WHOLE and value < 1:
                raise ValueError(f"{item.name} must be at least 1, got {value}")
        if self.n_clusters is not None and self.n_clusters < 1:
            raise ValueError(f"n_clusters must be at least 1, or None, got {self.n_clusters}")
        if self.criterion not in get_args(Criterion):
            raise ValueError(f"criterion must be 'elbow' or 'silhouette', got {self.criterion!r}")

    @property
    def counts(self) -> list[int]:
        """Numbers of clusters to choose among."""
        if self.n_clusters is not None:
            return [self.n_clusters]
        return list(range(1, self.most_clusters + 1))

    def found_steps(self, seen: SeenSet, random_state: int = 0) -> Steps[VotedClusters]:
        """Yield Progress; return the clusters that a set of images shares."""
        clusters, curve = yield from clusters_steps(
            seen, counts=self.counts, interval=self.sample_interval, elbow=self.elbow,
            criterion=self.criterion, n_init=self.n_init, random_state=random_state,
        )  # fmt: skip
        votes, least = np.zeros(clusters.count, np.intp), self.saliency_threshold
        for picture in seen.pictures:
            votes += salient(clusters.labels(picture), picture.saliency, clusters.count, least)
        shared = votes >= ceil(round(len(seen) * self.vote_fraction, 9))
        if not shared.any():
            most = ", ".join(str(count) for count in sorted(votes.tolist(), reverse=True)[:3])
            warnings.warn(
                f"no cluster is salient in {self.vote_fraction:.0%} of {len(seen)} images (the most votes: "
                f"{most}), so all masks are empty; a lower saliency_threshold or vote_fraction may do",
                VitrailWarning,
                stacklevel=2,
            )
        return VotedClusters(clusters, curve, votes, shared)


def salient(
    labels: NDArray[np.intp], saliency: NDArray[np.float32], count: int, threshold: float
) -> NDArray[np.intp]:
    """Return 1 for the clusters (count,) whose mean saliency in an image is above a threshold, else 0.

    A cluster that the image has no cell of is not salient in it.
    """
    cells = np.bincount(labels.ravel(), minlength=count)
    sums = np.bincount(labels.ravel(), saliency.ravel(), minlength=count)
    return ((cells > 0) & (sums > threshold * cells)).astype(np.intp)


@dataclass(frozen=True)
class VotedClusters:
    """The clusters that images share.

    Attributes
    ----------
    clusters : Clusters
    curve : Curve
        By which their number was chosen.
    votes : (k,) int
        Images that find each cluster salient.
    shared : (k,) bool
        Clusters that are of the shared object.
    """

    clusters: Clusters
    curve: Curve
    votes: NDArray[np.intp]
    shared: NDArray[np.bool_]

    threshold = 0.5
    """Above which a score is of the object."""

    def scores(self, picture: SeenPicture) -> NDArray[np.float32]:
        """Return 1 for the cells (h, w) of the shared object, 0 for others."""
        return self.shared[self.clusters.labels(picture)].astype(np.float32)
