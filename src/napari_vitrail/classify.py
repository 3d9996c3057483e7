"""From strokes to a pixel classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_vitrail.backbones import Backbone, Weights, load_backbone
from napari_vitrail.blend import softmax
from napari_vitrail.errors import SpecMismatch
from napari_vitrail.estimators import Haste, fit_estimator_steps, fit_hastily
from napari_vitrail.features import (
    PixelFeatures,
    Projection,
    TokenStore,
    classical_width,
    pixel_features_steps,
)
from napari_vitrail.image import IntensityRange, LayeredImage, Picture, as_image
from napari_vitrail.imports import importing_steps
from napari_vitrail.progress import Progress, Steps, drain, part_of
from napari_vitrail.spec import SEGMENTATION, FeatureSpec
from napari_vitrail.strokes import (
    MAX_PER_CLASS,
    Painted,
    as_labels,
    check_classes,
    drawn,
    held_out_folds,
    painted,
)

if TYPE_CHECKING:
    import os

    from numpy.typing import ArrayLike, NDArray

    from napari_vitrail.grid import FeatureGrid


@dataclass(frozen=True)
class PixelClassifier:
    """A fitted classifier together with everything that made it.

    Attributes
    ----------
    estimator : scikit-learn classifier
        Fitted on rows of `width` features, those of the ViT first.
    spec : FeatureSpec
        The features it was trained on; never ``auto``.
    intensity : IntensityRange
        Grey values that count as 0 and 1, and the names of further channels.
    projection : Projection or None
        Of the ViT features; None without them.
    weights : Weights or None
        The backbone's weights it was trained with.
    class_names : dict of id to name
    report : str
        What was chosen, and how well it did on strokes held out; for people.
    """

    estimator: Any
    spec: FeatureSpec
    intensity: IntensityRange
    projection: Projection | None
    weights: Weights | None
    class_names: dict[int, str] = field(default_factory=dict)
    report: str = ""

    @property
    def classes_(self) -> NDArray[np.intp]:
        """Class ids as painted, in the order of the probabilities."""
        return np.asarray(self.estimator.classes_)

    @property
    def dtype(self) -> np.dtype[np.unsignedinteger]:
        """The smallest unsigned type that holds the class ids."""
        return np.min_scalar_type(int(self.classes_.max()))

    @property
    def width(self) -> int:
        """Number of features in a row."""
        vit = 0 if self.projection is None else self.projection.width
        classical = classical_width(len(self.intensity.extra))
        return vit + (0 if self.spec.features == "vit" else classical)

    def predict_proba(self, features: FeatureGrid) -> NDArray[np.float32]:
        """Return class probabilities (h, w, k) of a grid of features.

        Parameters
        ----------
        features : FeatureGrid
            With the `width` features that the classifier was trained on.

        Raises
        ------
        SpecMismatch
            If the number of features differs.
        """
        if features.width != self.width:
            raise SpecMismatch(
                f"the classifier was trained on {self.width} features "
                f"({self.spec.features}, {self.spec.backbone}), got {features.width}"
            )
        rows = features.values.reshape(-1, features.width)
        return _probabilities(self.estimator, rows).reshape(*features.grid.shape, -1)

    def predict(self, features: FeatureGrid) -> NDArray[np.unsignedinteger]:
        """Return class ids (h, w) of a grid of features, see `predict_proba`."""
        return self.classes_[self.predict_proba(features).argmax(axis=2)].astype(self.dtype)


def _probabilities(estimator: Any, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return probabilities (n, k); of a classifier without any, the softmax of its decision values.

    One that has neither, such as a vote, is certain of what it predicts.
    """
    if hasattr(estimator, "predict_proba"):
        return np.asarray(estimator.predict_proba(rows), np.float32)
    if not hasattr(estimator, "decision_function"):
        return np.asarray(estimator.predict(rows)[:, None] == estimator.classes_, np.float32)
    decision = estimator.decision_function(rows)
    if decision.ndim == 1:
        decision = np.column_stack([-decision, decision])
    return np.asarray(softmax(decision), np.float32)


def fit_classifier_steps(
    images: Sequence[ArrayLike | LayeredImage],
    labels: Sequence[ArrayLike],
    spec: FeatureSpec = SEGMENTATION,
    *,
    estimator: Any = None,
    class_names: Mapping[int, str] | None = None,
    backbone: Backbone | None = None,
    weights: str | os.PathLike[str] = "auto",
    device: str = "auto",
    store: TokenStore | None = None,
    random_state: int = 0,
) -> Steps[PixelClassifier]:
    """Yield Progress; return what `fit_classifier` returns."""
    planes, strokes = training_set(images, labels, class_names or {}, random_state)
    intensity = IntensityRange.of(planes, spec.intensity)
    parts = len(planes) + 2
    if spec.uses_vit and backbone is None:
        yield from importing_steps("timm")
        yield Progress(0, parts, "loading weights")
        backbone = load_backbone(spec.backbone, weights=weights, device=device)
        yield Progress(0, parts, "loading weights")
    features = []
    for index, (plane, own) in enumerate(zip(planes, strokes, strict=True)):
        steps = pixel_features_steps(plane, spec, intensity, backbone, positions=own.positions, store=store)
        features.append((yield from part_of(steps, index + 1, parts)))
    training = fit_on_features_steps(
        features, strokes, intensity,
        estimator=estimator, class_names=class_names, random_state=random_state,
        weights=backbone.info.weights if backbone is not None else None,
    )  # fmt: skip
    return (yield from part_of(training, parts - 1, parts))


