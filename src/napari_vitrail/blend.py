"""The default classifier: a forest for detail and a linear ViT model for meaning, weighed by strokes.

A forest on classical features and a few ViT components follows edges and textures. A strongly
regularised linear model on all ViT features knows what things are, and is coarse. Which of them an
image needs differs, and is read from strokes held out: the better the linear model predicts strokes it
has not seen, compared with the forest, the more it counts. docs/explanation/auto.md has the figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression

from napari_vitrail.features import Projection
from napari_vitrail.progress import Progress, Steps, beside_steps, part_of

Rows = NDArray[np.float32]
Ids = NDArray[np.intp]

REGULARISATION = 1e-3
"""C of the linear model: 384 correlated features of some thousand neighbouring pixels overfit at 1."""
FEW = 1000
"""Pixels below which C grows as they get fewer. Losses are summed over pixels, so that a fixed C would
leave a model of a few dabs with no opinion: right most often, and no match for a forest's losses."""
FULL_WEIGHT_RATIO = 2.0
"""The linear model gets all the weight where its held-out loss is this much smaller, and none where it
is larger. Strokes are painted inside things, where a coarse model errs least, so equal losses mean that
the forest is better."""
SMOOTHING = 0.02
"""Added to both losses: among very small ones a ratio says nothing."""
WEIGHT_WITHOUT_EVIDENCE = 0.5
"""Weight of the linear model where some class lies in a single stroke, so that none can be held out."""
HELD_OUT_TREES, TREES, HASTY_TREES = 50, 100, 16
TOLERANCE, HASTY_TOLERANCE = 1e-3, 1e-2
"""Largest slope at which the linear model is taken for fitted. The hasty one moves probabilities by .03 at
most, in half of the time."""
HELD_OUT_PER_CLASS = 4000
"""Pixels of a class that held-out training sees at most; more would take time and change little."""
FITTING = Lock()
"""Held while something is fitted that may have been given up: two at a time would only slow each other."""
FLOOR = 1e-3
"""Probability below which models are not believed: a product would let one of them forbid a class."""


def detail_forest(n_trees: int, random_state: int) -> Any:
    """Return an unfitted forest for classical features and ViT components."""
    # joblib waits for its threads in naps of 10 ms, which for few trees is longer than the work
    n_jobs = 1 if n_trees <= HASTY_TREES else -1
    return ExtraTreesClassifier(
        n_trees, min_samples_leaf=2, class_weight="balanced", n_jobs=n_jobs, random_state=random_state
    )


def linear_model(vit: Rows, ids: Ids, *, hasty: bool = False, start: Projection | None = None) -> Projection:
    """Return the map from ViT features to the logits (k,) of a linear model in order of the class ids.

    Parameters
    ----------
    vit : (n, D) float32
    ids : (n,) int array
    hasty : bool
        Take float32 and `HASTY_TOLERANCE`: a third of the time.
    start : Projection, optional
        The map found for nearly the same pixels and the same classes: less is left to be found.
    """
    precision = np.float32 if hasty else np.float64
    mean, scale = vit.mean(axis=0, dtype=np.float64), vit.std(axis=0, dtype=np.float64)
    scale = np.where(scale > 1e-12, scale, np.inf)
    # Of the solvers the one that comes closest to the optimum in the least time, by two to four times.
    model = LogisticRegression(
        C=REGULARISATION * max(1, FEW / len(ids)), solver="newton-cg", max_iter=300,
        tol=HASTY_TOLERANCE if hasty else TOLERANCE, class_weight="balanced", warm_start=start is not None,
    )  # fmt: skip
    if start is not None:
        _begin_at(model, start, mean, scale, precision)
    model.fit(((vit - mean) / scale).astype(precision, copy=False), ids)
    coefficients, intercept = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # one logit stands for two
        coefficients = np.concatenate([-coefficients / 2, coefficients / 2])
        intercept = np.concatenate([-intercept / 2, intercept / 2])
    basis = coefficients.T / scale[:, None]
    return Projection.from_affine(basis, intercept - mean @ basis)


def _begin_at(
    model: LogisticRegression, start: Projection, mean: Rows, scale: Rows, precision: type[np.floating]
) -> None:
    """Let a model of standardised features begin where a map of features as they are has ended."""
    basis, offset = start.basis.astype(float), start.offset.astype(float)
    if start.width == 2:  # one logit stands for two
        basis, offset = basis[:, 1:] - basis[:, :1], offset[1:] - offset[:1]
    model.coef_ = (basis.T * np.where(np.isfinite(scale), scale, 0)).astype(precision)
    model.intercept_ = (offset + mean @ basis).astype(precision)


