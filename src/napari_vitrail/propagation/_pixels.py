"""From what the places of a frame were given to a label at every pixel."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.grid import FeatureGrid, Grid
from napari_vitrail.image import main_of
from napari_vitrail.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_vitrail.guidedfilter import Guide
    from napari_vitrail.image import Picture
    from napari_vitrail.progress import Steps
    from napari_vitrail.propagation._spec import PropagationSpec


def pixel_labels_steps(
    shares: NDArray[np.float16], grid: Grid, ids: Sequence[int], picture: Picture, spec: PropagationSpec
) -> Steps[NDArray[np.int64]]:
    """Yield Progress; return the ids (H, W) of a frame's pixels.

    Parameters
    ----------
    shares : (h, w, k) float16
        Of the labels in the places of the grid.
    grid : Grid
        In pixels of the frame.
    ids : sequence of int
        In the order of the shares.
    picture : Picture
        The frame.
    spec : PropagationSpec
    """
    own = _present(shares.astype(np.float32), spec)
    there = np.flatnonzero(own.any(axis=(0, 1))).tolist()
    pixels = Grid.of_pixels((int(picture.shape[0]), int(picture.shape[1])))
    guide = _guide(grid, picture, spec) if len(there) > 1 else None
    labels, surest = np.zeros(pixels.shape, np.int64), np.zeros(pixels.shape, np.float32)
    for done, channel in enumerate(there, start=1):  # one at a time: there may be hundreds
        placed = FeatureGrid(own[..., channel, None], grid).on(pixels).values[..., 0]
        placed = placed if guide is None else guide.followed(placed)
        wins = placed > surest
        labels[wins], surest[wins] = ids[channel], placed[wins]
        yield Progress(done, len(there), "labels")
    return labels


def _guide(grid: Grid, picture: Picture, spec: PropagationSpec) -> Guide | None:
    """Return the colours that labels follow, in windows as large as they are where the ViT sees them."""
    if spec.refinement is None:
        return None
    radius = spec.refinement.radius * grid.spacing[0] / spec.descriptor.stride
    return replace(spec.refinement, radius=max(round(radius), 1)).guided_by(main_of(picture))


def _present(shares: NDArray[np.float32], spec: PropagationSpec) -> NDArray[np.float32]:
    """Return shares (h, w, k) without the labels that are not there, and scaled where the spec says so."""
    shares[..., shares.max(axis=(0, 1)) < spec.vanish_below] = 0
    if not spec.scaled:
        return shares
    lowest = shares.min(axis=(0, 1))
    span = shares.max(axis=(0, 1)) - lowest
    return np.where(span > 0, (shares - lowest) / np.where(span > 0, span, 1), shares)
