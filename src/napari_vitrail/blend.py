"""The default classifier: a forest for detail and a linear ViT model for meaning, weighed by strokes.

A forest on classical features and a few ViT components follows edges and textures. A strongly
regularised linear model on all ViT features knows what things are, and is coarse. Which of them an
image needs differs, and is read from strokes held out: the better the linear model predicts strokes it
has not seen, compared with the forest, the more it counts. docs/explanation/auto.md has the figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression

from napari_vitrail.features import Projection

Rows = NDArray[np.float32]
Ids = NDArray[np.intp]

REGULARISATION = 1e-3
"""C of the linear model: 384 correlated features of some thousand neighbouring pixels overfit at 1."""
FULL_WEIGHT_RATIO = 2.0
"""The linear model gets all the weight where its held-out loss is this much smaller, and none where it
is larger. Strokes are painted inside things, where a coarse model errs least, so equal losses mean that
the forest is better."""
SMOOTHING = 0.02
"""Added to both losses: among very small ones a ratio says nothing."""
WEIGHT_WITHOUT_EVIDENCE = 0.5
"""Weight of the linear model where a class has one stroke only, so that none can be held out."""
FOLDS = 4
HELD_OUT_TREES, TREES = 100, 200
HELD_OUT_PER_CLASS = 4000
"""Pixels of a class that held-out training sees at most; more would take time and change little."""
FLOOR = 1e-3
"""Probability below which models are not believed: a product would let one of them forbid a class."""


def tempered_weights(ids: Ids) -> dict[int, float]:
    """Return class weights half way between none and balanced, in the logarithm; 1 on average.

    Balanced weights make rare classes spread; without weights they vanish.
    """
    classes, members, counts = np.unique(ids, return_inverse=True, return_counts=True)
    weights = np.sqrt(len(ids) / (len(classes) * counts))
    weights /= weights[members].mean()
    return dict(zip(classes.tolist(), weights.tolist(), strict=True))


def stroke_folds(ids: Ids, strokes: Ids, n_folds: int = FOLDS) -> Ids:
    """Return the fold (n,) of every painted pixel: whole strokes, each class dealt over the folds.

    The largest stroke goes first, always into the fold that has least of its class.
    """
    folds = np.zeros(len(ids), np.intp)
    for class_id in np.unique(ids):
        own, sizes = np.unique(strokes[ids == class_id], return_counts=True)
        dealt = np.zeros(n_folds)
        for index in np.argsort(-sizes, kind="stable"):
            fold = int(dealt.argmin())
            folds[strokes == own[index]] = fold
            dealt[fold] += sizes[index]
    return folds


def forest(ids: Ids, n_trees: int, random_state: int) -> Any:
    """Return an unfitted forest for classical features and ViT components."""
    return ExtraTreesClassifier(
        n_trees, min_samples_leaf=2, class_weight=tempered_weights(ids), n_jobs=-1, random_state=random_state
    )


def linear_model(vit: Rows, ids: Ids) -> Projection:
    """Return the map from ViT features to the logits (k,) of a linear model in order of the class ids."""
    mean, scale = vit.mean(axis=0, dtype=np.float64), vit.std(axis=0, dtype=np.float64)
    scale = np.where(scale > 1e-12, scale, np.inf)
    model = LogisticRegression(
        C=REGULARISATION, max_iter=300, tol=1e-3, class_weight=tempered_weights(ids)
    ).fit((vit - mean) / scale, ids)
    coefficients, intercept = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # one logit stands for two
        coefficients = np.concatenate([-coefficients / 2, coefficients / 2])
        intercept = np.concatenate([-intercept / 2, intercept / 2])
    basis = coefficients.T / scale[:, None]
    return Projection.from_affine(basis, intercept - mean @ basis)


def softmax(logits: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return probabilities (n, k) of logits (n, k)."""
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