def softmax(logits: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return probabilities (n, k) of logits (n, k)."""
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


class Blend(ClassifierMixin, BaseEstimator):
    """The product of a linear model and a forest, each raised to its weight.

    The linear model has been applied already, on the coarse grid of the tokens: its logits are features.

    Parameters
    ----------
    classes : (k,) int array
    weight : float, 0 to 1
        Of the linear model; the forest's is the rest. At 0 rows hold no logits.
    forest : scikit-learn classifier or None
        Fitted on the columns that follow the logits; None at weight 1.
    """

    def __init__(self, classes: Ids, weight: float, forest: Any) -> None:
        self.classes = classes
        self.weight = weight
        self.forest = forest

    @property
    def classes_(self) -> Ids:
        """Class ids, in the order of the probabilities."""
        return self.classes

    @property
    def n_features_in_(self) -> int:
        """Width of the rows."""
        return self._n_logits + (self.forest.n_features_in_ if self.forest is not None else 0)

    @property
    def _n_logits(self) -> int:
        return len(self.classes) if self.weight > 0 else 0

    def predict_proba(self, rows: Rows) -> NDArray[np.floating]:
        """Return probabilities (n, k) of rows: k logits, then what the forest was fitted on."""
        logs = np.zeros((len(rows), len(self.classes)))
        if self.weight > 0:
            logs += self.weight * np.log(_believed(softmax(rows[:, : self._n_logits])))
        if self.forest is not None:
            known = self.forest.predict_proba(rows[:, self._n_logits :])
            logs += (1 - self.weight) * np.log(_believed(known))
        return softmax(logs)

    def predict(self, rows: Rows) -> Ids:
        """Return class ids (n,) of rows."""
        return self.classes[self.predict_proba(rows).argmax(axis=1)]


def _believed(probabilities: NDArray[np.floating]) -> NDArray[np.floating]:
    return (probabilities + FLOOR) / (1 + FLOOR * probabilities.shape[1])


@dataclass(frozen=True)
class Evidence:
    """What strokes held out say of the two models.

    Attributes
    ----------
    forest_loss, linear_loss : float
        Mean log loss on strokes that were not trained on, every class counting the same.
    """

    forest_loss: float
    linear_loss: float

    @property
    def weight(self) -> float:
        """Weight of the linear model: 0 where its loss is larger, 1 where it is half the forest's."""
        ratio = (self.forest_loss + SMOOTHING) / (self.linear_loss + SMOOTHING)
        return float(np.clip(np.log(ratio) / np.log(FULL_WEIGHT_RATIO), 0, 1))


def held_out_evidence_steps(
    vit: Rows, detail: Rows, ids: Ids, folds: Ids, random_state: int
) -> Steps[Evidence | None]:
    """Train both models on all folds but one, in turn; yield Progress after each, return what they say.

    Parameters
    ----------
    vit : (n, D) float32
        What the linear model sees.
    detail : (n, d) float32
        What the forest sees.
    ids, folds : (n,) int array
        Class of each pixel, and in which fold it is held out.

    Returns
    -------
    evidence : Evidence or None
        None where a class lies in one fold only: nothing of it can be held out.
    """
    classes = np.unique(ids)
    if any(len(np.unique(folds[ids == class_id])) < 2 for class_id in classes):
        return None
    seen = thinned(ids, folds, random_state)
    forest_losses, linear_losses = np.full((2, len(ids)), np.nan)
    numbers, what = np.unique(folds), "strokes held out"
    for done, fold in enumerate(numbers):
        train, test = seen & (folds != fold), seen & (folds == fold)
        forest = detail_forest(HELD_OUT_TREES, random_state)
        growing = beside_steps(partial(forest.fit, detail[train], ids[train]), what, FITTING)
        yield from part_of(growing, done, len(numbers))
        forest_losses[test] = _log_loss(forest.predict_proba(detail[test]), ids[test], classes)
        solving = beside_steps(partial(linear_model, vit[train], ids[train]), what, FITTING)
        linear = yield from part_of(solving, done, len(numbers))
        linear_losses[test] = _log_loss(softmax(linear(vit[test])), ids[test], classes)
        yield Progress(done + 1, len(numbers), what)
    return Evidence(_class_mean(forest_losses[seen], ids[seen]), _class_mean(linear_losses[seen], ids[seen]))


def thinned(ids: Ids, folds: Ids, random_state: int) -> NDArray[np.bool_]:
    """Return which pixels to use: about `HELD_OUT_PER_CLASS` of a class, some of each of its folds.

    Parameters
    ----------
    ids, folds : (n,) int array
        Class of each pixel, and the fold, or the stroke, that it belongs to.
    random_state : int
    """
    rng = np.random.default_rng(random_state)
    kept = np.zeros(len(ids), bool)
    for class_id in np.unique(ids):
        share = min(1.0, HELD_OUT_PER_CLASS / np.count_nonzero(ids == class_id))
        for fold in np.unique(folds[ids == class_id]):
            members = np.flatnonzero((ids == class_id) & (folds == fold))
            kept[rng.permutation(members)[: int(np.ceil(share * len(members)))]] = True
    return kept


def _log_loss(probabilities: NDArray[np.floating], ids: Ids, classes: Ids) -> NDArray[np.floating]:
    columns = np.searchsorted(classes, ids)
    return -np.log(_believed(probabilities)[np.arange(len(ids)), columns])


def _class_mean(losses: NDArray[np.floating], ids: Ids) -> float:
    return float(np.mean([losses[ids == class_id].mean() for class_id in np.unique(ids)]))
