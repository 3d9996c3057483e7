"""From what the places of a frame were given to a label at every pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.grid import FeatureGrid, Grid
from napari_vitrail.image import main_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

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
    own = shares.astype(np.float32)
    peaks = own.max(axis=(0, 1))
    own[..., peaks < spec.vanish_below] = 0
    if spec.scaled:
        lowest = own.min(axis=(0, 1))
        span = own.max(axis=(0, 1)) - lowest
        own = np.where(span > 0, (own - lowest) / np.where(span > 0, span, 1), own)
    pixels = Grid.of_pixels((int(picture.shape[0]), int(picture.shape[1])))
    placed = np.moveaxis(FeatureGrid(own, grid).on(pixels).values, -1, 0)
    if spec.refinement is not None and len(ids) > 1:
        placed = yield from spec.refinement.refined_steps(placed, main_of(picture))
    labels = np.asarray(ids)[placed.argmax(axis=0)]
    labels[~(placed > 0).any(axis=0)] = 0  # nobody voted
    return labels
