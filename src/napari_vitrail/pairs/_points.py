"""Points of one image from a file: of a Points layer, or of pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_vitrail.csvfile import CsvTable, csv_fault
from napari_vitrail.pairs._files import AXES, PLACES, load_pairs, points_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.csvfile import AnyPath


class SavedPoints(NamedTuple):
    """What a file of points holds.

    Attributes
    ----------
    points : (n, 2) float64
        Row/column pixels.
    ids : (n,) int array
        What each point is called by, all different.
    """

    points: NDArray[np.float64]
    ids: NDArray[np.int64]


def load_points(path: AnyPath) -> SavedPoints:
    """Read points of one image, such as landmarks that are to be found in others.

    Parameters
    ----------
    path : str or path
        What napari saved of a Points layer (columns ``axis-0, axis-1``), or pairs that `save_pairs` wrote:
        then those of image 0, but for rejected pairs. Where the column ``id`` is missing they are counted
        from 0.

    Returns
    -------
    saved : SavedPoints

    Raises
    ------
    ValueError
        If the file is none of points of a plane; the message has the line.
    OSError
        If it cannot be read.
    """
    table = CsvTable(path, ())
    if set(PLACES) <= set(table.names):
        pairs = load_pairs(path)
        kept = np.array([status != "rejected" for status in pairs.status], bool)
        return SavedPoints(pairs.correspondences.points0[kept], pairs.ids[kept])
    if not set(AXES) <= set(table.names) or "shape-type" in table.names:
        wanted = f"must name the columns {', '.join(AXES)}, as of points of napari, or {', '.join(PLACES)}"
        raise csv_fault(path, 1, wanted, ",".join(table.names))
    return SavedPoints(points_of(table), table.ids())
