"""What a set of images shares, and where it is in each of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy.special import expit

from napari_vitrail.image import as_image, main_of
from napari_vitrail.progress import Steps, drain

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_vitrail.cosegmentation._picture import SeenPicture
    from napari_vitrail.cosegmentation._seen import SeenSet
    from napari_vitrail.features import TokenStore
    from napari_vitrail.image import LayeredImage
    from napari_vitrail.refinement import Refinement

STEEPNESS = 8.0
"""Of the logistic function that makes probabilities of scores: 0.98 where they are as of the object."""


class SharedObject(Protocol):
    """What tells the object that images share from the rest of any image."""

    @property
    def threshold(self) -> float:
        """Above which a score is of the object."""

    def scores(self, picture: SeenPicture) -> NDArray[np.float32]:
        """Return how much each cell (h, w) is of the object."""


@dataclass(frozen=True)
class CoSegmentation:
    """The object that a set of images shares.

    Masks are made when they are asked for: thousands of images need not be there at a time.

    Attributes
    ----------
    seen : SeenSet
    shared : ObjectPlane or VotedClusters
        What tells the object from the rest.
    outliers : (n,) bool
        Images that have no part in it; their masks are empty.
    """

    seen: SeenSet
    shared: SharedObject
    outliers: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.seen)

    def mask(self, index: int) -> NDArray[np.bool_]:
        """Return where the object is in an image of the set (H, W)."""
        picture = self.seen.pictures[index]
        if self.outliers[index]:
            return np.zeros(picture.shape, bool)
        return self.mask_of(picture)

    def masks(self) -> Iterator[NDArray[np.bool_]]:
        """Yield where the object is in each image of the set, one after the other."""
        for index in range(len(self)):
            yield self.mask(index)

    def scores(self, index: int) -> NDArray[np.float32]:
        """Return how much each pixel (H, W) of an image of the set is of the object."""
        picture = self.seen.pictures[index]
        return picture.placed(self.shared.scores(picture), self._interpolation)

    def probabilities(self, index: int) -> NDArray[np.float32]:
        """Return how probable background and object are (2, H, W) in an image of the set."""
        own = expit(STEEPNESS * (self.scores(index) - self.shared.threshold))
        if self.outliers[index]:
            own = np.zeros_like(own)
        return np.stack([1 - own, own]).astype(np.float32)

    def refined_mask(self, index: int, image: ArrayLike | LayeredImage, how: Refinement) -> NDArray[np.bool_]:
        """Return the mask (H, W) of an image of the set, refined by its colours.

        Parameters
        ----------
        index : int
        image : (H, W), (H, W, 3) or (H, W, 4) array, or LayeredImage
            That image.
        how : GrabCut or DenseCRF
            Or anything else with a method ``refined_steps``.
        """
        return drain(self.refined_mask_steps(index, image, how))

    def refined_mask_steps(
        self, index: int, image: ArrayLike | LayeredImage, how: Refinement
    ) -> Steps[NDArray[np.bool_]]:
        """Yield Progress; return what `refined_mask` returns."""
        plane, shape = main_of(as_image(image)), self.seen.pictures[index].shape
        if plane.shape[:2] != shape:
            raise ValueError(f"image must be number {index} of the set, {shape}, got {plane.shape[:2]}")
        refined = yield from how.refined_steps(self.probabilities(index), plane)
        return np.asarray(refined[1] > refined[0])

    def mask_of(self, picture: SeenPicture) -> NDArray[np.bool_]:
        """Return where the object is (H, W) in any image seen by `SeenSet.see_steps`."""
        placed = picture.placed(self.shared.scores(picture), self._interpolation)
        return np.asarray(placed > self.shared.threshold)

    def assign(self, image: ArrayLike | LayeredImage, store: TokenStore | None = None) -> NDArray[np.bool_]:
        """Return where the object is (H, W) in an image that is not of the set."""
        return drain(self.assign_steps(image, store))

    def assign_steps(
        self, image: ArrayLike | LayeredImage, store: TokenStore | None = None
    ) -> Steps[NDArray[np.bool_]]:
        """Yield Progress; return what `assign` returns."""
        return self.mask_of((yield from self.seen.see_steps(image, store)))

    @property
    def _interpolation(self) -> str:
        return self.seen.spec.descriptor.interpolation
