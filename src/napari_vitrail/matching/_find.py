"""Correspondences between two images: places that show the same."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.alignment import LEAST_PAIRS
from napari_vitrail.backbones import load_backbone
from napari_vitrail.errors import VitrailWarning
from napari_vitrail.matching._imagepair import ImagePair
from napari_vitrail.matching._seen import look_steps
from napari_vitrail.matching._selection import consistent_pairs, merit_of, nearest_pairs, spread_over
from napari_vitrail.matching._spec import MATCHING, MatchingSpec
from napari_vitrail.pairs import Correspondences
from napari_vitrail.progress import Progress, Steps, drain, part_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from napari_vitrail.alignment import AlignmentKind
    from napari_vitrail.backbones import Backbone
    from napari_vitrail.grid import FeatureGrid
    from napari_vitrail.image import LayeredImage

SALIENCY_THRESHOLD = 0.05
"""Of Amir et al. (2021), section 4.1."""


def see_pair_steps(
    image0: ArrayLike | LayeredImage, image1: ArrayLike | LayeredImage, spec: MatchingSpec = MATCHING, *,
    backbone: Backbone | None = None, device: str = "auto",
) -> Steps[ImagePair]:  # fmt: skip
    """Yield Progress; return what `see_pair` returns.

    A pair that is good for a first, coarse answer comes as `Progress.so_far` after a third of the time.
    """
    backbone = backbone or load_backbone(spec.descriptor.backbone, device=device)
    first0 = yield from part_of(look_steps(image0, spec, backbone), 0, 6)
    first1 = yield from part_of(look_steps(image1, spec, backbone), 1, 6)
    yield Progress(2, 6, "descriptors", so_far=ImagePair(first0, first1))
    seen0 = yield from part_of(first0.denser_steps(), 1, 3)
    seen1 = yield from part_of(first1.denser_steps(), 2, 3)
    return ImagePair(seen0, seen1)


def see_pair(
    image0: ArrayLike | LayeredImage, image1: ArrayLike | LayeredImage, spec: MatchingSpec = MATCHING, *,
    backbone: Backbone | None = None, device: str = "auto",
) -> ImagePair:  # fmt: skip
    """Let the ViT see two images, so that any number of points is transferred at once.

    Parameters
    ----------
    image0, image1 : (H, W), (H, W, 3) or (H, W, 4) array, or LayeredImage
        Of any two sizes and kinds.
    spec : MatchingSpec
    backbone : Backbone, optional
        A loaded one; else the one that the spec names.
    device : {"auto", "cuda", "mps", "cpu"}

    Returns
    -------
    pair : ImagePair
    """
    return drain(see_pair_steps(image0, image1, spec, backbone=backbone, device=device))


def transfer_points(
    points0: ArrayLike, image0: ArrayLike | LayeredImage, image1: ArrayLike | LayeredImage,
    spec: MatchingSpec = MATCHING, *, backbone: Backbone | None = None, device: str = "auto",
) -> Correspondences:  # fmt: skip
    """Find the places of an image that show what points of another image show.

    Parameters
    ----------
    points0 : (n, 2) array
        Row/column pixels of `image0`, whole or fractional.
    image0, image1, spec, backbone, device
        See `see_pair`, which is for more than one question.

    Returns
    -------
    pairs : Correspondences
        In the order of `points0`.

    Raises
    ------
    ValueError
        If a point lies outside `image0`; all of them are listed.

    Notes
    -----
    The most similar cell of the descriptors' grid, where the best buddies of both images have a say, then
    the most similar place in a window round it by an early block, if asking back from there leads home.
    Explained in docs/explanation/correspondences.md.
    """
    return see_pair(image0, image1, spec, backbone=backbone, device=device).transfer(points0)


def similarity_map(
    image0: ArrayLike | LayeredImage, yx: ArrayLike, image1: ArrayLike | LayeredImage,
    spec: MatchingSpec = MATCHING, *, backbone: Backbone | None = None, device: str = "auto",
) -> FeatureGrid:  # fmt: skip
    """Return how similar every place of an image is to one place of another.

    Parameters
    ----------
    image0, image1, spec, backbone, device
        See `see_pair`.
    yx : (row, column) in pixels of `image0`

    Returns
    -------
    similarity : FeatureGrid
        (h, w, 1) cosine similarities, -1 to 1, on the grid of the descriptors in pixels of `image1`.

    Raises
    ------
    ValueError
        If the place lies outside `image0`.
    """
    return see_pair(image0, image1, spec, backbone=backbone, device=device).similarity_map(yx)


def find_correspondences(
    image0: ArrayLike | LayeredImage, image1: ArrayLike | LayeredImage, spec: MatchingSpec = MATCHING, *,
    n_pairs: int | None = 10, saliency_threshold: float = SALIENCY_THRESHOLD, mutual: bool = True,
    ratio: float | None = None, consistent_with: AlignmentKind | None = None, random_state: int = 0,
    backbone: Backbone | None = None, device: str = "auto",
) -> Correspondences:  # fmt: skip
    """Find pairs of places of two images that show the same, spread over what they show.

    Parameters
    ----------
    image0, image1, spec, backbone, device
        See `see_pair`.
    n_pairs : int, optional
        How many at most; None returns all best buddies that are salient.
    saliency_threshold : float, 0 to 1
        Both places of a pair are more salient than that.
    mutual : bool
        Whether both places must be each other's nearest neighbours; else it is enough that the place in
        `image1` is that of the place in `image0`.
    ratio : float, above 0 and up to 1, optional
        Drops pairs that are not distinct: the distance of their descriptors must be at most this part of
        that to the next best place of `image1`, a patch or more away.
    consistent_with : {"translation", "rigid", "similarity", "affine", "projective", "thin-plate"}, optional
        Drops pairs that are farther off such a transform, fitted robustly to all, than a twentieth of the
        longer side; see `fit_alignment`.
    random_state : int
        Of the k-means that spreads the pairs, and of RANSAC.

    Returns
    -------
    pairs : Correspondences
        The best first; empty, with a warning, where nothing is left.

    Raises
    ------
    ValueError
        If `n_pairs` is below 1, the threshold not in 0 to 1, the ratio not above 0 and up to 1, or if too
        few pairs agree on the transform that they are to be consistent with.

    References
    ----------
    Amir et al. (2021), section 4.1, best buddies; see docs/explanation/correspondences.md for what differs.
    Lowe (2004), section 7.1, for the ratio.
    """
    options = {
        "n_pairs": n_pairs, "saliency_threshold": saliency_threshold, "mutual": mutual, "ratio": ratio,
        "consistent_with": consistent_with, "random_state": random_state,
    }  # fmt: skip
    check_choice(n_pairs, saliency_threshold, ratio, consistent_with)
    pair = see_pair(image0, image1, spec, backbone=backbone, device=device)
    return drain(find_steps(pair, **options))  # type: ignore[arg-type]


def find_steps(
    pair: ImagePair, *, n_pairs: int | None = 10, saliency_threshold: float = SALIENCY_THRESHOLD,
    mutual: bool = True, ratio: float | None = None, consistent_with: AlignmentKind | None = None,
    random_state: int = 0,
) -> Steps[Correspondences]:  # fmt: skip
    """Yield Progress; return the correspondences of a pair that was seen, see `find_correspondences`."""
    check_choice(n_pairs, saliency_threshold, ratio, consistent_with)
    points0, points1, similarity = nearest_pairs(pair, mutual, ratio)
    yield Progress(1, 3, "pairs")
    salience = np.sqrt(pair.seen0.salience(points0) * pair.seen1.salience(points1))
    bright = np.minimum(pair.seen0.salience(points0), pair.seen1.salience(points1)) > saliency_threshold
    if not bright.any():
        nearest = "mutual nearest neighbours" if mutual else "nearest neighbours"
        stage = f"{nearest} that are distinct" if ratio else nearest
        stage = f"saliency > {saliency_threshold}" if len(points0) else stage
        warnings.warn(f"no correspondences: none is left after {stage}", VitrailWarning, stacklevel=2)
        return Correspondences.none()
    points0, points1, similarity = points0[bright], points1[bright], similarity[bright]
    merit = merit_of(pair, points0, points1, similarity, salience[bright])
    kept = np.arange(len(points0))
    if consistent_with is not None:
        kept = consistent_pairs(points0, points1, merit, consistent_with, pair.seen0.spec.side, random_state)
    if n_pairs is not None:
        kept = kept[spread_over(points0[kept], merit[kept], n_pairs, random_state)]
    kept = kept[np.argsort(-merit[kept], kind="stable")]
    yield Progress(2, 3, "pairs")
    return pair.settle(points0[kept], points1[kept], similarity[kept])


def check_choice(
    n_pairs: int | None, saliency_threshold: float, ratio: float | None = None,
    consistent_with: AlignmentKind | None = None,
) -> None:  # fmt: skip
    """Raise ValueError where pairs cannot be chosen like that."""
    if n_pairs is not None and n_pairs < 1:
        raise ValueError(f"n_pairs must be at least 1, or None for all, got {n_pairs}")
    if not 0 <= saliency_threshold <= 1:
        raise ValueError(f"saliency_threshold must be 0 to 1, got {saliency_threshold}")
    if ratio is not None and not 0 < ratio <= 1:
        raise ValueError(f"ratio must be above 0 and up to 1, or None for no test, got {ratio}")
    if consistent_with is not None and consistent_with not in LEAST_PAIRS:
        raise ValueError(
            f"unknown kind {consistent_with!r} of consistent_with; known: {', '.join(LEAST_PAIRS)}"
        )
