"""The parts that a set of images shares, and where they are in each of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import softmax

from napari_vitrail.grabcut import GrabCut
from napari_vitrail.image import as_image, main_of
from napari_vitrail.progress import Steps, drain
from napari_vitrail.refinement import refine_steps

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_vitrail.clusters import Clusters
    from napari_vitrail.cosegmentation._picture import SeenPicture
    from napari_vitrail.cosegmentation._result import CoSegmentation
    from napari_vitrail.features import TokenStore
    from napari_vitrail.image import LayeredImage
    from napari_vitrail.refinement import Refinement

STEEPNESS = 8.0
"""Of the exponential function that makes probabilities of distances, in units of the mean distance."""


@dataclass(frozen=True)
class PartSegmentation:
    """The parts of the object that a set of images shares; a part has the same id in all of them.

    Labels are made when they are asked for: thousands of images need not be there at a time.

    Attributes
    ----------
    found : CoSegmentation
        The object.
    clusters : Clusters
        Of the descriptors of the object: part ``i + 1`` is cluster ``i``. There may be fewer than were asked
        for, and none where there is no object.
    """

    found: CoSegmentation
    clusters: Clusters

    def __len__(self) -> int:
        return len(self.found)

    @property
    def n_parts(self) -> int:
        """Number of parts."""
        return self.clusters.count

    @property
    def centroids(self) -> NDArray[np.float32]:
        """The descriptor (n_parts, D) that each part has on average."""
        return self.clusters.centres

    def labels(self, index: int, shape: tuple[int, ...] | None = None) -> NDArray[np.int32]:
        """Return the part of each pixel (H, W) of an image of the set, from 1; 0 is none.

        Parameters
        ----------
        index : int
        shape : (H, W, ...), optional
            Of a larger or smaller copy of the image, for which the labels are wanted.
        """
        picture = self.found.seen.pictures[index]
        if shape is not None:
            picture = _resized(picture, shape)
        if self.found.outliers[index]:
            return np.zeros(picture.shape, np.int32)
        return self.labels_of(picture)

    def all_labels(self) -> Iterator[NDArray[np.int32]]:
        """Yield the labels of each image of the set, one after the other."""
        for index in range(len(self)):
            yield self.labels(index)

    def labels_of(self, picture: SeenPicture) -> NDArray[np.int32]:
        """Return the labels (H, W) of any image seen by `SeenSet.see_steps`."""
        return self._within(self.found.mask_of(picture), picture)

    def assign(self, image: ArrayLike | LayeredImage, store: TokenStore | None = None) -> NDArray[np.int32]:
        """Return the labels (H, W) of an image that is not of the set; the parts stay as they are."""
        return drain(self.assign_steps(image, store))

    def assign_steps(
        self, image: ArrayLike | LayeredImage, store: TokenStore | None = None
    ) -> Steps[NDArray[np.int32]]:
        """Yield Progress; return what `assign` returns."""
        return self.labels_of((yield from self.found.seen.see_steps(image, store)))

    def probabilities(self, index: int) -> NDArray[np.float32]:
        """Return how probable none and each part are (1 + n_parts, H, W) in an image of the set."""
        none, any_part = self.found.probabilities(index)
        if not self.n_parts:
            return np.ones_like(none)[None]
        squares = np.stack(list(self._placed_squares(self.found.seen.pictures[index])))
        own = softmax(-STEEPNESS / max(self.clusters.distortion, 1e-6) * squares, axis=0)
        return np.concatenate([none[None], any_part * own]).astype(np.float32)

    def refined_labels(
        self, index: int, image: ArrayLike | LayeredImage, how: Refinement
    ) -> NDArray[np.int32]:
        """Return the labels (H, W) of an image of the set, refined by its colours.

        Parameters
        ----------
        index : int
        image : (H, W), (H, W, 3) or (H, W, 4) array, or LayeredImage
            That image.
        how : DenseCRF or GrabCut
            Or anything else with a method ``refined_steps``. GrabCut, which tells but two things apart, moves
            the border of the object alone.
        """
        return drain(self.refined_labels_steps(index, image, how))

    def refined_labels_steps(
        self, index: int, image: ArrayLike | LayeredImage, how: Refinement
    ) -> Steps[NDArray[np.int32]]:
        """Yield Progress; return what `refined_labels` returns."""
        picture, plane = self.found.seen.pictures[index], main_of(as_image(image))
        if plane.shape[:2] != picture.shape:
            raise ValueError(
                f"image must be number {index} of the set, {picture.shape}, got {plane.shape[:2]}"
            )
        if isinstance(how, GrabCut):
            mask = yield from self.found.refined_mask_steps(index, image, how)
            return self._within(mask, picture)
        labels = yield from refine_steps(self.probabilities(index), how, image=plane)
        return labels.astype(np.int32)

    def _within(self, mask: NDArray[np.bool_], picture: SeenPicture) -> NDArray[np.int32]:
        """Return the part (H, W) of each pixel of a mask."""
        if not self.n_parts:
            return np.zeros(picture.shape, np.int32)
        nearest = np.zeros(picture.shape, np.int32)
        least = np.full(picture.shape, np.inf, np.float32)
        for part, squares in enumerate(self._placed_squares(picture)):
            nearest[squares < least] = part  # those of all parts are never there at a time
            np.minimum(least, squares, out=least)
        return np.where(mask, nearest + 1, 0)

    def _placed_squares(self, picture: SeenPicture) -> Iterator[NDArray[np.float32]]:
        """Yield the squared distance (H, W) of each pixel to one part after the other.

        Between cells they are interpolated. The differences of such distances are linear in the descriptor,
        so the part that is nearest is the one that is nearest to the interpolated descriptor.
        """
        squares = self.clusters.squares(picture.rows).reshape(*picture.grid.shape, self.n_parts)
        placed = self.found.seen.spec.descriptor.interpolation
        for part in range(self.n_parts):
            yield picture.placed(squares[..., part], placed)


def _resized(picture: SeenPicture, shape: tuple[int, ...]) -> SeenPicture:
    """Return a picture as if its image had another size."""
    factors = (picture.shape[0] / shape[0], picture.shape[1] / shape[1])
    return replace(picture, shape=(shape[0], shape[1]), grid=picture.grid.magnified(factors))
