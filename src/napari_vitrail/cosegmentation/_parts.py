"""Part co-segmentation: the parts of the object that a set of images shares."""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_vitrail.clusters import Clusters, fit_centres
from napari_vitrail.cosegmentation._common import common_object_steps
from napari_vitrail.cosegmentation._cosegment import cosegment_seen_steps, cosegment_steps
from napari_vitrail.cosegmentation._evened import evened
from napari_vitrail.cosegmentation._partsegmentation import PartSegmentation
from napari_vitrail.cosegmentation._result import CoSegmentation
from napari_vitrail.cosegmentation._sampling import spread
from napari_vitrail.cosegmentation._spec import COSEGMENTATION, CosegmentationSpec
from napari_vitrail.errors import VitrailWarning
from napari_vitrail.progress import Progress, Steps, drain, part_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.cosegmentation._seen import Images, SeenSet
    from napari_vitrail.features import TokenStore

SAMPLE = 8000
"""Descriptors of the object, at most, that parts are learned of, evenly spread over the set."""
STARTS = 4
"""Of k-means, of which the best counts."""


class ObjectCells(NamedTuple):
    """Cells of the object, evenly spread over a set of images.

    Attributes
    ----------
    rows : (n, D) float32
        Their descriptors.
    heights : (n,) float32
        Where they lie in the object of their image: 0 at its top, 1 at its bottom.
    """

    rows: NDArray[np.float32]
    heights: NDArray[np.float32]


def cosegment_parts(
    images: Images, n_parts: int = 4, spec: CosegmentationSpec = COSEGMENTATION, *,
    elbow_second: float | None = None, whitening: float | None = None, n_crops: int = 0,
    random_state: int = 0, backbone: Backbone | None = None, device: str = "auto",
    store: TokenStore | None = None,
) -> PartSegmentation:  # fmt: skip
    """Find the parts of the object that images share.

    Parameters
    ----------
    images : sequence of (H, W), (H, W, 3) or (H, W, 4) arrays, or LayeredImage
        Two or more, of any sizes and kinds; see `see_set`.
    n_parts : int
        1 is the object as a whole.
    spec : CosegmentationSpec
        How images are seen and the object is found.
    elbow_second, whitening
        See `cosegment_parts_seen`.
    n_crops : int
        See `cosegment`.
    random_state : int
        Of k-means and cut-outs.
    backbone, device, store
        See `see_set`.

    Returns
    -------
    parts : PartSegmentation

    Raises
    ------
    ValueError
        If a number is out of range, or images are none or cannot be seen.
    ComputeError
        If all images are outliers.
    BackboneUnavailable
        If no source has the backbone's weights.

    References
    ----------
    Amir et al. (2021), section 4.2; see docs/explanation/cosegmentation.md for what differs.
    """
    return drain(
        cosegment_parts_steps(
            images, n_parts, spec, elbow_second=elbow_second, whitening=whitening, n_crops=n_crops,
            random_state=random_state, backbone=backbone, device=device, store=store,
        )
    )  # fmt: skip


def cosegment_parts_steps(
    images: Images, n_parts: int = 4, spec: CosegmentationSpec = COSEGMENTATION, *,
    elbow_second: float | None = None, whitening: float | None = None, n_crops: int = 0,
    random_state: int = 0, backbone: Backbone | None = None, device: str = "auto",
    store: TokenStore | None = None,
) -> Steps[PartSegmentation]:  # fmt: skip
    """Yield Progress; return what `cosegment_parts` returns."""
    _check(n_parts, elbow_second, whitening)
    steps = cosegment_steps(
        images,
        spec,
        n_crops=n_crops,
        random_state=random_state,
        backbone=backbone,
        device=device,
        store=store,
    )
    found = yield from part_of(steps, 0, 2)
    parts = cosegment_parts_seen_steps(
        found, n_parts, elbow_second=elbow_second, whitening=whitening, random_state=random_state
    )
    return (yield from part_of(parts, 1, 2))


