"""The parts of an image as outlines that a page draws over its thumbnail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from skimage.measure import approximate_polygon, find_contours

from napari_vitrail.thumbnails import shrunk_to

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

_TOLERANCE = 0.35  # pixels of the thumbnail by which an outline may be off


def outlines(labels: NDArray[np.integer], ids: Iterable[int], shape: tuple[int, int]) -> dict[int, str]:
    """Return the outline of each part as the data of an SVG path, filled by the even-odd rule.

    Parameters
    ----------
    labels : (H, W) int array
    ids : iterable of int
        Of the parts.
    shape : (height, width)
        Of the thumbnail, whose upper left corner is the origin of the paths.
    """
    return {id_: _path(labels == id_, shape) for id_ in ids}


def _path(inside: NDArray[np.bool_], shape: tuple[int, int]) -> str:
    small = shrunk_to(inside, shape)
    around = np.pad(small, 1)  # so that what touches the border is closed along it
    contours = (approximate_polygon(line, _TOLERANCE) for line in find_contours(around, 0.5))
    return "".join(_drawn(line - 0.5) for line in contours if len(line) > 3)  # less the pad, to corners


def _drawn(line: NDArray[np.float64]) -> str:
    """Return a closed line (n, 2) of rows and columns as path data: x before y."""
    points = (f"{column:.1f} {row:.1f}" for row, column in line[:-1])
    return f"M{'L'.join(points)}Z"
