"""Which groups of features the predictions of held-out strokes rest on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.progress import Progress
from napari_vitrail.trust._held_out import HeldOut, held_out_steps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.blend import Ids
    from napari_vitrail.progress import Steps

REPEATS = 3


@dataclass(frozen=True)
class Importance:
    """How much of the accuracy on held-out strokes is lost with a group of features.

    Attributes
    ----------
    group : str
    n_features : int
    loss : float
        Accuracy lost; below 0 where it did better.
    interval : (low, high)
        Of the loss, by drawing strokes again.
    """

    group: str
    n_features: int
    loss: float
    interval: tuple[float, float]


def importance_steps(held_out: HeldOut, random_state: int = 0) -> Steps[tuple[Importance, ...]]:
    """Give held-out pixels the values of other pixels, group by group; yield Progress.

    Parameters
    ----------
    held_out : HeldOut
    random_state : int
        Draws the other pixels: of each class as many.

    Returns
    -------
    importance : tuple of Importance
        What the classifiers lose that were trained with all groups. Of groups that tell the same, each
        looks dispensable: the others remain. `ablation_steps` trains again instead.
    """
    rows, rng = held_out.rows, np.random.default_rng(random_state)
    before = held_out.right_shares(held_out.predicted)
    result = []
    for done, (group, columns) in enumerate(rows.groups.items()):
        shares = []
        for repeat in range(REPEATS):
            yield Progress(done * REPEATS + repeat, len(rows.groups) * REPEATS, "groups of features")
            shares.append(held_out.right_shares(_without_sense(held_out, columns, rng)))
        lost = before - np.mean(shares, axis=0)
        result.append(Importance(group, len(columns), float(lost.mean()), held_out.interval_of(lost)))
    return tuple(result)


def _without_sense(held_out: HeldOut, columns: NDArray[np.intp], rng: np.random.Generator) -> Ids:
    """Return what is predicted (n,) where columns hold the values of other pixels."""
    rows, predicted = held_out.rows, held_out.predicted.copy()
    donors = _donors(rows.ids, rng)
    folds = np.unique(held_out.folds[held_out.scored])
    width = 0 if rows.vit is None else rows.vit.shape[1]
    for fold, fitted in zip(folds, held_out.fitted, strict=True):
        here = np.flatnonzero(held_out.folds == fold)
        vit, classical = rows.at(here)
        others = rng.permutation(donors)[: len(here)]
        if vit is not None and rows.vit is not None:
            own = columns[columns < width]
            vit[:, own] = rows.vit[others[:, None], own]
        if classical is not None and rows.classical is not None:
            own = columns[columns >= width] - width
            classical[:, own] = rows.classical[others[:, None], own]
        predicted[here] = fitted.predict(vit, classical)
    return predicted


def _donors(ids: Ids, rng: np.random.Generator) -> Ids:
    """Return rows (m,) drawn so that every class has as many, at least as many as there are rows."""
    classes = np.unique(ids)
    count = -(-len(ids) // len(classes))
    return np.concatenate([rng.choice(np.flatnonzero(ids == class_id), count) for class_id in classes])


@dataclass(frozen=True)
class Ablation:
    """What classifiers make of held-out strokes that were trained without a group of features.

    Attributes
    ----------
    group : str
        That was left out.
    held_out : HeldOut
        By the classifiers without it.
    loss : float
        Accuracy lost; below 0 where they do better.
    interval : (low, high)
        Of the loss, by drawing strokes again.
    """

    group: str
    held_out: HeldOut
    loss: float
    interval: tuple[float, float]

    @property
    def summary(self) -> str:
        """What it says, in a sentence."""
        low, high = self.interval
        said = f"{_points(-self.loss)} points ({_points(-high)} to {_points(-low)})"
        if low <= 0 <= high:
            verdict = "no clear difference"
        else:
            verdict = "it is needed" if self.loss > 0 else "better without"
        return f"Without {self.group}: {self.held_out.accuracy:.0%} right, {said}: {verdict}."


def _points(share: float) -> str:
    """Return a difference of shares in points of a hundred, without a minus before zero."""
    return f"{round(100 * share, 1) + 0.0:+.1f}"


def ablation_steps(held_out: HeldOut, group: str, random_state: int = 0) -> Steps[Ablation]:
    """Train again without a group of features, on the same folds; yield Progress.

    Parameters
    ----------
    held_out : HeldOut
        With all groups.
    group : str
        One of ``held_out.rows.groups``.
    random_state : int

    Raises
    ------
    ValueError
        If there is no such group, or no other.
    """
    less = yield from held_out_steps(held_out.rows.without(group), held_out.estimator, random_state)
    lost = held_out.right_shares(held_out.predicted) - less.right_shares(less.predicted)
    return Ablation(group, less, float(lost.mean()), held_out.interval_of(lost))