def fit_classifier(
    images: Sequence[ArrayLike | LayeredImage],
    labels: Sequence[ArrayLike],
    spec: FeatureSpec = SEGMENTATION,
    *,
    estimator: Any = None,
    class_names: Mapping[int, str] | None = None,
    backbone: Backbone | None = None,
    weights: str | os.PathLike[str] = "auto",
    device: str = "auto",
    store: TokenStore | None = None,
    random_state: int = 0,
) -> PixelClassifier:
    """Train a pixel classifier on strokes in one or several images.

    Parameters
    ----------
    images : sequence of (H, W), (H, W, 3) or (H, W, 4) arrays, or LayeredImage
    labels : sequence of (H, W) int arrays
        0 is unlabelled; any ids up to 65535, with gaps. Images without a stroke are skipped.
    spec : FeatureSpec
        Which features; ``features="auto"`` weighs both kinds by how well they do on strokes held out.
    estimator : str or scikit-learn classifier, optional
        A name from `napari_vitrail.estimators.ESTIMATORS`, or any unfitted classifier; the default
        follows from the features.
    class_names : dict of id to name, optional
        Kept with the classifier.
    backbone : Backbone, optional
        A loaded one; else the one that the spec names, with `weights` on `device`.
    weights : {"auto", "hub", "offline"} or path
        Where the backbone's weights come from, see `napari_vitrail.load_backbone`.
    device : {"auto", "cuda", "mps", "cpu"}
    store : FeatureStore, optional
        Where ViT features are looked up and kept; they are then rounded to half precision.
    random_state : int
        Seeds the choice among very many painted pixels and the estimator.

    Returns
    -------
    classifier : PixelClassifier

    Raises
    ------
    ValueError
        If fewer than two classes are painted, or labels do not fit their image.
    BackboneUnavailable
        If no source has the backbone's weights.

    References
    ----------
    Docherty et al. (2024), Algorithm 3. Normalisation is fitted on the training pixels and kept, where
    the published code scales every image by itself.
    """
    return drain(
        fit_classifier_steps(
            images, labels, spec,
            estimator=estimator, class_names=class_names, backbone=backbone, weights=weights,
            device=device, store=store, random_state=random_state,
        )
    )  # fmt: skip


def training_set(
    images: Sequence[ArrayLike | LayeredImage],
    labels: Sequence[ArrayLike],
    class_names: Mapping[int, str],
    random_state: int,
    max_per_class: int = MAX_PER_CLASS,
    *,
    told_apart: bool = True,
) -> tuple[list[Picture], list[Painted]]:
    """Return the images that have strokes, and the pixels of theirs to train on, see `fit_classifier`."""
    if isinstance(images, np.ndarray) or isinstance(labels, np.ndarray):
        raise ValueError("images and labels must be lists of arrays, got an array; write [image], [labels]")
    if len(images) != len(labels):
        raise ValueError(f"images and labels must be as many, got {len(images)} and {len(labels)}")
    planes = [as_image(image) for image in images]
    strokes = [
        painted(as_labels(own, plane.shape), told_apart=told_apart)
        for plane, own in zip(planes, labels, strict=True)
    ]
    check_classes(strokes, list(class_names))
    used = [index for index, own in enumerate(strokes) if len(own.ids)]
    kept = drawn([strokes[index] for index in used], random_state, max_per_class)
    return [planes[index] for index in used], kept


def fit_on_features_steps(
    features: Sequence[PixelFeatures],
    strokes: Sequence[Painted],
    intensity: IntensityRange,
    *,
    estimator: Any = None,
    haste: Haste | None = None,
    class_names: Mapping[int, str] | None = None,
    weights: Weights | None = None,
    random_state: int = 0,
) -> Steps[PixelClassifier]:
    """Train on features that are at hand; yield Progress, return the classifier. See `fit_classifier`.

    Parameters
    ----------
    features : sequence of PixelFeatures
        Of each image, all made with the same spec.
    strokes : sequence of Painted
        Of each image, in the same order.
    intensity : IntensityRange
        The one that the features were made with.
    haste : Haste, optional
        Fit the default of the features hastily, with what is known of it.
    weights : Weights, optional
        Those that the ViT features were made with.
    """
    spec = features[0].spec
    ids = np.concatenate([own.ids for own in strokes])
    yield Progress(0, 1, "training")
    vit = _stacked([own.vit_at(at.positions) for own, at in zip(features, strokes, strict=True)])
    classical = _stacked([own.classical_at(at.positions) for own, at in zip(features, strokes, strict=True)])
    yield Progress(0, 1, "training")
    if haste is not None:
        fitted = fit_hastily(spec, vit, classical, ids, haste, random_state)
    else:
        folds = held_out_folds(strokes)
        fitted = yield from fit_estimator_steps(estimator, spec, vit, classical, ids, folds, random_state)
    return PixelClassifier(
        fitted.estimator,
        replace(spec, features=fitted.features),
        intensity,
        fitted.projection,
        weights if fitted.projection is not None else None,
        {int(id_): (class_names or {}).get(int(id_), f"class {id_}") for id_ in np.unique(ids)},
        fitted.report,
    )


def _stacked(rows: Sequence[NDArray[np.float32] | None]) -> NDArray[np.float32] | None:
    """Return the rows of all images in one; None where no image has any."""
    known = [own for own in rows if own is not None]
    return np.concatenate(known) if known else None
