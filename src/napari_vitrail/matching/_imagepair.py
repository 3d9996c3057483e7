"""Two images that were seen: points of one find their places in the other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.features import nearest_cells
from napari_vitrail.grid import FeatureGrid
from napari_vitrail.matching._agreement import Agreement
from napari_vitrail.pairs import Correspondences, as_points
from napari_vitrail.progress import Progress, Steps, drain

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_vitrail.matching._seen import SeenImage

BLOCK = 128
"""Points that are transferred at a time."""
ROUNDS = (3.5, 1.0)
"""Steps in pixels of the seen image at which the fine layer is asked, the window shrinking alike."""
LEADS_HOME = 7.0
"""Pixels of the seen image within which asking back must arrive for the fine layer to be believed."""
TEMPERATURE = 0.02
"""Of the soft-argmax, in cosine similarity."""
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
        found = nearest_cells(guide0, guide1)
        rows = found.buddies
        points0 = guide0.grid.centres()[rows]
        points1 = guide1.grid.centres()[found.chosen0[rows]]
        salient = np.sqrt(self.seen0.salience(points0) * self.seen1.salience(points1))
        weights = np.clip(found.similarity[rows].astype(np.float64), 0, None) * salient
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
        return _best_cells(self.seen0, self.seen1, points, self.agreement)

    def _settled(
        self, points: NDArray[np.float64], places: NDArray[np.float64], similarity: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], ...]:
        """Return places made exact, their similarity, and how far from the points asking back arrives."""
        back = None if self.agreement is None else self.agreement.swapped()
        home, _ = _best_cells(self.seen1, self.seen0, places, back)
        cycle = np.linalg.norm(home - points, axis=1)
        source, window = self.seen0.spec.fine, self.seen0.spec.window
        if source is None:
            return places, similarity, cycle
        closer = _fine(self.seen0, self.seen1, points, places, ROUNDS[:1])
        home = _fine(self.seen1, self.seen0, closer, points, ROUNDS[:1])
        fine_cycle = np.linalg.norm(home - points, axis=1)
        believed = fine_cycle <= LEADS_HOME
        if believed.any():
            closer[believed] = _fine(self.seen0, self.seen1, points[believed], closer[believed], ROUNDS[1:])
        settled = np.where(believed[:, None], closer, places)
        return settled, similarity, np.where(believed & (cycle <= window), fine_cycle, cycle)


def _best_cells(
    source: SeenImage, target: SeenImage, points: NDArray[np.float64], agreement: Agreement | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the place (n, 2) for each point among the cells of the target, and their similarity (n,)."""
    grid = target.descriptors.grid
    similarity = target.descriptors.similarities(source.described(points))
    score = similarity
    if agreement is not None:
        votes = np.stack([agreement.votes(point, grid).ravel() for point in points])
        score = similarity + np.float32(source.spec.vote) * votes
    cells = np.where(target.holds(grid.centres()), score, -np.inf).argmax(axis=1)
    return grid.centres()[cells], similarity[np.arange(len(points)), cells].astype(np.float64)


def _fine(
    source: SeenImage, target: SeenImage, points: NDArray[np.float64], places: NDArray[np.float64],
    rounds: tuple[float, ...],
) -> NDArray[np.float64]:  # fmt: skip
    """Return where points are in windows round places of the target, by the fine layer."""
    spec = source.spec
    assert spec.fine is not None
    descriptors, centres = source.asked(points, spec.fine)
    phase = (source.backbone.info.patch_size - 1) / 2 % 1  # of the centres of patches on whole pixels
    aside = points - centres  # patches sit on whole pixels, points need not
    for step in rounds:
        reach = round(spec.window / ROUNDS[0])
        steps = step * (np.indices((2 * reach + 1,) * 2).reshape(2, -1).T - reach)
        around = phase + step * np.rint((places - phase) / step)  # a lattice: neighbours share questions
        wanted = around[:, None] + steps
        asked, here = target.asked(wanted, spec.fine)
        similarity = (asked @ descriptors[:, :, None])[:, :, 0]
        similarity[~target.holds(wanted)] = -np.inf
        places = _soft_argmax(similarity, here, 1.5 * step)
    return np.clip(places + aside, 0, np.array(target.seen_shape) - 1)


def _soft_argmax(
    similarity: NDArray[np.float32], places: NDArray[np.float64], radius: float
) -> NDArray[np.float64]:
    """Return the mean of places (n, m, 2), weighted by similarity (n, m), round the most similar one."""
    peak = similarity.argmax(axis=1)[:, None]
    best = np.take_along_axis(places, peak[..., None], axis=1)
    top = np.take_along_axis(similarity, peak, axis=1)
    weights = np.exp((similarity - top) / TEMPERATURE).astype(np.float64)
    weights[(np.abs(places - best) > radius).any(axis=-1)] = 0
    mean: NDArray[np.float64] = (weights[..., None] * places).sum(axis=1) / weights.sum(axis=1)[:, None]
    return mean
