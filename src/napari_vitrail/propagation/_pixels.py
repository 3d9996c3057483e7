"""From what the places of a frame were given to a label at every pixel."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

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


LEAST = 1e-3
"""Share that a label has somewhere; less is what rounding leaves."""
Window = tuple[slice, slice]


def pixel_labels_steps(
    shares: NDArray[np.float16], grid: Grid, ids: Sequence[int], picture: Picture, spec: PropagationSpec
) -> Steps[NDArray[np.int64]]:
    """Yield Progress; return the ids (H, W) of a frame's pixels.

    What is smaller than the windows of the refinement, and hardly differs from the ground in colour, would
    lose all its pixels there: it keeps the borders that it had before.

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
    there = np.flatnonzero(own.max(axis=(0, 1), initial=0) > LEAST).tolist()
    pixels = Grid.of_pixels((int(picture.shape[0]), int(picture.shape[1])))
    guide = _guide(grid, picture, spec) if len(there) > 1 else None
    coarse, refined = _Winners.none(pixels.shape), _Winners.none(pixels.shape)
    for done, channel in enumerate(there, start=1):  # one at a time: there may be hundreds
        window = _window(own[..., channel], grid, pixels.shape, 0 if guide is None else guide.reach)
        placed = FeatureGrid(own[..., channel, None], grid).on(Grid.of_window(window)).values[..., 0]
        coarse.enter(ids[channel], placed, window)
        if guide is not None:
            refined.enter(ids[channel], guide.within(window).followed(placed), window)
        yield Progress(done, len(there), "labels")
    if guide is None:
        return coarse.labels
    lost = np.isin(coarse.labels, np.setdiff1d(coarse.labels, [0, *np.unique(refined.labels)]))
    return np.where(lost, coarse.labels, refined.labels)


class _Winners(NamedTuple):
    """The label of each pixel (H, W) that has been surest so far, and how sure it is."""

    labels: NDArray[np.int64]
    surest: NDArray[np.float32]

    @classmethod
    def none(cls, shape: tuple[int, int]) -> _Winners:
        return cls(np.zeros(shape, np.int64), np.zeros(shape, np.float32))

    def enter(self, own: int, placed: NDArray[np.float32], window: Window) -> None:
        labels, surest = self.labels[window], self.surest[window]
        wins = placed > surest
        labels[wins], surest[wins] = own, placed[wins]


def _window(own: NDArray[np.float32], grid: Grid, shape: tuple[int, int], margin: int) -> Window:
    """Return the pixels beyond which a label of shares (h, w) is nowhere: there may be hundreds of labels."""
    cells = np.argwhere(own > LEAST)
    first, last = cells.min(axis=0) - 1, cells.max(axis=0) + 1
    start, stop = grid.to_pixels([first, last])
    low = np.where(first < 0, 0, np.floor(start).astype(int) - margin)
    high = np.where(last >= grid.shape, shape, np.ceil(stop).astype(int) + 1 + margin)
    rows, columns = zip(low.clip(0).tolist(), np.minimum(high, shape).tolist(), strict=True)
    return slice(*rows), slice(*columns)


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
