"""Which of all nearest neighbours are proposed as pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.alignment import MOST_POINTS, fit_alignment
from napari_vitrail.features import nearest_cells

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.alignment import AlignmentKind
    from napari_vitrail.features import Descriptors
    from napari_vitrail.matching._imagepair import ImagePair

CONSISTENT = 0.05
"""Of the longer side, how far pairs may be off a transform that they are to be consistent with."""
RATIO_BLOCK = 256
"""Places whose next best partners are looked for at a time."""


def nearest_pairs(
    pair: ImagePair, mutual: bool, ratio: float | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return cells of both grids that are nearest, in pixels of the seen images, and their similarity."""
    first, second = pair.seen0.descriptors, pair.seen1.descriptors
    found = nearest_cells(first, second)
    rows = found.buddies if mutual else np.arange(len(found.chosen0))
    points0, points1 = first.grid.centres()[rows], second.grid.centres()[found.chosen0[rows]]
    similarity = found.similarity[rows].astype(np.float64)
    wanted = pair.seen0.holds(points0) & pair.seen1.holds(points1)
    if ratio is not None:
        apart = float(pair.seen1.backbone.info.patch_size)
        cells = np.stack(np.unravel_index(rows, first.grid.shape), axis=1)
        second_best = _next_best(first, cells, second, points1, apart)
        wanted &= _distances(similarity) <= ratio * _distances(second_best)
    return points0[wanted], points1[wanted], similarity[wanted]


def _next_best(
    first: Descriptors,
    cells: NDArray[np.intp],
    second: Descriptors,
    chosen: NDArray[np.float64],
    apart: float,
) -> NDArray[np.float64]:
    """Return the highest similarity (k,) of cells to others that do not overlap what they have chosen."""
    best, centres = np.empty(len(cells)), second.grid.centres()
    for start in range(0, len(cells), RATIO_BLOCK):
        part = slice(start, start + RATIO_BLOCK)
        similarity = second.similarities(first.rows(cells[part]))
        overlapping = (np.abs(centres - chosen[part, None]) < apart).all(axis=2)
        best[part] = np.where(overlapping, -1, similarity).max(axis=1)
    return best


def _distances(similarity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance of vectors of length 1 whose cosine is given."""
    return np.sqrt(np.maximum(2 - 2 * similarity, 0))


def consistent_pairs(
    points0: NDArray[np.float64], points1: NDArray[np.float64], merit: NDArray[np.float64],
    kind: AlignmentKind, side: float, random_state: int,
) -> NDArray[np.intp]:  # fmt: skip
    """Return the pairs that agree on a transform, roughly; of too many for a thin plate, of the best."""
    kept = np.argsort(-merit, kind="stable")
    if kind == "thin-plate":
        kept = kept[:MOST_POINTS]
    fitted = fit_alignment(
        points1[kept], points0[kept], kind, threshold=CONSISTENT * side, random_state=random_state
    )
    return kept[fitted.inliers]


def merit_of(
    pair: ImagePair, points0: NDArray[np.float64], points1: NDArray[np.float64],
    similarity: NDArray[np.float64], salience: NDArray[np.float64],
) -> NDArray[np.float64]:  # fmt: skip
    """Return how good pairs (k,) are: Amir's saliency, or similarity and the votes of their neighbours."""
    if pair.agreement is None:
        return salience
    return similarity * pair.agreement.support_of(points0, points1)


def spread_over(
    points: NDArray[np.float64], merit: NDArray[np.float64], count: int, random_state: int
) -> NDArray[np.intp]:
    """Return the best pair (k,) of each of `count` areas, so that no part of the image has them all."""
    from sklearn.cluster import KMeans

    distinct = len(np.unique(points, axis=0))
    clusters = KMeans(min(count, distinct), n_init=1, random_state=random_state).fit_predict(points)
    order = np.lexsort((-merit, clusters))
    firsts = np.unique(clusters[order], return_index=True)[1]
    return order[firsts]