class Logits(ClassifierMixin, BaseEstimator):
    """A linear model that has been applied already, where the tokens are: its rows are logits.

    Parameters
    ----------
    classes : (k,) int array
    """

    def __init__(self, classes: Ids) -> None:
        self.classes = classes

    @property
    def classes_(self) -> Ids:
        """Class ids, in the order of the logits."""
        return self.classes

    def predict_proba(self, rows: Rows) -> NDArray[np.floating]:
        """Return probabilities (n, k) of rows of logits (n, k)."""
        return softmax(rows)

    def predict(self, rows: Rows) -> Ids:
        """Return class ids (n,) of rows of logits (n, k)."""
        return self.classes[rows.argmax(axis=1)]


class Blend(ClassifierMixin, BaseEstimator):
    """The product of a forest and a linear model, each raised to its weight.

    Parameters
    ----------
    forest : scikit-learn classifier
        Fitted on the columns that follow the logits.
    weight : float, 0 to 1
        Of the linear model; the forest's is the rest.
    """

    def __init__(self, forest: Any, weight: float) -> None:
        self.forest = forest
        self.weight = weight

    @property
    def classes_(self) -> Ids:
        """Class ids, in the order of the probabilities."""
        return np.asarray(self.forest.classes_)

    def predict_proba(self, rows: Rows) -> NDArray[np.floating]:
        """Return probabilities (n, k) of rows: k logits, then what the forest was fitted on."""
        count = len(self.classes_)
        logits = np.zeros((len(rows), count))
        for weight, part in ((self.weight, "linear"), (1 - self.weight, "forest")):
            if weight > 0:
                known = softmax(rows[:, :count]) if part == "linear" else self.forest.predict_proba(rows[:, count:])
                logits += weight * np.log(_believed(known))
        return softmax(logits)

    def predict(self, rows: Rows) -> Ids:
        """Return class ids (n,) of rows."""
        return self.classes_[self.predict_proba(rows).argmax(axis=1)]


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


def held_out_evidence(
    vit: Rows, detail: Rows, ids: Ids, strokes: Ids, random_state: int
) -> Evidence | None:
    """Train both models on all strokes but some, fold by fold; None where a class has a single stroke.

    Parameters
    ----------
    vit : (n, D) float32
        What the linear model sees.
    detail : (n, d) float32
        What the forest sees.
    ids, strokes : (n,) int array
        Class and stroke of each pixel.
    """
    counts = [len(np.unique(strokes[ids == class_id])) for class_id in np.unique(ids)]
    if min(counts) < 2:
        return None
    folds = stroke_folds(ids, strokes)
    seen = _thinned(ids, random_state)
    losses: dict[str, list[NDArray[np.floating]]] = {"forest": [], "linear": []}
    tested = []
    for fold in np.unique(folds):
        train, test = seen & (folds != fold), seen & (folds == fold)
        if not test.any() or len(np.unique(ids[train])) < len(counts):
            continue
        tested.append(ids[test])
        trees = forest(ids[train], HELD_OUT_TREES, random_state).fit(detail[train], ids[train])
        linear = linear_model(vit[train], ids[train])
        losses["forest"].append(_log_loss(trees.predict_proba(detail[test]), ids[test], trees.classes_))
        losses["linear"].append(_log_loss(softmax(linear(vit[test])), ids[test], trees.classes_))
    if not tested:
        return None
    truth = np.concatenate(tested)
    means = {name: _class_mean(np.concatenate(values), truth) for name, values in losses.items()}
    return Evidence(means["forest"], means["linear"])


def _thinned(ids: Ids, random_state: int) -> NDArray[np.bool_]:
    """Return which pixels to use, at most `HELD_OUT_PER_CLASS` of a class."""
    rng = np.random.default_rng(random_state)
    kept = np.zeros(len(ids), bool)
    for class_id in np.unique(ids):
        kept[rng.permutation(np.flatnonzero(ids == class_id))[:HELD_OUT_PER_CLASS]] = True
    return kept


def _log_loss(probabilities: NDArray[np.floating], ids: Ids, classes: Ids) -> NDArray[np.floating]:
    columns = np.searchsorted(classes, ids)
    return -np.log(_believed(probabilities)[np.arange(len(ids)), columns])


def _class_mean(losses: NDArray[np.floating], ids: Ids) -> float:
    return float(np.mean([losses[ids == class_id].mean() for class_id in np.unique(ids)]))
