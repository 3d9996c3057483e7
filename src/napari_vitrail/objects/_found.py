"""What is in an image: pieces, the tree of their merges, and any cut of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, softmax

from napari_vitrail.grabcut import GrabCut
from napari_vitrail.image import as_image, main_of
from napari_vitrail.objects._density import more_than_mean
from napari_vitrail.objects._proposals import ObjectProposals
from napari_vitrail.objects._regions import Regions
from napari_vitrail.progress import Steps, drain

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_vitrail.image import LayeredImage
    from napari_vitrail.objects._pieces import Pieces
    from napari_vitrail.objects._seen import SeenScene
    from napari_vitrail.objects._spec import ObjectsSpec
    from napari_vitrail.objects._tree import MergeTree
    from napari_vitrail.refinement import Refinement

STEEPNESS = 8.0
"""Of the logistic function that makes probabilities of scores: 0.98 where they are as of an object."""


@dataclass(frozen=True)
class FoundObjects:
    """What was found in an image: cut it finer or coarser at will, which takes milliseconds.

    Attributes
    ----------
    seen : SeenScene
        The image as the ViT has seen it.
    spec : ObjectsSpec
    pieces : Pieces
        The finest segmentation.
    tree : MergeTree
        Which pieces belong together.
    """

    seen: SeenScene
    spec: ObjectsSpec
    pieces: Pieces
    tree: MergeTree

    def cut(self, merge_scale: float | None = None, n_classes: int | None = None) -> ObjectProposals:
        """Return labels, objects and boxes at one cut of the tree.

        Parameters
        ----------
        merge_scale : float, optional
            Pieces are of one class if they are closer than so many times the semantic distance: more gives
            fewer classes. That of the spec unless given.
        n_classes : int, optional
            How many classes there are; that of the spec, if any, unless one of the two is given.

        Raises
        ------
        ValueError
            If both are given, or there are fewer pieces than classes.
        """
        classes = self._classes(merge_scale, n_classes)
        densities = self._densities(classes)
        salient = self._salient(classes, densities)
        own = self.pieces
        return ObjectProposals(own.labels, own.regions, classes, densities, salient, self.spec.boxes)

    def labels(self, merge_scale: float | None = None, n_classes: int | None = None) -> NDArray[np.int32]:
        """Return the class (H, W) of each pixel, from 1; see `cut`."""
        return self.cut(merge_scale, n_classes).labels

    def probabilities(
        self, merge_scale: float | None = None, n_classes: int | None = None
    ) -> NDArray[np.float32]:
        """Return how probable each class is (K, H, W); see `cut`.

        By the L1 distance of descriptors to the mean of a class, as published; where objects are told from
        the ground before, by that above all.
        """
        classes = self._classes(merge_scale, n_classes)
        energies = self._energies(classes)
        if self.pieces.margin is None or self.pieces.salient is None or self.tree.n_pieces == 1:
            return softmax(-energies, axis=0)
        own = self._salient(classes, self._densities(classes))
        if own.all() or not own.any():
            return softmax(-energies, axis=0)
        likely = expit(STEEPNESS * self.seen.placed(self.pieces.margin))
        both = np.empty_like(energies)
        both[own] = softmax(-energies[own], axis=0) * likely
        both[~own] = softmax(-energies[~own], axis=0) * (1 - likely)
        return both

    def refined(
        self, image: ArrayLike | LayeredImage, how: Refinement, merge_scale: float | None = None,
        n_classes: int | None = None,
    ) -> ObjectProposals:  # fmt: skip
        """Return a cut whose borders were moved to where colours change.

        Parameters
        ----------
        image : (H, W), (H, W, 3) or (H, W, 4) array, or LayeredImage
            The image.
        how : DenseCRF or GrabCut
            Or anything else with a method ``refined_steps``. GrabCut, which tells but two things apart, moves
            the border of the objects alone.
        merge_scale, n_classes
            See `cut`.
        """
        return drain(self.refined_steps(image, how, merge_scale, n_classes))

    def refined_steps(
        self, image: ArrayLike | LayeredImage, how: Refinement, merge_scale: float | None = None,
        n_classes: int | None = None,
    ) -> Steps[ObjectProposals]:  # fmt: skip
        """Yield Progress; return what `refined` returns."""
        plane = main_of(as_image(image))
        if plane.shape[:2] != self.seen.shape:
            raise ValueError(f"image must be the one that was seen, {self.seen.shape}, got {plane.shape[:2]}")
        proposals = self.cut(merge_scale, n_classes)
        known = self.probabilities(merge_scale, n_classes)
        if isinstance(how, GrabCut):
            classes = yield from self._grabbed_steps(proposals.salient, known, plane, how)
        else:
            classes = (yield from how.refined_steps(known, plane)).argmax(axis=0)
        return self._as_proposals(proposals, classes.astype(np.uint16))

    def _grabbed_steps(
        self, salient: NDArray[np.bool_], known: NDArray[np.float32], plane: NDArray[np.generic], how: GrabCut
    ) -> Steps[NDArray[np.intp]]:
        """Yield Progress; return the classes (H, W), from 0, with another border of the objects."""
        if salient.all() or not salient.any():
            return known.argmax(axis=0)
        any_object = known[salient].sum(axis=0)
        refined = yield from how.refined_steps(np.stack([1 - any_object, any_object]), plane)
        inside = refined[1] > refined[0]
        allowed = np.where(salient[:, None, None], inside, ~inside)
        return np.where(allowed, known, -1.0).argmax(axis=0)

    def _as_proposals(self, before: ObjectProposals, classes: NDArray[np.uint16]) -> ObjectProposals:
        """Return proposals of other classes (H, W), from 0, of the same number."""
        regions = Regions.of(classes, self.seen.placed(self.seen.density))
        sizes, looked = regions.sums(before.n_classes)
        densities, there, salient = looked / np.maximum(sizes, 1), sizes > 0, before.salient.copy()
        if self.pieces.salient is None:
            salient[there] = more_than_mean(densities[there])
        every = np.arange(before.n_classes)
        return ObjectProposals(classes, regions, every, densities, salient & there, self.spec.boxes)

    def _classes(self, merge_scale: float | None, n_classes: int | None) -> NDArray[np.intp]:
        """Return the class (k,) of each piece, from 0."""
        if merge_scale is not None and n_classes is not None:
            raise ValueError("merge_scale or n_classes must be given, got both")
        if n_classes is None and (merge_scale is not None or self.spec.n_classes is None):
            scale = self.spec.merge_scale if merge_scale is None else merge_scale
            return self.tree.cut(self.tree.n_classes(scale))
        return self.tree.cut(n_classes or self.spec.n_classes or 1)

    def _densities(self, classes: NDArray[np.intp]) -> NDArray[np.float64]:
        sizes = np.bincount(classes, self.pieces.sizes)
        return np.asarray(np.bincount(classes, self.pieces.sizes * self.pieces.densities) / sizes)

    def _salient(self, classes: NDArray[np.intp], densities: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which classes (K,) are objects: all of their pieces are, or they are looked at more."""
        if self.pieces.salient is None:
            return more_than_mean(densities)
        return np.bincount(classes, ~self.pieces.salient) == 0

    def _energies(self, classes: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return the L1 distance (K, H, W) of the descriptor of each pixel to the mean of each class."""
        rows, found = self.seen.rows, []
        for own in range(classes.max() + 1):
            mean = self.pieces.centroids[classes == own].mean(axis=0)
            distances = np.abs(rows - mean).sum(axis=1).reshape(self.seen.grid.shape)
            found.append(self.seen.placed(distances))
        return np.stack(found)
