"""Two images aligned without a pair set by hand, and the pairs that say so beside those that there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.imports import importing_steps
from napari_vitrail.pairs import SavedPairs
from napari_vitrail.progress import Steps
from napari_vitrail.widgets._image_plane import ImagePlane
from napari_vitrail.widgets._network import Network
from napari_vitrail.widgets._proposals import is_new, joined

if TYPE_CHECKING:
    from napari_vitrail.alignment import AlignmentKind
    from napari_vitrail.matching import AlignedImages

MOST_SHOWN = 50
"""Of some hundreds that are found: more points would hide the image."""


def align_planes_steps(
    planes: Sequence[ImagePlane], network: Network, kind: AlignmentKind, threshold: float
) -> Steps[AlignedImages]:
    """Yield Progress; return how a moving plane, the second, lies on a fixed one. They are read here."""
    yield from importing_steps("napari_vitrail.matching")  # loads torch
    from napari_vitrail.matching import align_steps

    fixed, moving = (plane.read() for plane in planes)
    return (yield from align_steps(moving, fixed, kind, spec=network.spec(), threshold=threshold))


def with_verified(
    pairs: SavedPairs, aligned: AlignedImages, side: int, threshold: float
) -> tuple[SavedPairs, list[int]]:
    """Return pairs and some of those that were verified after them, and the ids of all that are far off.

    Parameters
    ----------
    pairs : SavedPairs
        What is there; it is returned itself where nothing is new.
    aligned : AlignedImages
    side : int
        The longer one of the fixed image.
    threshold : float, pixels of the fixed image
    """
    alignment, known = aligned.alignment, pairs.correspondences
    off = np.linalg.norm(alignment.to_fixed(known.points1) - known.points0, axis=1)
    rows = aligned.spread_rows(MOST_SHOWN)
    rows = rows[is_new(aligned.pairs[rows], pairs, side)]
    after = joined(pairs, aligned.pairs[rows]) if len(rows) else pairs
    outliers = np.concatenate([~(off <= threshold), ~alignment.inliers[rows]])
    return after, after.ids[outliers].tolist()
