"""Co-segmentation: the object that a set of images shares."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.cosegmentation._augment import see_augmented_steps
from napari_vitrail.cosegmentation._result import CoSegmentation
from napari_vitrail.cosegmentation._spec import COSEGMENTATION, CosegmentationSpec
from napari_vitrail.errors import ComputeError, VitrailWarning
from napari_vitrail.features import unit_rows
from napari_vitrail.progress import Steps, drain, part_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.cosegmentation._consensus import Consensus
    from napari_vitrail.cosegmentation._seen import Images, SeenSet
    from napari_vitrail.cosegmentation._votes import Votes
    from napari_vitrail.features import TokenStore


def cosegment(
    images: Images, spec: CosegmentationSpec = COSEGMENTATION, *, n_crops: int = 0, random_state: int = 0,
    backbone: Backbone | None = None, device: str = "auto", store: TokenStore | None = None,
) -> CoSegmentation:  # fmt: skip
    """Find the object that images share.

    Parameters
    ----------
    images : sequence of (H, W), (H, W, 3) or (H, W, 4) arrays, or LayeredImage
        Two or more, of any sizes and kinds; see `see_set`.
    spec : CosegmentationSpec
    n_crops : int
        Random cut-outs of each image and as many of its mirror image that are seen, too, and learned of: for
        small sets, see docs/explanation/cosegmentation.md. The time grows by twice as much.
    random_state : int
        Of k-means and cut-outs.
    backbone, device, store
        See `see_set`.

    Returns
    -------
    found : CoSegmentation

    Raises
    ------
    ValueError
        If there is no image, or one, which is named by its index, is empty or has another shape.
    ComputeError
        If all images are outliers.
    BackboneUnavailable
        If no source has the backbone's weights.

    References
    ----------
    Amir et al. (2021), section 4.2; see docs/explanation/cosegmentation.md for what differs.
    """
    return drain(
        cosegment_steps(
            images,
            spec,
            n_crops=n_crops,
            random_state=random_state,
            backbone=backbone,
            device=device,
            store=store,
        )
    )


def cosegment_steps(
    images: Images, spec: CosegmentationSpec = COSEGMENTATION, *, n_crops: int = 0, random_state: int = 0,
    backbone: Backbone | None = None, device: str = "auto", store: TokenStore | None = None,
) -> Steps[CoSegmentation]:  # fmt: skip
    """Yield Progress; return what `cosegment` returns."""
    steps = see_augmented_steps(
        images, n_crops, spec, random_state=random_state, backbone=backbone, device=device, store=store
    )
    seen = yield from part_of(steps, 0, 2)
    return (yield from part_of(cosegment_seen_steps(seen, random_state=random_state), 1, 2))


def cosegment_seen(
    seen: SeenSet, how: Consensus | Votes | None = None, *, random_state: int = 0
) -> CoSegmentation:
    """Find the object that images share which the ViT has seen, without asking it again.

    Parameters
    ----------
    seen : SeenSet
        See `see_set`.
    how : Consensus or Votes, optional
        Another way to find the object, such as another number of clusters; that of the set's spec unless
        given.
    random_state : int
        Of k-means.

    Returns
    -------
    found : CoSegmentation

    Raises
    ------
    ComputeError
        If all images are outliers.
    """
    return drain(cosegment_seen_steps(seen, how, random_state=random_state))


def cosegment_seen_steps(
    seen: SeenSet, how: Consensus | Votes | None = None, *, random_state: int = 0
) -> Steps[CoSegmentation]:
    """Yield Progress; return what `cosegment_seen` returns."""
    if len(seen) == 1:
        warnings.warn(
            "one image shares nothing: what stands out in it is found; two or more images of the same "
            "kind of object tell it from what surrounds it",
            VitrailWarning,
            stacklevel=2,
        )
    outliers = find_outliers(seen)
    found = yield from (how or seen.spec.how).found_steps(seen.without(outliers), random_state)
    return CoSegmentation(seen, found, outliers)


def find_outliers(seen: SeenSet) -> NDArray[np.bool_]:
    """Return which images (n,) look unlike the set as a whole, where its spec asks for that."""
    least = seen.spec.outlier_similarity
    descriptors = [picture.cls for picture in seen.pictures if picture.cls is not None]
    if least is None:
        return np.zeros(len(seen), bool)
    rows = np.stack(descriptors)
    mean = rows.mean(axis=0)
    outliers = np.asarray(unit_rows(rows) @ unit_rows(mean) < least)
    if outliers.all():
        raise ComputeError(
            f"all {len(seen)} images are outliers: none is as similar as {least} to their mean; a lower "
            "outlier_similarity, or None, keeps them"
        )
    return outliers