def cosegment_parts_seen(
    seen: SeenSet | CoSegmentation, n_parts: int = 4, *, elbow_second: float | None = None,
    whitening: float | None = None, random_state: int = 0,
) -> PartSegmentation:  # fmt: skip
    """Find the parts of the object in images that the ViT has seen, without asking it again.

    Parameters
    ----------
    seen : SeenSet or CoSegmentation
        The latter knows the object already.
    n_parts : int
        1 is the object as a whole.
    elbow_second : float, 0 to 1, optional
        If given, the object is first reduced to those of its clusters that no image is without: as published
        for few images, with 0.94, by which the number of these clusters is found.
    whitening : float, 0 to 1, optional
        Instead of that of the set's spec, see `CosegmentationSpec`.
    random_state : int
        Of k-means.

    Returns
    -------
    parts : PartSegmentation
        Numbered from the top of the object to its bottom, as they lie on average.

    Raises
    ------
    ValueError
        If a number is out of range.
    ComputeError
        If all images are outliers.
    """
    return drain(
        cosegment_parts_seen_steps(
            seen, n_parts, elbow_second=elbow_second, whitening=whitening, random_state=random_state
        )
    )


def cosegment_parts_seen_steps(
    seen: SeenSet | CoSegmentation, n_parts: int = 4, *, elbow_second: float | None = None,
    whitening: float | None = None, random_state: int = 0,
) -> Steps[PartSegmentation]:  # fmt: skip
    """Yield Progress; return what `cosegment_parts_seen` returns."""
    _check(n_parts, elbow_second, whitening)
    if isinstance(seen, CoSegmentation):
        found = seen
    else:
        found = yield from part_of(cosegment_seen_steps(seen, random_state=random_state), 0, 3)
    cells = object_cells(found)
    if elbow_second is not None and len(cells.rows):
        common = common_object_steps(found, cells.rows, elbow_second, random_state)
        found = yield from part_of(common, 1, 3)
        cells = object_cells(found)
    yield Progress(2, 3, "parts")
    if whitening is None:
        whitening = found.seen.spec.whitening
    return PartSegmentation(found, _parted(cells, n_parts, whitening, random_state))


def _check(n_parts: int, elbow_second: float | None, whitening: float | None) -> None:
    if n_parts < 1:
        raise ValueError(f"n_parts must be at least 1, got {n_parts}")
    if elbow_second is not None and not 0 <= elbow_second <= 1:
        raise ValueError(f"elbow_second must be 0 to 1, or None, got {elbow_second}")
    if whitening is not None and not 0 <= whitening <= 1:
        raise ValueError(f"whitening must be 0 to 1, or None, got {whitening}")


def object_cells(found: CoSegmentation) -> ObjectCells:
    """Return cells of the object, not more than `SAMPLE`, evenly spread over what is learned of."""
    pictures = found.seen.without(found.outliers).learned
    masks = [found.shared.scores(picture) > found.shared.threshold for picture in pictures]
    chosen = spread([int(mask.sum()) for mask in masks], SAMPLE)
    rows, heights = [], []
    for picture, mask, places in zip(pictures, masks, chosen, strict=True):
        cells = np.flatnonzero(mask)[places]
        rows.append(picture.rows_at(cells))
        heights.append(_heights(mask)[cells])
    return ObjectCells(np.concatenate(rows), np.concatenate(heights))


def _heights(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return how far down (h * w,) each cell is, from 0 at the top of a mask (h, w) to 1 at its bottom."""
    inside = np.flatnonzero(mask.any(axis=1))
    first, last = (inside[0], inside[-1]) if len(inside) else (0, 0)
    along = (np.arange(len(mask)) - first) / max(last - first, 1)
    return np.repeat(along, mask.shape[1]).astype(np.float32)


def _parted(cells: ObjectCells, n_parts: int, whitening: float, random_state: int) -> Clusters:
    """Return the clusters of the object's cells, from top to bottom; fewer where cells are too few."""
    rows = cells.rows
    if not len(rows):
        return Clusters(np.zeros((0, rows.shape[1]), np.float32))
    count = min(n_parts, len(np.unique(rows, axis=0)))
    if count < n_parts:
        warnings.warn(
            f"the object has only {count} different descriptors, so there are {count} parts, not {n_parts}",
            VitrailWarning,
            stacklevel=2,
        )
    fit = partial(fit_centres, count=count, n_init=STARTS, random_state=random_state)
    clusters = evened(rows, whitening, fit)
    squares = clusters.squares(rows)
    nearest = squares.argmin(axis=1)
    sizes = np.bincount(nearest, minlength=count)
    heights = np.bincount(nearest, cells.heights, minlength=count) / np.maximum(sizes, 1)
    order = np.argsort(heights, kind="stable")
    return replace(clusters, centres=clusters.centres[order], distortion=float(squares.min(axis=1).mean()))
