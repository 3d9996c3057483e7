"""Whether an estimator that was loaded is sound: compiled code follows its trees without looking.

Scikit-learn looks at no index while it goes down a tree. One that points outside is read all the same,
and a node that leads back to itself is followed for ever; a file may hold either.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier
from sklearn.tree._tree import Tree

from napari_vitrail.blend import Blend

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

FORESTS = (ExtraTreesClassifier, RandomForestClassifier)
DECISION_TREES = (DecisionTreeClassifier, ExtraTreeClassifier)
PLAIN_TYPES = (
    type(None), bool, int, float, str, list, tuple, dict,
    np.ndarray, np.random.Generator, np.random.RandomState,
)  # fmt: skip
SOUND_TYPES = (
    "_loss",  # how scikit-learn 1.7 calls its compiled losses
    "napari_vitrail.blend.Blend",
    "sklearn._loss",
    "sklearn.decomposition._pca.PCA",
    "sklearn.discriminant_analysis",
    "sklearn.dummy.DummyClassifier",
    "sklearn.ensemble._forest.ExtraTreesClassifier",
    "sklearn.ensemble._forest.RandomForestClassifier",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
    "sklearn.ensemble._weight_boosting.AdaBoostClassifier",
    "sklearn.linear_model",
    "sklearn.naive_bayes",
    "sklearn.neural_network",
    "sklearn.pipeline.Pipeline",
    "sklearn.preprocessing",
    "sklearn.tree._classes.DecisionTreeClassifier",
    "sklearn.tree._classes.ExtraTreeClassifier",
)
"""Types, and modules of types, that predict in numpy or whose trees are looked at here.

