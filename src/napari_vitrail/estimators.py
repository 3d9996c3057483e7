"""The classifiers that can be asked for by name, and how each is fitted on both kinds of features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from napari_vitrail.blend import (
    FITTING,
    HASTY_TREES,
    TREES,
    WEIGHT_WITHOUT_EVIDENCE,
    Blend,
    Ids,
    Rows,
    detail_forest,
    held_out_evidence_steps,
    linear_model,
)
from napari_vitrail.features import Projection
from napari_vitrail.progress import beside_steps

if TYPE_CHECKING:
    from napari_vitrail.progress import Steps
    from napari_vitrail.spec import Features, FeatureSpec


def _logistic(random_state: int) -> Any:
    model = LogisticRegression(max_iter=1000, class_weight="balanced", random_state=random_state)
    return make_pipeline(StandardScaler(), model)


def _forest(random_state: int) -> Any:
    return RandomForestClassifier(
        TREES, min_samples_leaf=2, class_weight="balanced", n_jobs=-1, random_state=random_state
    )


def _trees(random_state: int) -> Any:
    return detail_forest(TREES, random_state)


def _boosting(random_state: int) -> Any:
    return HistGradientBoostingClassifier(class_weight="balanced", random_state=random_state)


def _mlp(random_state: int) -> Any:
    model = MLPClassifier((100, 100, 100), max_iter=300, random_state=random_state)
    return make_pipeline(StandardScaler(), model)


def _ridge(random_state: int) -> Any:
    model = RidgeClassifier(class_weight="balanced", random_state=random_state)
    return make_pipeline(StandardScaler(), model)


ESTIMATORS: dict[str, Callable[[int], Any]] = {
    "logistic": _logistic,
    "forest": _forest,
    "trees": _trees,
    "boosting": _boosting,
    "mlp": _mlp,
    "ridge": _ridge,
}
"""Name -> function of a random state that returns an unfitted classifier."""

SAVED_TYPES = (
    "napari_vitrail.blend.Blend",
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

    def predict(self, vit: Rows | None, classical: Rows | None) -> Ids:
        """Return class ids (n,) of pixels, from the features that `fit_estimator_steps` took."""
        seen = _side_by_side(vit, self.projection, None if self.features == "vit" else classical)
        return np.asarray(self.estimator.predict(seen))


def fit_estimator_steps(
    estimator: Any,
    spec: FeatureSpec,
    vit: Rows | None,
    classical: Rows | None,
    ids: Ids,
    folds: Ids,
    random_state: int,
) -> Steps[Fitted]:
    """Fit what was asked for, or what suits the features; yield Progress, return what was fitted.

    Parameters
    ----------
    estimator : str, scikit-learn classifier or None
        A name of `ESTIMATORS`, an unfitted classifier, or None for the default of the features.
    spec : FeatureSpec
    vit : (n, D) float32 or None
    classical : (n, 58) float32 or None
    ids, folds : (n,) int array
        Class of each pixel, and in which fold it is held out to see what suits the image.
    random_state : int

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    if estimator is None:
        return (yield from _fit_blend_steps(spec, vit, classical, ids, folds, random_state))
    model, name = _unfitted(estimator, random_state)
    projection = None if vit is None else Projection.of(vit, spec.n_components)
    rows = _side_by_side(vit, projection, classical)
    features: Features = "hybrid" if spec.features == "auto" else spec.features
    fitted = yield from beside_steps(partial(model.fit, rows, ids), "training", FITTING)
    return Fitted(fitted, projection, features, f"{name} on {rows.shape[1]} features")


def _fit_blend_steps(
    spec: FeatureSpec, vit: Rows | None, classical: Rows | None, ids: Ids, folds: Ids, random_state: int
) -> Steps[Fitted]:
    """Fit the forest, the linear model, or both in the shares that strokes held out recommend."""
    components = None if vit is None else Projection.of(vit, spec.n_components)
    weight, reason = 0.0, ""
    if vit is not None and classical is not None and spec.features == "auto":
        detail = _side_by_side(vit, components, classical)
        weight, reason = yield from _weight_steps(vit, detail, ids, folds, random_state)
    blending = partial(_blended, vit, components, classical, ids, weight, random_state, reason=reason)
    return (yield from beside_steps(blending, "training", FITTING))


@dataclass(frozen=True)
class Haste:
    """What is known from a thorough fit on nearly the same strokes, and need not be found again.

    Attributes
    ----------
    weight : float, 0 to 1
        Of the linear model.
    components : Projection or None
        Principal components of the ViT features that the forest sees.
    linear : Projection or None
        The linear model found last, of the same classes.
    """

    weight: float
    components: Projection | None
    linear: Projection | None


def fit_hastily(
    spec: FeatureSpec, vit: Rows | None, classical: Rows | None, ids: Ids, known: Haste, random_state: int
) -> Fitted:
    """Fit the default of the features with few trees, and with what is known from before."""
    components = known.components
    if components is None and vit is not None:
        components = Projection.of(vit, spec.n_components)
    return _blended(vit, components, classical, ids, known.weight, random_state, haste=known)


def _blended(
    vit: Rows | None, components: Projection | None, classical: Rows | None, ids: Ids, weight: float,
    random_state: int, *, reason: str = "", haste: Haste | None = None,
) -> Fitted:  # fmt: skip
    """Fit the forest, the linear model, or both, as the features and the weight ask for it."""
    classes = np.unique(ids)
    n_trees, start = (TREES, None) if haste is None else (HASTY_TREES, haste.linear)
    fit_linear = partial(linear_model, hasty=haste is not None, start=start)
    if vit is not None and (classical is None or weight == 1):
        linear = fit_linear(vit, ids)
        return Fitted(Blend(classes, 1.0, None), linear, "vit", f"linear ViT model{reason}")
    detail = _side_by_side(vit, components, classical)
    forest = detail_forest(n_trees, random_state).fit(detail, ids)
    report = f"forest on {detail.shape[1]} features"
    if vit is None or components is None:
        return Fitted(Blend(classes, 0.0, forest), None, "classical", report)
    if weight > 0:
        components = fit_linear(vit, ids).beside(components)
        report = f"{1 - weight:.0%} {report}, {weight:.0%} linear ViT model"
    return Fitted(Blend(classes, weight, forest), components, "hybrid", report + reason)


def _weight_steps(
    vit: Rows, detail: Rows, ids: Ids, folds: Ids, random_state: int
) -> Steps[tuple[float, str]]:
    """Return how much the linear model counts, and why."""
    evidence = yield from held_out_evidence_steps(vit, detail, ids, folds, random_state)
    if evidence is None:
        return WEIGHT_WITHOUT_EVIDENCE, " (some class lies in a single stroke, so none could be held out)"
    losses = f"forest {evidence.forest_loss:.3f}, linear {evidence.linear_loss:.3f}"
    return evidence.weight, f" (log loss on strokes held out: {losses})"


def _unfitted(estimator: Any, random_state: int) -> tuple[Any, str]:
    """Return an unfitted classifier and its name."""
    if not isinstance(estimator, str):
        return clone(estimator), type(estimator).__name__
    if estimator not in ESTIMATORS:
        raise ValueError(f"unknown estimator {estimator!r}; known: {', '.join(ESTIMATORS)}")
    return ESTIMATORS[estimator](random_state), estimator


def _side_by_side(vit: Rows | None, projection: Projection | None, classical: Rows | None) -> Rows:
    """Return ViT features, projected, and classical ones in one; either may be missing."""
    parts = [projection(vit)] if vit is not None and projection is not None else []
    return np.concatenate([*parts, *([] if classical is None else [classical])], axis=1)
