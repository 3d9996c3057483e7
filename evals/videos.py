"""Films and stacks with ground truth, and how well the labels of a frame fit: regions and boundaries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import ceil, hypot
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from skimage.io import imread
from skimage.measure import label

from evals.datasets import Array, data_folder

Labels = NDArray[np.intp]
Mask = NDArray[np.bool_]

DAVIS = "davis16"
MEMBRANES = "isbi2012_em"
CELLS = "isbi2012_em, single cells"
TOLERANCE = 0.008
"""Of the image's diagonal: how far a boundary may lie from the true one (DAVIS)."""
SLICES = 6
"""Of a series of sections, those that are looked at: further on nothing of the first is left."""
SMALLEST_CELL = 400
"""Pixels: smaller pieces of the first section are no cells worth following."""


@dataclass(frozen=True)
class Video:
    """Frames in order and their true labels, each read as it is needed.

    Attributes
    ----------
    name : str
    frames, truths : tuple of Path
    read : function
        From a file of the truth to ids (H, W), 0 for the background.
    region : function
        How well found ids fit true ones, 0 to 1.
    """

    name: str
    frames: tuple[Path, ...]
    truths: tuple[Path, ...]
    read: Callable[[Array], Labels]
    region: Callable[[Labels, Labels], float]

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> Array:
        return imread(self.frames[index])

    def truth(self, index: int) -> Labels:
        """Return the true labels (H, W) of a frame."""
        return self.read(imread(self.truths[index]))

    def first(self, count: int | None) -> Video:
        """Return the film of the first frames only; all where None."""
        return replace(self, frames=self.frames[:count], truths=self.truths[:count])


def _object(mask: Array) -> Labels:
    return (mask > 127).astype(np.intp)


def _membrane(classes: Array) -> Labels:
    return (classes == 1).astype(np.intp)


def cells_of(classes: Array) -> Labels:
    """Return an id for each connected piece of cell interior that is large enough."""
    pieces = label(classes == 2, connectivity=1)
    areas = np.bincount(pieces.ravel())
    areas[0] = 0
    kept = np.flatnonzero(areas >= SMALLEST_CELL)
    ids = np.zeros(len(areas), np.intp)
    ids[kept] = np.arange(1, len(kept) + 1)
    return ids[pieces]


def region_score(found: NDArray[np.generic], truth: NDArray[np.generic]) -> float:
    """Return J, the intersection over union of what is not 0; 1 where there is nothing in either."""
    found, truth = found != 0, truth != 0
    union = np.count_nonzero(found | truth)
    return np.count_nonzero(found & truth) / union if union else 1.0


def covering(found: Labels, truth: Labels) -> float:
    """Return the mean over true pieces of their best intersection over union with a found one.

    Which piece is which does not count: the truth of a section knows nothing of the one before.
    """
    both = np.zeros((int(truth.max()) + 1, int(found.max()) + 1))
    np.add.at(both, (truth.ravel(), found.ravel()), 1)
    union = both.sum(axis=1, keepdims=True) + both.sum(axis=0, keepdims=True) - both
    overlaps = (both / np.maximum(union, 1))[1:, 1:]
    return float(overlaps.max(axis=1, initial=0).mean()) if len(overlaps) else 1.0


def boundary_score(
    found: NDArray[np.generic], truth: NDArray[np.generic], tolerance: float = TOLERANCE
) -> float:
    """Return F, the harmonic mean of precision and recall of boundaries.

    A pixel of a boundary is right where the other boundary has one at most so far away.

    Parameters
    ----------
    found, truth : (H, W) bool or int
    tolerance : float
        As a part of the image's diagonal, rounded up to whole pixels.

    References
    ----------
    Perazzi et al. (2016), "A Benchmark Dataset and Evaluation Methodology for Video Object
    Segmentation", section 5.1.
    """
    reach = ceil(tolerance * hypot(*truth.shape))
    precision = _share_near(boundary(found), boundary(truth), reach)
    recall = _share_near(boundary(truth), boundary(found), reach)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def boundary(labels: NDArray[np.generic]) -> Mask:
    """Return the pixels whose neighbour to the right, below, or both is of another label."""
    padded = np.pad(labels, (0, 1), mode="edge")
    return (labels != padded[:-1, 1:]) | (labels != padded[1:, :-1]) | (labels != padded[1:, 1:])


def _share_near(pixels: Mask, others: Mask, reach: int) -> float:
    """Return which share of pixels has one of the others within reach; 1 where there are none."""
    count = np.count_nonzero(pixels)
    if not count or not others.any():
        return float(not count)
    return float(np.count_nonzero(distance_transform_edt(~others)[pixels] <= reach) / count)


def _films() -> Iterator[Video]:
    folder = data_folder() / DAVIS
    for frames in sorted((folder / "JPEGImages" / "480p").iterdir()):
        truths = folder / "Annotations" / "480p" / frames.name
        yield Video(frames.name, _sorted(frames, "*.jpg"), _sorted(truths, "*.png"), _object, region_score)


def _sections(read: Callable[[Array], Labels], region: Callable[[Labels, Labels], float]) -> Iterator[Video]:
    folder = data_folder() / MEMBRANES
    images, truths = _sorted(folder / "images", "*.png"), _sorted(folder / "labels", "*.png")
    yield Video("sections", images, truths, read, region).first(SLICES)


def _sorted(folder: Path, pattern: str) -> tuple[Path, ...]:
    return tuple(sorted(folder.glob(pattern)))


VIDEOS: dict[str, Callable[[], Iterator[Video]]] = {
    DAVIS: _films,
    MEMBRANES: lambda: _sections(_membrane, region_score),
    CELLS: lambda: _sections(cells_of, covering),
}
