"""From class probabilities to a calmer segmentation that has lost none of its small structures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy.ndimage import distance_transform_edt
from skimage.measure import label as connected

from napari_vitrail.image import LayeredImage, as_image, main_of
from napari_vitrail.progress import Progress, Steps, drain
from napari_vitrail.smoothing import Smoothing

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

SPECK = 0.25
"""Of the square of its class's width: what is smaller is a speck, what is larger a structure."""


class Refinement(Protocol):
    """A way to refine class probabilities, such as `Smoothing` and `DenseCRF`."""

    def refined_steps(
        self, probabilities: NDArray[np.float32], image: NDArray[np.generic] | None = None
    ) -> Steps[NDArray[np.float32]]:
        """Yield Progress; return probabilities (k, H, W) of the same classes.

        Parameters
        ----------
        probabilities : (k, H, W) float32
        image : (H, W) or (H, W, 3) array, optional
            What they are the probabilities of; a refinement that needs it says so where it is missing.
        """


def refine_steps(
    probabilities: ArrayLike,
    how: Refinement = Smoothing(),  # noqa: B008  frozen
    *,
    image: ArrayLike | LayeredImage | None = None,
    classes: ArrayLike | None = None,
) -> Steps[NDArray[np.integer]]:
    """Yield Progress; return what `refine` returns."""
    known = _checked(probabilities)
    ids = np.arange(len(known)) if classes is None else np.asarray(classes)
    if ids.shape != (len(known),):
        raise ValueError(f"classes must be as many as the probabilities, {len(known)}, got shape {ids.shape}")
    plane = None if image is None else main_of(as_image(image))
    if plane is not None and plane.shape[:2] != known.shape[1:]:
        raise ValueError(
            f"image must have the rows and columns of the probabilities, {known.shape[1:]}, "
            f"got {plane.shape[:2]}"
        )
    refined = yield from how.refined_steps(known, plane)
    yield Progress(0, 1, "looking for what was lost")
    kept = keep_structures(known.argmax(axis=0), refined.argmax(axis=0))
    return np.asarray(ids[kept])


def refine(
    probabilities: ArrayLike,
    how: Refinement = Smoothing(),  # noqa: B008  frozen
    *,
    image: ArrayLike | LayeredImage | None = None,
    classes: ArrayLike | None = None,
) -> NDArray[np.integer]:
    """Make a segmentation of class probabilities that is freed of specks and keeps small structures.

    What the refinement takes from a class comes back, unless it is small for that class, see
    `keep_structures`.

    Parameters
    ----------
    probabilities : (k, H, W) array
        Of each class, such as `napari_vitrail.class_probabilities` returns.
    how : Smoothing or DenseCRF
        Or anything else with a method ``refined_steps``.
    image : (H, W), (H, W, 3) or (H, W, 4) array, or LayeredImage, optional
        The image; `DenseCRF` needs it.
    classes : (k,) int array, optional
        Ids in the order of the probabilities, such as ``classifier.classes_``; else 0 to k - 1.

    Returns
    -------
    segmentation : (H, W) int array

    Raises
    ------
    ValueError
        If the shapes do not fit each other, or the image is missing and needed.
    MissingExtra
        If `DenseCRF` is asked for and its package is not installed.
    """
    return drain(refine_steps(probabilities, how, image=image, classes=classes))


def keep_structures(before: NDArray[np.integer], refined: NDArray[np.integer]) -> NDArray[np.integer]:
    """Give back to every class what a refinement took from it, but for specks.

    The pixels that a class has lost fall into connected pieces. A piece stays lost where its area is
    less than `SPECK` times the square of the class's own `width`; so a piece of twenty pixels is a
    speck in a class of large grains, and a structure in a class of small dots or thin lines.

    Parameters
    ----------
    before, refined : (H, W) int arrays
        Segmentations by the same classes.

    Returns
    -------
    segmentation : (H, W) int array
        `refined`, with the pieces that came back.
    """
    kept = refined.copy()
    for own in np.unique(before[before != refined]):
        members = before == own
        pieces = connected(members & (refined != own), connectivity=2)
        areas = np.bincount(pieces.ravel())
        areas[0] = 0  # all that was not lost
        kept[(areas >= max(SPECK * width(members) ** 2, 1))[pieces]] = own
    return kept


def width(members: NDArray[np.bool_]) -> float:
    """Return how wide a class is in pixels: four times the mean depth of its pixels, exact for a band.

    Pixels beyond the edge of the image belong to no class.
    """
    depth = distance_transform_edt(np.pad(members, 1))[1:-1, 1:-1][members]
    return float(4 * (depth - 0.5).mean()) if depth.size else 0.0


def _checked(probabilities: ArrayLike) -> NDArray[np.float32]:
    known = np.asarray(probabilities, np.float32)
    if known.ndim != 3 or not known.size:
        raise ValueError(f"probabilities must be (k, H, W), one class or more, got shape {known.shape}")
    if not np.isfinite(known).all():
        raise ValueError("probabilities must be finite numbers, got NaN or infinity")
    return known
