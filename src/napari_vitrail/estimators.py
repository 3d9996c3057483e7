"""The classifiers that can be asked for by name, with their settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sklearn.base import clone
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def _logistic(random_state: int) -> Any:
    model = LogisticRegression(C=1.0, max_iter=1000, class_weight="balanced", random_state=random_state)
    return make_pipeline(StandardScaler(), model)


def _forest(random_state: int) -> Any:
    return RandomForestClassifier(
        200, max_features=2, max_depth=10, class_weight="balanced", n_jobs=-1, random_state=random_state
    )


def _trees(random_state: int) -> Any:
    return ExtraTreesClassifier(
        200, min_samples_leaf=2, class_weight="balanced", n_jobs=-1, random_state=random_state
    )


def _boosting(random_state: int) -> Any:
    return HistGradientBoostingClassifier(class_weight="balanced", random_state=random_state)


def _mlp(random_state: int) -> Any:
    model = MLPClassifier((100, 100, 100), max_iter=300, early_stopping=True, random_state=random_state)
    return make_pipeline(StandardScaler(), model)


def _ridge(random_state: int) -> Any:
    model = RidgeClassifier(max_iter=3000, class_weight="balanced", random_state=random_state)
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

DEFAULTS = {"classical": "trees", "vit": "logistic", "hybrid": "trees", "auto": "trees"}


@dataclass(frozen=True)
class Fitted:
    """A fitted estimator, the features it was found to need, and how that came about."""

    estimator: Any
    features: str
    report: str


def fit_estimator(
    estimator: Any, features: str, rows, ids, strokes, *, n_vit: int, random_state: int
) -> Fitted:
    """Placeholder until the evals decide."""
    name = estimator or DEFAULTS[features]
    model = ESTIMATORS[name](random_state) if isinstance(name, str) else clone(name)
    return Fitted(model.fit(rows, ids), "hybrid" if features == "auto" else features, str(name))

SAVED_TYPES = (
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.tree._tree.Tree",
)
"""Types beyond skops' own list that a saved estimator may hold: plain arrays, no code."""
