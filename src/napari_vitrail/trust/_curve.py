"""How accuracy on held-out strokes grows with the number of strokes trained on."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.progress import Progress, part_of
from napari_vitrail.trust._held_out import NEVER, HeldOut

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.blend import Ids
    from napari_vitrail.progress import Steps
    from napari_vitrail.trust._rows import PaintedRows

MOST_SIZES = 5
LEAST_ORDERS = 4
"""Orders of strokes that are tried at least, over all folds: a single one says more of itself."""


@dataclass(frozen=True)
class LearningCurve:
    """Accuracy on held-out strokes, for more and more strokes of each class.

    Attributes
    ----------
    n_strokes : (m,) int array
        Strokes of each class that were trained on; where a class has fewer, all of its.
    accuracy : (m,) array
        Mean over random orders of the strokes; the last is that of `HeldOut`.
    low, high : (m,) array
        Bounds of the accuracy, by drawing held-out strokes again.
    """

    n_strokes: NDArray[np.intp]
    accuracy: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def to_dict(self) -> dict[str, list[float]]:
        """Return the figures as plain values for JSON."""
        return {item.name: getattr(self, item.name).tolist() for item in fields(self)}


def curve_steps(held_out: HeldOut, random_state: int = 0) -> Steps[LearningCurve]:
    """Train on few strokes, the same and some more, up to all; yield Progress before each.

    Every fold is predicted by classifiers trained on 1, 2, ... strokes of each class, in a random order of
    those that are not in the fold.

    Parameters
    ----------
    held_out : HeldOut
        With its folds, and its predictions after training on all strokes.
    random_state : int
        Draws the orders.
    """
    rows, rng = held_out.rows, np.random.default_rng(random_state)
    folds = np.unique(held_out.folds[held_out.scored])
    sizes = _sizes(rows, held_out.folds)
    orders = -(-LEAST_ORDERS // len(folds))
    predicted = np.repeat(held_out.predicted[None, None], orders, axis=0).repeat(len(sizes), axis=1)
    total = orders * len(folds) * (len(sizes) - 1)
    done = 0
    for own in predicted:
        for fold in folds:
            test = held_out.folds == fold
            rank = _ranks(rows, held_out.folds != fold, rng)[rows.strokes]
            for few, size in zip(own[:-1], sizes[:-1], strict=True):
                yield Progress(done, total, "fewer strokes")
                train = ~test & (rank < size)
                if train.sum() < (~test).sum():
                    fit = rows.fit_steps(train, held_out.estimator, random_state)
                    fitted = yield from part_of(fit, done, total)
                    few[test] = fitted.predict(*rows.at(test))
                done += 1
    shares = [
        np.mean([held_out.right_shares(own) for own in few], axis=0) for few in predicted.swapaxes(0, 1)
    ]
    low, high = np.transpose([held_out.interval_of(own) for own in shares])
    return LearningCurve(sizes, np.array([own.mean() for own in shares]), low, high)


def _sizes(rows: PaintedRows, folds: Ids) -> NDArray[np.intp]:
    """Return the numbers of strokes to try: up to the most that a fold leaves of a class."""
    left = [
        max(len(np.unique(rows.strokes[(rows.ids == id_) & (folds != fold)])) for id_ in rows.classes)
        for fold in np.unique(folds[folds != NEVER])
    ]
    return np.unique(np.rint(np.geomspace(1, max(left), MOST_SIZES)).astype(np.intp))


def _ranks(rows: PaintedRows, train: NDArray[np.bool_], rng: np.random.Generator) -> Ids:
    """Return the place (S,) of each stroke in a random order of those of its class that are trained on."""
    ranks = np.zeros(len(rows.stroke_ids), np.intp)
    for class_id in rows.classes:
        own = np.unique(rows.strokes[train & (rows.ids == class_id)])
        ranks[own] = rng.permutation(len(own))
    return ranks
