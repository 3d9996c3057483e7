"""Where what a frame shows was in the frame before: its places, matched together with those round them."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_vitrail.grid import FeatureGrid
from napari_vitrail.peaks import past_top

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.propagation._seen import SeenFrame

    Likeness = NDArray[np.float32]

TOGETHER = 3.0
"""Patches: standard deviation of the Gaussian window that is matched as one."""
SLOWNESS = 1e-3
"""What a shift by d patches costs, d² times: where nothing is to be seen, nothing has moved."""
COVERED = 0.1
"""Share of a window that lies in both frames, below which what is found there counts less."""


def no_motion(frame: SeenFrame) -> FeatureGrid:
    """Return offsets (h', w', 2) of 0 for the places of a frame that vote."""
    grid = frame.voting_grid
    return FeatureGrid(np.zeros((*grid.shape, 2), np.float32), grid)


def motion_between(frame: SeenFrame, before: SeenFrame, farthest: float) -> FeatureGrid:
    """Return how far away what each place that votes shows lies in another frame.

    Things that look alike are told apart by what is round them: of all shifts that one is taken by which the
    places in a window look most like those in the other frame, in the mean.

    Parameters
    ----------
    frame, before : SeenFrame
        Of one size.
    farthest : float, patches
        How far along either axis.

    Returns
    -------
    motion : FeatureGrid
        Offsets (h', w', 2) in rows and columns, pixels of the frame.
    """
    grid = frame.voting_grid
    cells_of_patch = frame.patch / np.array(grid.spacing)
    reach = np.rint(farthest * cells_of_patch).astype(int)
    likeness = _likeness(frame, before, reach, cells_of_patch)
    best = np.array(np.unravel_index(likeness.reshape(-1, *grid.shape).argmax(axis=0), likeness.shape[:2]))
    offsets = [best[axis] - reach[axis] + _between(likeness, best, axis) for axis in (0, 1)]
    return FeatureGrid((np.stack(offsets, axis=-1) * grid.spacing).astype(np.float32), grid)


def composed(motion: FeatureGrid, earlier: FeatureGrid) -> FeatureGrid:
    """Return offsets to a frame from which `earlier` leads to the one before that.

    Parameters
    ----------
    motion, earlier : FeatureGrid
        Offsets (h', w', 2), pixels.
    """
    there = motion.grid.centres() + motion.values.reshape(-1, 2)
    return FeatureGrid(motion.values + earlier.at(there).reshape(motion.values.shape), motion.grid)


def _likeness(
    frame: SeenFrame, before: SeenFrame, reach: NDArray[np.int_], cells_of_patch: NDArray[np.float64]
) -> Likeness:
    """Return how much windows (h, w) look like those that are shifted by so many cells (2r + 1, 2r + 1)."""
    own, others = (each.descriptors[each.voting].astype(np.float32) for each in (frame, before))
    shape = own.shape[:2]
    shifts = [range(-side, side + 1) for side in reach.tolist()]
    windows = (TOGETHER * cells_of_patch).tolist()
    likeness = np.empty((len(shifts[0]), len(shifts[1]), *shape), np.float32)
    for at, shift in zip(np.ndindex(*likeness.shape[:2]), product(*shifts), strict=True):
        here = tuple(slice(max(-d, 0), max(min(n, n - d), 0)) for d, n in zip(shift, shape, strict=True))
        there = tuple(slice(max(d, 0), max(min(n, n + d), 0)) for d, n in zip(shift, shape, strict=True))
        cosines, covered = np.zeros((2, *shape), np.float32)
        cosines[here] = np.einsum("ijk,ijk->ij", own[here], others[there])
        covered[here] = 1
        cosines, covered = (gaussian_filter(each, windows, mode="constant") for each in (cosines, covered))
        cost = SLOWNESS * float(((np.array(shift) / cells_of_patch) ** 2).sum())
        likeness[at] = cosines / np.maximum(covered, COVERED) - cost
    return likeness


def _between(likeness: Likeness, best: NDArray[np.intp], axis: int) -> NDArray[np.float32]:
    """Return by which part of a cell (h, w) the peak of a parabola through the best shift lies beyond it."""
    step = np.eye(2, dtype=int)[axis][:, None, None]
    last = likeness.shape[axis] - 1
    beside = step * ((best[axis] > 0) & (best[axis] < last))  # at the rim three times the same: no peak
    rows, columns = np.indices(best.shape[1:])
    return past_top(*(likeness[(*(best + side * beside), rows, columns)] for side in (-1, 0, 1)))
