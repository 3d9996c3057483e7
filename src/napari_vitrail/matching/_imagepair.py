"""Two images that were seen: points of one find their places in the other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.features import nearest_cells
from napari_vitrail.grid import FeatureGrid
from napari_vitrail.matching._agreement import Agreement
from napari_vitrail.matching._surroundings import WIDE, Surroundings
from napari_vitrail.pairs import Correspondences, as_points
from napari_vitrail.progress import Progress, Steps, drain

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_vitrail.features import Descriptors
    from napari_vitrail.matching._seen import SeenImage

VOTE = 0.05
"""What a natural logarithm of votes is worth in cosine similarity."""
BLOCK = 128
"""Points that are transferred at a time."""
NARROW = 1.0
"""Step in pixels of the seen image at which the fine layer is asked last, near where it was `WIDE`."""
LEADS_HOME = 7.0
"""Pixels of the seen image within which asking back must arrive for the fine layer to be believed."""
SURE = 1e3
"""What a pair set by a person weighs among best buddies, which weigh 1 at most."""


@dataclass(frozen=True)
class ImagePair:
    """Two images whose descriptors are at hand, so that points are transferred at once.

    Attributes
    ----------
    seen0, seen1 : SeenImage
        See `napari_vitrail.see_image`; of the same spec.
    known : Correspondences, optional
        Pairs that are certain, as those that a person has set. They have a say in what is near them.

    Raises
    ------
    ValueError
        If the images were seen by different specs.
    """

    seen0: SeenImage
    seen1: SeenImage
    known: Correspondences | None = None

    def __post_init__(self) -> None:
        if self.seen0.spec != self.seen1.spec or self.seen0.backbone.info != self.seen1.backbone.info:
            raise ValueError("both images must be seen by the same spec and backbone")

    @property
    def swapped(self) -> ImagePair:
        """The same pair the other way round."""
        return ImagePair(self.seen1, self.seen0, None if self.known is None else self.known.swapped())

    @property
    def pixel(self) -> float:
        """How large a pixel of the first image is in pixels of the second: both were seen at one size."""
        return max(self.seen1.shape) / max(self.seen0.shape)

    @cached_property
    def agreement(self) -> Agreement | None:
        """What the best buddies of both images say of how these lie to each other; None without a guide."""
        guide0, guide1 = self.seen0.guide, self.seen1.guide
        if guide0 is None or guide1 is None:
            return None
        buddies = [_buddies(guide0, guide1)]
        if self.seen0.spec.bins:
            buddies.append(_buddies(guide0.plain, guide1.plain))
        points0, points1, similarity = (np.concatenate(part) for part in zip(*buddies, strict=True))
        salient = np.sqrt(self.seen0.salience(points0) * self.seen1.salience(points1))
        weights = np.clip(similarity, 0, None) * salient
        if self.known is not None:
            points0 = np.concatenate([points0, self.seen0.to_seen(self.known.points0)])
            points1 = np.concatenate([points1, self.seen1.to_seen(self.known.points1)])
            weights = np.concatenate([weights, np.full(len(self.known), SURE)])
        return Agreement.of(points0, points1, weights, self.seen0.spec.side)

    def similarity_map(self, yx: ArrayLike) -> FeatureGrid:
        """Return how similar every place of the second image is to a point of the first.

        Parameters
        ----------
        yx : (row, column) in pixels of the first image

        Returns
        -------
        similarity : FeatureGrid
            (h, w, 1) cosine similarities, -1 to 1, in pixels of the second image.
        """
        point = self._inside(np.atleast_2d(as_points("yx", np.reshape(yx, (1, -1)))))
        (descriptor,) = self.seen0.described(point)
        target = self.seen1.descriptors
        grid = target.grid.magnified(
            (self.seen1.seen_shape[0] / self.seen1.shape[0], self.seen1.seen_shape[1] / self.seen1.shape[1])
        )
        return FeatureGrid(target.similarity(descriptor)[..., None], grid, {"similarity": slice(0, 1)})

    def transfer(self, points0: ArrayLike) -> Correspondences:
        """Return where points of the first image are in the second, see `napari_vitrail.transfer_points`."""
        return drain(self.transfer_steps(points0))

    def transfer_steps(self, points0: ArrayLike) -> Steps[Correspondences]:
        """Yield Progress; return what `transfer` returns."""
        points = as_points("points0", points0)
        seen = self._inside(points)
        starts = range(0, len(points), BLOCK)
        parts = []
        for done, start in enumerate(starts, start=1):
            own = seen[start : start + BLOCK]
            coarse, similarity = self._coarse(own)
            parts.append(self._settled(own, coarse, similarity))
            yield Progress(done, len(starts), "points")
        return self._joined(points, parts)

    def settle(
        self, points0: NDArray[np.float64], points1: NDArray[np.float64], similarity: NDArray[np.float64]
    ) -> Correspondences:
        """Return pairs (n, 2), in pixels of the seen images, made exact, with their scores."""
        return self._joined(
            self.seen0.to_image(points0), [self._settled(points0, points1, np.asarray(similarity, float))]
        )

    def _joined(
        self, points: NDArray[np.float64], parts: list[tuple[NDArray[np.float64], ...]]
    ) -> Correspondences:
        if not parts:
            return Correspondences.none()
        places, similarity, cycle_error = (np.concatenate(part) for part in zip(*parts, strict=True))
        salient = self.seen0.salience(self.seen0.to_seen(points)) + self.seen1.salience(places)
        shrunk = self.seen0.spec.side / max(self.seen0.shape)
        return Correspondences(
            points, self.seen1.to_image(places), similarity, salient / 2, cycle_error / shrunk
        )

    def _inside(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return points of the first image in pixels of the seen one, or say which are outside."""
        seen = self.seen0.to_seen(points)
        outside = np.flatnonzero(~self.seen0.holds(seen))
        if len(outside):
            listed = ", ".join(f"{row} at {np.round(points[row], 2).tolist()}" for row in outside[:10])
            more = f" and {len(outside) - 10} more" if len(outside) > 10 else ""
            raise ValueError(
                f"points must lie in the image, {self.seen0.shape}, got these outside: {listed}{more}"
            )
        return seen

    def _coarse(self, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return each point's place (n, 2) in the second image, on its grid, and the similarity (n,)."""
        return _best_cells(self.seen0.described(points), self.seen1, points, self.agreement)

    def _settled(
        self, points: NDArray[np.float64], places: NDArray[np.float64], similarity: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], ...]:
        """Return places made exact, their similarity, and how far from the points asking back arrives."""
        back = None if self.agreement is None else self.agreement.swapped()
        home, _ = _best_cells(_kept(self.seen1, places), self.seen0, places, back)
        cycle = np.linalg.norm(home - points, axis=1)
        spec = self.seen0.spec
        if spec.fine is None:
            return places, similarity, cycle
        closer, fine_cycle = self._closer(points, places)
        believed = fine_cycle <= LEADS_HOME
        settled = np.where(believed[:, None], closer, places)
        return settled, similarity, np.where(believed & (cycle <= spec.window), fine_cycle, cycle)

    def _closer(
        self, points: NDArray[np.float64], places: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return where points are near their places by the fine layer, and how far off the way home ends."""
        round_points = Surroundings.of(self.seen0, points, WIDE)
        first = Surroundings.of(self.seen1, places, WIDE).nearest_to(round_points)
        round_first = Surroundings.of(self.seen1, first, NARROW)
        home = round_points.nearest_to(round_first)
        return round_first.nearest_to(round_points), np.linalg.norm(home - points, axis=1)


def _buddies(
    guide0: Descriptors, guide1: Descriptors
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return cells that are each other's nearest, in pixels of the seen images, and their similarity."""
    found = nearest_cells(guide0, guide1)
    rows = found.buddies
    points0, points1 = guide0.grid.centres()[rows], guide1.grid.centres()[found.chosen0[rows]]
    return points0, points1, found.similarity[rows].astype(np.float64)


def _best_cells(
    descriptors: NDArray[np.float32], target: SeenImage, points: NDArray[np.float64],
    agreement: Agreement | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # fmt: skip
    """Return where in the target what is described (n, D) at points is, a cell's centre, and how similar."""
    grid = target.descriptors.grid
    similarity = target.descriptors.similarities(descriptors)
    score = similarity
    if agreement is not None:
        votes = np.stack([agreement.votes(point, grid).ravel() for point in points])
        score = similarity + np.float32(VOTE) * votes
    cells = np.where(target.holds(grid.centres()), score, -np.inf).argmax(axis=1)
    return grid.centres()[cells], similarity[np.arange(len(points)), cells].astype(np.float64)


def _kept(seen: SeenImage, places: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the descriptors (n, D) of places that are cells: they are at hand."""
    return seen.descriptors.rows(seen.descriptors.grid.nearest(places))
