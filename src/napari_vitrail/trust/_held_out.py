"""Predictions for painted pixels by classifiers that have not seen their strokes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_vitrail.progress import Progress, part_of
from napari_vitrail.strokes import held_out_folds
from napari_vitrail.trust._confusion import Confusion, confusion, interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.blend import Ids
    from napari_vitrail.estimators import Fitted
    from napari_vitrail.progress import Steps
    from napari_vitrail.trust._rows import PaintedRows

MOST_FOLDS = 10
"""Classifiers that are trained to hold every stroke out once: with more strokes some share one."""
NEVER = -1
"""Fold of strokes that are always trained on, since their class has no other."""


@dataclass(frozen=True)
class HeldOut:
    """What was predicted for painted pixels by classifiers trained without their strokes.

    Attributes
    ----------
    rows : PaintedRows
    estimator : str, scikit-learn classifier or None
        As for `napari_vitrail.fit_classifier`.
    folds : (n,) int array
        In which fold each row was held out; `NEVER` where it could not be.
    predicted : (n,) int array
        Class of each row; 0 where it was never held out.
    fitted : tuple of Fitted
        The classifier that predicted each fold.
    """

    rows: PaintedRows
    estimator: Any
    folds: Ids
    predicted: Ids
    fitted: tuple[Fitted, ...]

    @cached_property
    def scored(self) -> NDArray[np.bool_]:
        """Which rows (n,) were held out."""
        return self.folds != NEVER

    @cached_property
    def strokes(self) -> Ids:
        """Numbers (s,) of the strokes that were held out."""
        return np.unique(self.rows.strokes[self.scored])

    @property
    def n_held_out(self) -> NDArray[np.intp]:
        """How many strokes (k,) of each class were held out."""
        own = self.rows.stroke_ids[self.strokes]
        return np.count_nonzero(own[:, None] == self.rows.classes, axis=0)

    @cached_property
    def by_pixel(self) -> Confusion:
        """What was taken for what, in pixels."""
        return self._confusion(self.predicted, None)

    @cached_property
    def by_stroke(self) -> Confusion:
        """What was taken for what, in strokes: every stroke counts 1, whatever its size."""
        sizes = np.bincount(self.rows.strokes)
        return self._confusion(self.predicted, 1 / sizes[self.rows.strokes[self.scored]])

    @property
    def accuracy(self) -> float:
        """Share that is right, every stroke counting the same."""
        return self.by_stroke.accuracy

    @cached_property
    def interval(self) -> tuple[float, float]:
        """Between which bounds the accuracy lies, see `napari_vitrail.trust.interval`."""
        return self.interval_of(self.right_shares(self.predicted))

    def right_shares(self, predicted: Ids) -> NDArray[np.float64]:
        """Return of each held-out stroke (s,) the share that a prediction (n,) has right."""
        right = np.bincount(self.rows.strokes, predicted == self.rows.ids) / np.bincount(self.rows.strokes)
        return right[self.strokes]

    def interval_of(self, shares: NDArray[np.float64]) -> tuple[float, float]:
        """Return the bounds of the mean of something known of each held-out stroke (s,)."""
        return interval(shares, self.rows.stroke_ids[self.strokes])

    def _confusion(self, predicted: Ids, weights: NDArray[np.float64] | None) -> Confusion:
        truth = self.rows.ids[self.scored]
        return confusion(truth, predicted[self.scored], self.rows.classes, weights)


def fold_of(rows: PaintedRows) -> Ids:
    """Return the fold (n,) of each row; `NEVER` for classes of a single stroke.

    Each fold holds one stroke of every class that has one left, so that with up to `MOST_FOLDS` strokes of
    a class each is left out alone; whole images where there are three or more, see `held_out_folds`.

    Raises
    ------
    ValueError
        If no class has two strokes.
    """
    folds = held_out_folds(rows.painted, MOST_FOLDS)
    for class_id in rows.classes:
        own = rows.ids == class_id
        if len(np.unique(folds[own])) == 1:
            folds[own] = NEVER
    if (folds == NEVER).all():
        names = ", ".join(rows.class_names[int(id_)] for id_ in rows.classes)
        raise ValueError(
            "no stroke can be held out: each class has a single one, which must be trained on. "
            f"Paint a second stroke, in another place, of any of: {names}"
        )
    return folds


def held_out_steps(rows: PaintedRows, estimator: Any = None, random_state: int = 0) -> Steps[HeldOut]:
    """Train without each fold in turn and predict it; yield Progress, return the predictions.

    Parameters
    ----------
    rows : PaintedRows
    estimator : str or scikit-learn classifier, optional
        As for `napari_vitrail.fit_classifier`.
    random_state : int

    Raises
    ------
    ValueError
        If no class has two strokes.
    """
    folds = fold_of(rows)
    numbers = np.unique(folds[folds != NEVER])
    predicted = np.zeros(len(folds), np.intp)
    fitted = []
    for done, fold in enumerate(numbers):
        yield Progress(done, len(numbers), "strokes held out")
        steps = rows.fit_steps(folds != fold, estimator, random_state)
        fitted.append((yield from part_of(steps, done, len(numbers))))
        test = folds == fold
        predicted[test] = fitted[-1].predict(*rows.at(test))
    return HeldOut(rows, estimator, folds, predicted, tuple(fitted))
