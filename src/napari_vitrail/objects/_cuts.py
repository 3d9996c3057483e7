"""Objects by what several normalised cuts of the image agree on: no number and no threshold to tune."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import eigh

from napari_vitrail.clusters import fitted_means
from napari_vitrail.errors import VitrailWarning
from napari_vitrail.object_plane import ObjectPlane
from napari_vitrail.objects._pieces import Pieces, centroids_of, nearest_of, one_piece
from napari_vitrail.objects._tree import MergeTree
from napari_vitrail.progress import Progress
from napari_vitrail.threads import one_thread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.objects._seen import SeenScene
    from napari_vitrail.progress import Steps

STARTS = 4
"""Of k-means: with one, chance decides more."""
FEWEST = 4
"""Cells that a graph needs to be cut."""


@dataclass(frozen=True)
class NormalisedCuts:
    """The graph of an image's places is cut into several numbers of clusters; a plane learns what most say.

    Places are joined by how alike their descriptors are. In the leading eigenvectors of the normalised cut
    k-means makes clusters, of which those that the network looks at more than at the mean place count as
    objects. The share of the cuts that call a place an object's is what a plane between the descriptors
    learns by ridge regression, and then twice more the two kinds of places that it has told apart itself.

    Attributes
    ----------
    counts : tuple of int
        Numbers of clusters.
    n_vectors : int
        Eigenvectors that places are clustered by.
    contrast : float, above 0
        A cluster is an object's if it is looked at more than so many times the mean place.
    n_cells : int
        Most places that the graph is made of, evenly spread over the image.
    n_pieces : int
        Clusters of the objects, and as many of the ground, that are merged by meaning.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    counts: tuple[int, ...] = (2, 3, 4, 5, 6)
    n_vectors: int = 5
    contrast: float = 1.0
    n_cells: int = 1400
    n_pieces: int = 12

    def __post_init__(self) -> None:
        if not self.counts or min(self.counts) < 2:
            raise ValueError(f"counts must be one or more numbers of at least 2 clusters, got {self.counts}")
        for name, least in (("n_vectors", 1), ("n_cells", 16), ("n_pieces", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if not self.contrast > 0:
            raise ValueError(f"contrast must be above 0, got {self.contrast}")

    def pieces_steps(self, seen: SeenScene, random_state: int = 0) -> Steps[tuple[Pieces, MergeTree]]:
        """Yield Progress; return the pieces of objects and ground, and the tree of their merges."""
        yield Progress(0, 3, "cuts")
        with one_thread():
            scores, threshold = self._scored(seen, random_state)
        yield Progress(1, 3, "pieces")
        margin = (scores - threshold).astype(np.float32)
        is_object = seen.placed(margin) > 0
        if not 0 < np.count_nonzero(is_object) < is_object.size:
            warnings.warn(
                "the network looks at no part of the image more than at another: nothing is an object",
                VitrailWarning,
                stacklevel=2,
            )
            return one_piece(seen), MergeTree(np.zeros((0, 4)), 0.0)
        sides = [
            self._side(seen, margin.ravel() > 0, random_state),
            self._side(seen, margin.ravel() <= 0, random_state),
        ]
        yield Progress(2, 3, "pixels")
        count = len(sides[0])
        labels = np.where(is_object, nearest_of(seen, sides[0]), count + nearest_of(seen, sides[1]))
        salient = np.arange(count + len(sides[1])) < count
        pieces = Pieces.of(labels.astype(np.uint16), np.concatenate(sides), seen, salient, margin)
        own = pieces.salient
        assert own is not None  # given just above
        return pieces, MergeTree.of(pieces.centroids, own, ~own, kept_apart=True)

    def _side(self, seen: SeenScene, members: NDArray[np.bool_], random_state: int) -> NDArray[np.float32]:
        """Return the centroids of the cells of objects, or of the ground; of all if there are none."""
        rows = seen.rows
        return centroids_of(rows[members] if members.any() else rows, self.n_pieces, random_state)

    def _scored(self, seen: SeenScene, random_state: int) -> tuple[NDArray[np.float32], float]:
        """Return how much each cell (h, w) is of an object, and from what on it is one."""
        rows, shape = seen.rows, seen.grid.shape
        step = int(np.ceil(np.sqrt(len(rows) / self.n_cells)))
        first = [min(step // 2, side - 1) for side in shape]  # of every second query, those of the patch grid
        places = np.arange(len(rows)).reshape(shape)[first[0] :: step, first[1] :: step].ravel()
        share = self._votes(rows[places], seen.density.ravel()[places], random_state)
        if np.ptp(share) == 0:
            return np.zeros(shape, np.float32), 0.5
        plane = ObjectPlane.learned(rows[places], share)
        return plane.scored(rows).reshape(shape), plane.threshold

    def _votes(
        self, rows: NDArray[np.float32], looked: NDArray[np.float32], random_state: int
    ) -> NDArray[np.float64]:
        """Return the share (n,) of the cuts in which each place is in a cluster that is looked at."""
        share = np.zeros(len(rows))
        if len(rows) < FEWEST:
            return share
        vectors = cut_vectors(np.maximum(rows @ rows.T, 0), min(self.n_vectors, len(rows) - 2))
        counts = [count for count in self.counts if count < len(np.unique(vectors, axis=0))]
        for count in counts:
            labels = fitted_means(vectors, count, n_init=STARTS, random_state=random_state).labels_
            sizes = np.bincount(labels, minlength=count)
            means = np.bincount(labels, looked, minlength=count) / np.maximum(sizes, 1)
            share += (means > self.contrast * looked.mean())[labels] / len(counts)
        return share


def cut_vectors(edges: NDArray[np.float32], count: int) -> NDArray[np.float64]:
    """Return the leading eigenvectors (n, count) of the normalised cut of a graph, without the constant one.

    Parameters
    ----------
    edges : (n, n) float array
        0 or more, symmetric.
    count : int

    References
    ----------
    Shi and Malik (2000), "Normalized Cuts and Image Segmentation", equation 6.
    """
    scale = 1 / np.sqrt(edges.sum(axis=1, dtype=np.float64))
    n = len(edges)
    _, vectors = eigh(scale[:, None] * edges * scale, subset_by_index=[n - 1 - count, n - 2])
    return np.asarray(scale[:, None] * vectors[:, ::-1])
