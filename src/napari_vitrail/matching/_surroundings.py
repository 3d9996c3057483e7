"""Places in an image and what is round them, as an early block of the network sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.features import product

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.matching._seen import SeenImage

WIDE = 3.5
"""Step in pixels of the seen image at which a whole window is asked."""
NARROW_REACH = 3
"""Smaller steps from the middle to the edge: no farther than to where the wide steps have looked."""
TEMPERATURE = 0.02
"""Of the soft-argmax, in cosine similarity."""


@dataclass(frozen=True)
class Surroundings:
    """Places (n, 2) in an image and m positions round each, with their fine descriptors.

    All are asked for at once: the network takes its time for each question, however small.

    Attributes
    ----------
    own : (n, D) float32
        Descriptors of the places, of length 1.
    aside : (n, 2) float64, pixels
        How far the places are from the patches that were described, which sit on whole pixels.
    others : (n, m, D) float32
        Descriptors round the places.
    centres : (n, m, 2) float64, pixels
        Of their patches.
    inside : (n, m) bool
        Which of them lie in the image.
    step : float, pixels
        From one to the next.
    seen_shape : (H, W)
        Of the image as it was seen.
    """

    own: NDArray[np.float32]
    aside: NDArray[np.float64]
    others: NDArray[np.float32]
    centres: NDArray[np.float64]
    inside: NDArray[np.bool_]
    step: float
    seen_shape: tuple[int, int]

    @classmethod
    def of(cls, seen: SeenImage, places: NDArray[np.float64], step: float) -> Surroundings:
        """Return what is round places of an image, on a lattice: neighbours share questions."""
        assert seen.spec.fine is not None
        phase = (seen.backbone.info.patch_size - 1) / 2 % 1  # of the centres of patches on whole pixels
        reach = round(seen.spec.window / WIDE) if step == WIDE else NARROW_REACH
        steps = step * (np.indices((2 * reach + 1,) * 2).reshape(2, -1).T - reach)
        around = phase + step * np.rint((places - phase) / step)
        wanted = np.concatenate([places[:, None], around[:, None] + steps], axis=1)
        values, centres = seen.asked(wanted, seen.spec.fine)
        return cls(
            values[:, 0], places - centres[:, 0], values[:, 1:], centres[:, 1:], seen.holds(wanted[:, 1:]),
            step, seen.seen_shape,
        )  # fmt: skip

    def nearest_to(self, asking: Surroundings) -> NDArray[np.float64]:
        """Return where in these surroundings what others surround is most likely (n, 2)."""
        similarity = product(self.others, asking.own[:, :, None])[:, :, 0]
        similarity[~self.inside] = -np.inf
        found = _soft_argmax(similarity, self.centres, 1.5 * self.step)
        return np.clip(found + asking.aside, 0, np.array(self.seen_shape) - 1)


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
