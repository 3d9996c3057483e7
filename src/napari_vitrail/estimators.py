"""The classifiers that can be asked for by name, and how each is fitted on both kinds of features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from napari_vitrail.blend import (
    TREES,
    WEIGHT_WITHOUT_EVIDENCE,
    Blend,
    Logits,
    forest,
    held_out_evidence,
    linear_model,
    tempered_weights,
)
from napari_vitrail.features import Projection

if TYPE_CHECKING:
    from napari_vitrail.spec import Features, FeatureSpec

Rows = NDArray[np.float32]
Ids = NDArray[np.intp]


def _logistic(ids: Ids, random_state: int) -> Any:
    model = LogisticRegression(max_iter=1000, class_weight=tempered_weights(ids), random_state=random_state)
    return make_pipeline(StandardScaler(), model)


def _forest(ids: Ids, random_state: int) -> Any:
    return RandomForestClassifier(
        TREES, min_samples_leaf=2, class_weight=tempered_weights(ids), n_jobs=-1, random_state=random_state
    )


def _trees(ids: Ids, random_state: int) -> Any:
    return forest(ids, TREES, random_state)


def _boosting(ids: Ids, random_state: int) -> Any:
    return HistGradientBoostingClassifier(class_weight=tempered_weights(ids), random_state=random_state)


def _mlp(ids: Ids, random_state: int) -> Any:
    model = MLPClassifier((100, 100, 100), max_iter=300, early_stopping=True, random_state=random_state)
    return make_pipeline(StandardScaler(), model)


def _ridge(ids: Ids, random_state: int) -> Any:
    model = RidgeClassifier(class_weight=tempered_weights(ids), random_state=random_state)
    return make_pipeline(StandardScaler(), model)


ESTIMATORS: dict[str, Callable[[Ids, int], Any]] = {
    "logistic": _logistic,
    "forest": _forest,
    "trees": _trees,
    "boosting": _boosting,
    "mlp": _mlp,
    "ridge": _ridge,
}
"""Name -> function of the painted ids (n,) and a random state that returns an unfitted classifier."""

SAVED_TYPES = (
    "napari_vitrail.blend.Blend",
    "napari_vitrail.blend.Logits",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.tree._tree.Tree",
)
"""Types beyond skops' own list that a saved estimator may hold: arrays and numbers, no code."""


@dataclass(frozen=True)
class Fitted:
    """A fitted estimator and what it takes.

    Attributes
    ----------
    estimator : scikit-learn classifier
        Fitted on the projected ViT features followed by the classical ones.
    projection : Projection or None
        Of the ViT features.
    features : {"hybrid", "vit", "classical"}
        What it was found to need.
    report : str
        How that came about, for people.
    """

    estimator: Any
    projection: Projection | None
    features: Features
    report: str


def fit_estimator(
    estimator: Any,
    spec: FeatureSpec,
    vit: Rows | None,
    classical: Rows | None,
    ids: Ids,
    strokes: Ids,
    random_state: int,
) -> Fitted:
    """Fit what was asked for, or what suits the features.

    Parameters
    ----------
    estimator : str, scikit-learn classifier or None
        A name of `ESTIMATORS`, an unfitted classifier, or None for the default of the features.
    spec : FeatureSpec
    vit : (n, D) float32 or None
    classical : (n, 58) float32 or None
    ids, strokes : (n,) int array
        Class and stroke of each pixel.
    random_state : int

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    if estimator is None and vit is not None:
        if classical is None:
            return Fitted(Logits(np.unique(ids)), linear_model(vit, ids), "vit", "linear model of ViT features")
        if spec.features == "auto":
            return _blended(spec, vit, classical, ids, strokes, random_state)
    model, name = _unfitted(estimator, ids, random_state)
    projection = None if vit is None else Projection.of(vit, spec.n_components)
    rows = _side_by_side(None if vit is None or projection is None else projection(vit), classical)
    features: Features = "hybrid" if spec.features == "auto" else spec.features
    return Fitted(model.fit(rows, ids), projection, features, f"{name} on {rows.shape[1]} features")


def _blended(
    spec: FeatureSpec, vit: Rows, classical: Rows, ids: Ids, strokes: Ids, random_state: int
) -> Fitted:
    components = Projection.of(vit, spec.n_components)
    detail = _side_by_side(components(vit), classical)
    evidence = held_out_evidence(vit, detail, ids, strokes, random_state)
    weight = WEIGHT_WITHOUT_EVIDENCE if evidence is None else evidence.weight
    trees = forest(ids, TREES, random_state).fit(detail, ids)
    said = (
        "some class has a single stroke, so none was held out"
        if evidence is None
        else f"loss on strokes held out: forest {evidence.forest_loss:.3f}, ViT {evidence.linear_loss:.3f}"
    )
    report = f"forest {1 - weight:.0%}, linear model of ViT features {weight:.0%} ({said})"
    return Fitted(Blend(trees, weight), linear_model(vit, ids).beside(components), "hybrid", report)


def _unfitted(estimator: Any, ids: Ids, random_state: int) -> tuple[Any, str]:
    """Return an unfitted classifier and its name."""
    if estimator is None:
        estimator = "trees"
    if not isinstance(estimator, str):
        return clone(estimator), type(estimator).__name__
    if estimator not in ESTIMATORS:
        raise ValueError(f"unknown estimator {estimator!r}; known: {', '.join(ESTIMATORS)}")
    return ESTIMATORS[estimator](ids, random_state), estimator


def _side_by_side(vit: Rows | None, classical: Rows | None) -> Rows:
    parts = [part for part in (vit, classical) if part is not None]
    return np.concatenate(parts, axis=1)
