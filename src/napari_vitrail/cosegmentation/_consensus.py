"""What images share, by the consensus of clusterings of several sizes: no number and no threshold to tune."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.clusters import fit_centres
from napari_vitrail.cosegmentation._agreement import Agreement
from napari_vitrail.cosegmentation._clusters import possible_counts
from napari_vitrail.cosegmentation._sampling import spread
from napari_vitrail.cosegmentation._votes import salient
from napari_vitrail.errors import VitrailWarning
from napari_vitrail.object_plane import ObjectPlane
from napari_vitrail.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_vitrail.clusters import Clusters
    from napari_vitrail.cosegmentation._seen import SeenSet
    from napari_vitrail.progress import Steps

    Voter = tuple[NDArray[np.float32], NDArray[np.float32]]

VOTERS = 64
"""Images, evenly spread over the set, that vote."""
VOTERS_PLACES = 500
"""Of each of them, evenly spread."""


@dataclass(frozen=True)
class Consensus:
    """Clusterings of several sizes say which cells are looked at; a plane is learned of what most say.

    An image votes for the clusters that the network looks at more than at the image's mean place, and a
    cluster counts as the object's where most images vote for it: what stands out in a few of them is not
    shared. One clustering is right or wrong with its number of clusters; the share of clusterings that call
    a cell the object's is not. The plane between the descriptors of the two kinds of cells is learned by
    ridge regression of that share, then twice more of the two kinds that it has told apart itself (Otsu). If
    what is found lies rather at the edges of the images than inside, it is the ground, the rest the object.

    Attributes
    ----------
    counts : tuple of int
        Numbers of clusters.
    contrast : float, above 0
        An image votes for a cluster whose mean saliency in it is more than so many times the image's.
    vote_fraction : float, above 0 to 1
        The share of the images that must vote for a cluster of the object.
    sample_size : int
        Descriptors of the set that are learned of, evenly spread.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    counts: tuple[int, ...] = (4, 6, 8, 10, 12, 14)
    contrast: float = 1.0
    vote_fraction: float = 0.6
    sample_size: int = 8000

    def __post_init__(self) -> None:
        if not self.counts or min(self.counts) < 2:
            raise ValueError(f"counts must be one or more numbers of at least 2 clusters, got {self.counts}")
        if not self.contrast > 0:
            raise ValueError(f"contrast must be above 0, got {self.contrast}")
        if not 0 < self.vote_fraction <= 1:
            raise ValueError(f"vote_fraction must be above 0 to 1, got {self.vote_fraction}")
        if self.sample_size < 1:
            raise ValueError(f"sample_size must be at least 1, got {self.sample_size}")

    def found_steps(self, seen: SeenSet, random_state: int = 0) -> Steps[ObjectPlane]:
        """Yield Progress; return the plane between the object that a set of images shares and the rest."""
        agreement = yield from self.agreement_steps(seen, random_state)
        rows = seen.spread(self.sample_size).rows
        share = agreement.share(rows)
        if np.ptp(share) == 0:
            return self._alike(rows.shape[1], len(seen), is_object=bool(share[0] > agreement.threshold))
        plane = ObjectPlane.learned(rows, share)
        return plane.turned() if lies_outside(plane, seen) else plane

    def agreement_steps(self, seen: SeenSet, random_state: int = 0) -> Steps[Agreement]:
        """Yield Progress; return the clusterings, and which of their clusters are the object's."""
        rows = seen.spread(self.sample_size).rows
        voters = _voters(seen)
        counts = possible_counts(rows, self.counts)
        clusterings, shared = [], []
        for done, count in enumerate(counts, start=1):
            clusterings.append(fit_centres(rows, count, n_init=1, random_state=random_state))
            shared.append(self._shared(clusterings[-1], voters))
            yield Progress(done, len(counts), "clusterings")
        return Agreement(tuple(clusterings), tuple(shared))

    def _shared(self, clusters: Clusters, voters: Sequence[Voter]) -> NDArray[np.bool_]:
        """Return the clusters (k,) that enough images vote for."""
        votes = np.zeros(clusters.count, np.intp)
        for rows, looked in voters:
            threshold = self.contrast * float(looked.mean())
            votes += salient(clusters.nearest(rows), looked, clusters.count, threshold)
        return votes >= round(len(voters) * self.vote_fraction, 9)

    def _alike(self, width: int, count: int, *, is_object: bool) -> ObjectPlane:
        """Return a plane that has all cells on the side of the object, or of the rest, with a warning."""
        enough = f"in {self.vote_fraction:.0%} of {count} images"
        if is_object:
            said = (
                f"the network looks at each part more than {self.contrast:g} times as much as at the mean "
                f"place {enough}, so all masks are full; a higher contrast or vote_fraction may do"
            )
        else:
            said = (
                f"the network looks at no part more than at the rest {enough}, so all masks are empty; a "
                f"lower vote_fraction or contrast may do"
            )
        warnings.warn(said, VitrailWarning, stacklevel=2)
        return ObjectPlane(np.zeros(width, np.float32), float(is_object), 0.5)


def _voters(seen: SeenSet) -> list[Voter]:
    """Return some descriptors (n, D) of each image that votes, and their saliency (n,)."""
    chosen = np.unique(np.linspace(0, len(seen) - 1, min(len(seen), VOTERS)).round().astype(int))
    voters = []
    for picture in (seen.pictures[index] for index in chosen.tolist()):
        places = spread([picture.saliency.size], VOTERS_PLACES)[0]
        voters.append((picture.rows_at(places), picture.saliency.ravel()[places]))
    return voters


def lies_outside(plane: ObjectPlane, seen: SeenSet) -> bool:
    """Return whether what is on the object's side covers more of the images' edges than of their inside.

    Then it is the blank ground behind a portrait, or around a cell: where there is nothing to see the
    network keeps notes of the image as a whole, and looks there more than at the object.
    """
    edge, inside = [], []
    for picture in seen.pictures:
        members = plane.scores(picture) > plane.threshold
        inner = members[1:-1, 1:-1]
        if inner.size:
            inside.append(inner.mean())
            edge.append((members.sum() - inner.sum()) / (members.size - inner.size))
    return bool(np.sum(edge) > np.sum(inside))
