"""How large the parts of an image are, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.ndimage import center_of_mass

if TYPE_CHECKING:
    from numpy.typing import NDArray


class PartArea(NamedTuple):
    """The area of a part in an image.

    Attributes
    ----------
    id : int
        Of the part, as in the mask.
    pixels : int
    share : float, 0 to 1
        Of the image.
    centroid : (row, column), pixels
    """

    id: int
    pixels: int
    share: float
    centroid: tuple[float, float]


def part_areas(labels: NDArray[np.integer]) -> tuple[PartArea, ...]:
    """Return the areas of the parts (H, W) that an image has, in order of their ids; 0 is none."""
    counts = np.bincount(labels.ravel(), minlength=1)
    counts[0] = 0
    ids = np.flatnonzero(counts).tolist()
    centroids = center_of_mass(np.broadcast_to(1, labels.shape), labels, ids)
    return tuple(
        PartArea(id_, int(counts[id_]), float(counts[id_] / labels.size), (float(row), float(column)))
        for id_, (row, column) in zip(ids, centroids, strict=True)
    )
