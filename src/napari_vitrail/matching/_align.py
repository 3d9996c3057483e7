"""Two images laid over each other: pairs found, made exact, and fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_vitrail.alignment import LEAST_PAIRS, Alignment, fit_alignment
from napari_vitrail.backbones import load_backbone
from napari_vitrail.matching._guided import guided_steps
from napari_vitrail.matching._selection import spread_over
from napari_vitrail.matching._spec import MATCHING, MatchingSpec
from napari_vitrail.matching._turning import FEWEST, Scene, turned_steps
from napari_vitrail.pairs import Correspondences
from napari_vitrail.progress import Steps, drain, part_of
from napari_vitrail.seen import shown_pixels

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_vitrail.alignment import AlignmentKind
    from napari_vitrail.backbones import Backbone
    from napari_vitrail.image import LayeredImage

    Source = tuple[int, str]


CREDIBLE = 0.5
"""The share of pairs that must agree: of images that have nothing in common a fifth does."""


class AlignedImages(NamedTuple):
    """How two images lie to each other, and what says so.

    Attributes
    ----------
    alignment : Alignment
        From the moving to the fixed image; its residuals and inliers are those of the pairs.
    pairs : Correspondences
        ``points0`` in the fixed image, ``points1`` in the moving one. Their saliency and cycle error are not
        known: they are verified by their neighbours.
    """

    alignment: Alignment
    pairs: Correspondences

    @property
    def is_credible(self) -> bool:
        """Whether half of the pairs agree, or more; else the images may have nothing in common."""
        return bool(self.alignment.inliers.mean() >= CREDIBLE)

    def spread_rows(self, count: int) -> NDArray[np.intp]:
        """Return the rows (k,) of at most `count` pairs, spread over the fixed image.

        Of each area the pair that is most similar among those that agree.
        """
        merit = self.alignment.inliers + self.pairs.similarity / 4  # which lies between -1 and 1
        return spread_over(self.pairs.points0, merit, count, random_state=0)


def align_images(
    moving: ArrayLike | LayeredImage, fixed: ArrayLike | LayeredImage, kind: AlignmentKind = "affine",
    spec: MatchingSpec = MATCHING, *, threshold: float = 5.0, backbone: Backbone | None = None,
    device: str = "auto",
) -> AlignedImages:  # fmt: skip
    """Find the transform that lays one image over another, whatever they are turned against each other.

    Parameters
    ----------
    moving, fixed : (H, W), (H, W, 3) or (H, W, 4) array, or LayeredImage
        Of any two sizes and kinds.
    kind : {"translation", "rigid", "similarity", "affine", "projective", "thin-plate"}
        See `fit_alignment`.
    spec : MatchingSpec
        Its guide and its fine layer are asked, and the one half way between; not its descriptor.
    threshold : float, pixels of the fixed image
        See `fit_alignment`.
    backbone : Backbone, optional
        A loaded one; else the one that the spec names.
    device : {"auto", "cuda", "mps", "cpu"}

    Returns
    -------
    aligned : AlignedImages

    Raises
    ------
    ValueError
        If the images have too little in common, the pairs do not agree on the kind, the kind is unknown, or
        the spec has no guide or no fine layer.

    Notes
    -----
    Best buddies that move as their neighbours do give a rough alignment; twelve turns are tried where they
    are few. By it the moving image is straightened and looked at again, three times, each time bent to what
    was found. Where the closer looks verify nothing, as on pictures of different objects, the pairs are
    the best buddies. Explained in docs/explanation/correspondences.md.
    """
    steps = align_steps(moving, fixed, kind, spec, threshold=threshold, backbone=backbone, device=device)
    return drain(steps)


def align_steps(
    moving: ArrayLike | LayeredImage, fixed: ArrayLike | LayeredImage, kind: AlignmentKind = "affine",
    spec: MatchingSpec = MATCHING, *, threshold: float = 5.0, backbone: Backbone | None = None,
    device: str = "auto",
) -> Steps[AlignedImages]:  # fmt: skip
    """Yield Progress; return what `align_images` returns."""
    deep, fine = _sources(spec)
    if kind not in LEAST_PAIRS:
        raise ValueError(f"unknown kind {kind!r}; known: {', '.join(LEAST_PAIRS)}")
    backbone = backbone or load_backbone(spec.descriptor.backbone, device=device)
    (fixed_rgb, fixed_shape), (moving_rgb, moving_shape) = (
        shown_pixels(image, spec.descriptor, spec.side) for image in (fixed, moving)
    )
    scene = Scene(fixed_rgb, moving_rgb, spec, backbone)
    found = yield from part_of(turned_steps(scene, deep), 0, 2)
    if len(found.fixed) < FEWEST:
        raise ValueError(
            f"the images must have {FEWEST} or more places in common that move together, got "
            f"{len(found.fixed)}; set pairs by hand and give them to fit_alignment"
        )
    found = yield from part_of(guided_steps(scene, found, deep, fine), 1, 2)
    pairs = Correspondences(
        _own_pixels(found.fixed, fixed_rgb.shape, fixed_shape),
        _own_pixels(found.moving, moving_rgb.shape, moving_shape),
        found.similarity,
    )
    return AlignedImages(fit_alignment(pairs.points1, pairs.points0, kind, threshold=threshold), pairs)


def _sources(spec: MatchingSpec) -> tuple[list[Source], Source]:
    """Return the layers whose best buddies are asked, and the one that is asked where exactly."""
    if spec.guide is None or spec.fine is None:
        raise ValueError("spec must have a guide and a fine layer to align images, as MATCHING has")
    middle = (round((spec.guide[0] + spec.fine[0]) / 2), spec.guide[1])
    return [middle, spec.guide], spec.fine


def _own_pixels(
    points: NDArray[np.float64], seen_shape: tuple[int, ...], shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Return where points (n, 2) of the pixels that the ViT sees are in the image itself."""
    return (points + 0.5) * np.array(shape) / np.array(seen_shape[:2]) - 0.5