Others of scikit-learn's, such as SVC and GradientBoostingClassifier, hand what they hold to compiled code.
"""


def foreign_types(estimator: Any) -> list[str]:
    """Return the names of the types in an estimator that nothing here vouches for."""
    names = {_type_name(part) for part in _parts(estimator) if not _is_plain(part)}
    return sorted(name for name in names if not _is_sound(name))


def check_estimator(estimator: Any) -> None:
    """Look at everything that compiled code would follow in an estimator.

    Parameters
    ----------
    estimator : scikit-learn classifier
        As it was loaded; nothing has been asked of it yet.

    Raises
    ------
    ValueError
        If it holds a type that is not among `SOUND_TYPES`, or a tree that does not end in its own leaves,
        asks for features there are not, or knows other classes than its forest.
    """
    if foreign := foreign_types(estimator):
        raise ValueError(f"its estimator holds types that are refused for safety: {', '.join(foreign)}")
    for part in _parts(estimator):
        if isinstance(part, Blend):
            _check_blend(part, estimator)
        elif not _is_fitted(part):  # the pattern that a forest was made after
            continue
        elif isinstance(part, FORESTS):
            _check_forest(part)
        elif isinstance(part, DECISION_TREES):
            _check_decision_tree(part)
        elif isinstance(part, HistGradientBoostingClassifier):
            _check_boosting(part)


def _parts(estimator: Any) -> Iterator[Any]:
    """Yield an estimator and everything in it, once each; of trees, their owners only."""
    seen: dict[int, Any] = {}
    waiting = [estimator]
    while waiting:
        part = waiting.pop()
        if id(part) not in seen:
            seen[id(part)] = part
            waiting.extend(_held(part))
            yield part


def _held(part: Any) -> Iterator[Any]:
    """Yield what a part holds, but for the trees of an owner, which are no use to anyone else."""
    if isinstance(part, dict):
        yield from part.keys()
        yield from part.values()
    elif isinstance(part, list | tuple):
        yield from part
    elif isinstance(part, np.ndarray) and part.dtype.hasobject:
        yield from part.flat
    own = {HistGradientBoostingClassifier: "_predictors"} | dict.fromkeys(DECISION_TREES, "tree_")
    yield from (value for name, value in getattr(part, "__dict__", {}).items() if name != own.get(type(part)))


def _is_fitted(part: Any) -> bool:
    return any(name.endswith("_") or name == "_predictors" for name in getattr(part, "__dict__", {}))


def _is_plain(part: Any) -> bool:
    return type(part) in PLAIN_TYPES or isinstance(part, np.generic)


def _type_name(part: Any) -> str:
    return f"{type(part).__module__}.{type(part).__qualname__}"


def _is_sound(name: str) -> bool:
    return any(name == sound or name.startswith(f"{sound}.") for sound in SOUND_TYPES)


def _check_blend(blend: Blend, estimator: Any) -> None:
    if blend is not estimator:
        raise ValueError("its blend lies inside another estimator")
    weight, forest = float(blend.weight), blend.forest
    if not (math.isfinite(weight) and 0 <= weight <= 1):
        raise ValueError(f"its blend's weight must be 0 to 1, got {weight}")
    if forest is None and weight == 1:
        return
    if not isinstance(forest, FORESTS):
        raise ValueError(f"its blend needs a forest, got {type(forest).__name__}")
    if not np.array_equal(forest.classes_, blend.classes):
        raise ValueError(f"its forest knows classes {forest.classes_}, its blend {blend.classes}")


def _check_forest(forest: Any) -> None:
    trees = forest.estimators_
    if not trees or len(trees) != forest.n_estimators:  # as many threads may be started
        raise ValueError(f"a forest of {forest.n_estimators} trees holds {len(trees)}")
    if forest.n_outputs_ != 1 or forest.n_classes_ != len(forest.classes_):
        raise ValueError(f"a forest of {len(forest.classes_)} classes says that it has {forest.n_classes_}")
    for tree in trees:
        if not isinstance(tree, DECISION_TREES):
            raise ValueError(f"a forest holds a {type(tree).__name__}")
        if tree.tree_.n_features != forest.n_features_in_:
            known = forest.n_features_in_
            raise ValueError(f"a tree takes {tree.tree_.n_features} features, its forest {known}")
        if len(tree.classes_) != len(forest.classes_):
            raise ValueError(f"a tree knows {len(tree.classes_)} classes, its forest {len(forest.classes_)}")


def _check_decision_tree(owner: Any) -> None:
    tree, n_classes = owner.tree_, len(owner.classes_)
    if type(tree) is not Tree or tree.node_count < 1 or tree.n_outputs != 1 or owner.n_outputs_ != 1:
        raise ValueError("a tree has no nodes, or answers more than one question")
    if tree.n_features != owner.n_features_in_:
        raise ValueError(f"a tree's nodes take {tree.n_features} features, not {owner.n_features_in_}")
    if tree.value.shape != (tree.node_count, 1, n_classes) or owner.n_classes_ != n_classes:
        raise ValueError(f"a tree of {n_classes} classes has values of shape {tree.value.shape}")
    left, right = tree.children_left, tree.children_right
    leaf = (left == -1) & (right == -1)
    _check_nodes(left, right, leaf, tree.feature, owner.n_features_in_)
    _check_finite(tree.value)


def _check_boosting(model: Any) -> None:
    if model._preprocessor is not None or np.any(model._bin_mapper.is_categorical_):
        raise ValueError("a boosting model takes categories, which no feature is")
    n_trees = 1 if len(model.classes_) == 2 else len(model.classes_)
    if model.n_trees_per_iteration_ != n_trees:
        raise ValueError(f"a boosting model of {len(model.classes_)} classes needs {n_trees} trees a step")
    for step in model._predictors:
        if len(step) != n_trees:
            raise ValueError(f"a boosting model has a step of {len(step)} trees, not {n_trees}")
        for predictor in step:
            _check_predictor(predictor, model.n_features_in_)


def _check_predictor(predictor: Any, n_features: int) -> None:
    if type(predictor) is not TreePredictor or type(predictor.nodes) is not np.ndarray:
        raise ValueError("a boosting model holds something that is no tree")
    nodes = predictor.nodes
    if nodes.dtype != PREDICTOR_RECORD_DTYPE or nodes.ndim != 1 or not len(nodes):
        raise ValueError(f"a tree has nodes of shape {nodes.shape} and type {nodes.dtype}")
    if nodes["is_categorical"].any():
        raise ValueError("a tree splits on categories, which no feature is")
    _check_nodes(nodes["left"], nodes["right"], nodes["is_leaf"] != 0, nodes["feature_idx"], n_features)
    _check_finite(nodes["value"])


def _check_nodes(
    left: NDArray[np.integer],
    right: NDArray[np.integer],
    leaf: NDArray[np.bool_],
    feature: NDArray[np.integer],
    n_features: int,
) -> None:
    """Check that each inner node (n,) leads on to later ones, so never in a circle, by a feature there is."""
    own = np.arange(len(leaf))
    for children in (left, right):
        if not (leaf | ((own < children) & (children < len(leaf)))).all():
            raise ValueError("a tree's nodes lead out of it or in a circle")
    if not (leaf | ((feature >= 0) & (feature < n_features))).all():
        raise ValueError(f"a tree's nodes ask for features other than its {n_features}")


def _check_finite(values: NDArray[np.floating]) -> None:
    if not np.isfinite(values).all():
        raise ValueError("a tree's values are not finite")
