"""From strokes to a segmentation: fit a pixel classifier, apply it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_vitrail.backbones import Backbone, Weights, load_backbone, loaded_backbone
from napari_vitrail.blend import softmax
from napari_vitrail.errors import BackboneUnavailable, SpecMismatch
from napari_vitrail.estimators import fit_estimator_steps
from napari_vitrail.features import (
    CLASSICAL_CHANNELS,
    PixelFeatures,
    Projection,
    TokenStore,
    pixel_features_steps,
)
from napari_vitrail.image import IntensityRange, as_image
from napari_vitrail.progress import Progress, Steps, drain, part_of
from napari_vitrail.spec import SEGMENTATION, FeatureSpec
from napari_vitrail.strokes import Painted, as_labels, check_classes, drawn, held_out_folds, painted

if TYPE_CHECKING:
    import os

    from numpy.typing import ArrayLike, NDArray

    from napari_vitrail.grid import FeatureGrid
    from napari_vitrail.tiling import Tile


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
        Grey values that count as 0 and 1.
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
        return vit + (0 if self.spec.features == "vit" else len(CLASSICAL_CHANNELS))

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
    images: Sequence[ArrayLike],
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
    planes, strokes = _training_set(images, labels, class_names or {}, random_state)
    intensity = IntensityRange.of(planes, spec.intensity)
    parts = len(planes) + 2
    if spec.uses_vit and backbone is None:
        yield Progress(0, parts, "loading weights")
        backbone = load_backbone(spec.backbone, weights=weights, device=device)
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
    images: Sequence[ArrayLike],
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
    images : sequence of (H, W), (H, W, 3) or (H, W, 4) arrays
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


def _training_set(
    images: Sequence[ArrayLike],
    labels: Sequence[ArrayLike],
    class_names: Mapping[int, str],
    random_state: int,
) -> tuple[list[NDArray[np.generic]], list[Painted]]:
    """Return the images that have strokes, and the pixels of theirs to train on."""
    if isinstance(images, np.ndarray) or isinstance(labels, np.ndarray):
        raise ValueError("images and labels must be lists of arrays, got an array; write [image], [labels]")
    if len(images) != len(labels):
        raise ValueError(f"images and labels must be as many, got {len(images)} and {len(labels)}")
    planes = [as_image(image) for image in images]
    strokes = [painted(as_labels(own, plane.shape)) for plane, own in zip(planes, labels, strict=True)]
    check_classes(strokes, list(class_names))
    used = [index for index, own in enumerate(strokes) if len(own.ids)]
    return [planes[index] for index in used], drawn([strokes[index] for index in used], random_state)


def fit_on_features_steps(
    features: Sequence[PixelFeatures],
    strokes: Sequence[Painted],
    intensity: IntensityRange,
    *,
    estimator: Any = None,
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
    weights : Weights, optional
        Those that the ViT features were made with.
    """
    spec = features[0].spec
    ids = np.concatenate([own.ids for own in strokes])
    yield Progress(0, 1, "training")
    vit = [own.vit_at(at.positions) for own, at in zip(features, strokes, strict=True)]
    classical = [own.classical_at(at.positions) for own, at in zip(features, strokes, strict=True)]
    yield Progress(0, 1, "training")
    folds = held_out_folds(strokes)
    fitted = yield from fit_estimator_steps(
        estimator, spec, _stacked(vit), _stacked(classical), ids, folds, random_state
    )
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


def segment_steps(
    image: ArrayLike,
    classifier: PixelClassifier,
    *,
    backbone: Backbone | None = None,
    device: str = "auto",
    store: TokenStore | None = None,
) -> Steps[NDArray[np.unsignedinteger]]:
    """Yield Progress after every tile; return the segmentation."""
    plane = as_image(image)
    segmentation = np.zeros(plane.shape[:2], classifier.dtype)
    keep = partial(write_classes, segmentation, classifier)
    yield from _image_steps(plane, classifier, keep, backbone, device, store)
    return segmentation


def write_classes(
    segmentation: NDArray[np.unsignedinteger],
    classifier: PixelClassifier,
    tile: Tile,
    probabilities: NDArray[np.float32],
) -> None:
    """Write the most probable class of every pixel of a tile into a segmentation (H, W)."""
    segmentation[tile.inner] = classifier.classes_[probabilities.argmax(axis=2)]


def segment(
    image: ArrayLike,
    classifier: PixelClassifier,
    *,
    backbone: Backbone | None = None,
    device: str = "auto",
    store: TokenStore | None = None,
) -> NDArray[np.unsignedinteger]:
    """Give every pixel of an image its most probable class.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, 4) array
    classifier : PixelClassifier
    backbone : Backbone, optional
        A loaded one; else the one that the classifier was trained with.
    device : {"auto", "cuda", "mps", "cpu"}
    store : FeatureStore, optional
        See `fit_classifier`.

    Returns
    -------
    segmentation : (H, W) array
        Class ids as painted, in the smallest unsigned type that holds them.

    Raises
    ------
    SpecMismatch
        If the backbone, or its weights, are not those the classifier was trained with.
    """
    return drain(segment_steps(image, classifier, backbone=backbone, device=device, store=store))


def probabilities_steps(
    image: ArrayLike,
    classifier: PixelClassifier,
    *,
    backbone: Backbone | None = None,
    device: str = "auto",
    store: TokenStore | None = None,
) -> Steps[NDArray[np.float32]]:
    """Yield Progress after every tile; return the class probabilities."""
    plane = as_image(image)
    result = np.empty((len(classifier.classes_), *plane.shape[:2]), np.float32)

    def keep(tile: Tile, probabilities: NDArray[np.float32]) -> None:
        result[:, *tile.inner] = np.moveaxis(probabilities, 2, 0)

    yield from _image_steps(plane, classifier, keep, backbone, device, store)
    return result


def class_probabilities(
    image: ArrayLike,
    classifier: PixelClassifier,
    *,
    backbone: Backbone | None = None,
    device: str = "auto",
    store: TokenStore | None = None,
) -> NDArray[np.float32]:
    """Compute the probability of every class at every pixel.

    Parameters
    ----------
    image, classifier, backbone, device, store
        See `segment`.

    Returns
    -------
    probabilities : (k, H, W) float32
        In the order of ``classifier.classes_``; the most probable class is the one that `segment` gives.
    """
    return drain(probabilities_steps(image, classifier, backbone=backbone, device=device, store=store))


def _image_steps(
    plane: NDArray[np.generic],
    classifier: PixelClassifier,
    keep: Callable[[Tile, NDArray[np.float32]], None],
    backbone: Backbone | None,
    device: str,
    store: TokenStore | None,
) -> Steps[None]:
    """Compute an image's features, then predict tile by tile."""
    if misfit := classifier.intensity.misfit(plane):
        warnings.warn(misfit, stacklevel=2)
    if classifier.spec.uses_vit:
        if backbone is None:
            yield Progress(0, 1, "loading weights")
        backbone = _trained_backbone(classifier, backbone, device)
    steps = pixel_features_steps(
        plane, classifier.spec, classifier.intensity, backbone,
        projection=classifier.projection, store=store,
    )  # fmt: skip
    features = yield from part_of(steps, 0, 2)
    yield from part_of(predict_steps(features, classifier, keep), 1, 2)


def predict_steps(
    features: PixelFeatures,
    classifier: PixelClassifier,
    keep: Callable[[Tile, NDArray[np.float32]], None],
) -> Steps[None]:
    """Yield Progress after every tile; hand each tile and its probabilities (h, w, k) to `keep`.

    Parameters
    ----------
    features : PixelFeatures
        As the classifier sees them, see `seen_by`.
    classifier : PixelClassifier
    keep : callable
    """
    tiles = features.tiles()
    for done, tile in enumerate(tiles, start=1):
        keep(tile, classifier.predict_proba(features.on(tile)))
        yield Progress(done, len(tiles), "prediction")


def seen_by(classifier: PixelClassifier, features: PixelFeatures) -> PixelFeatures:
    """Return features as a classifier sees them: its feature set, its components."""
    return replace(features.projected(classifier.projection), spec=classifier.spec)


def _trained_backbone(classifier: PixelClassifier, backbone: Backbone | None, device: str) -> Backbone:
    """Return the backbone a classifier was trained with, or raise SpecMismatch."""
    name, trained = classifier.spec.backbone, classifier.weights
    backbone = backbone or _load_again(name, trained, device)
    if backbone.info.name != name:
        raise SpecMismatch(f"the classifier was trained with {name}, got {backbone.info.name}")
    loaded = backbone.info.weights
    if trained is not None and (loaded is None or loaded.digest != trained.digest):
        came = "random weights" if loaded is None else f"those of {loaded.location} ({loaded.digest[:12]})"
        raise SpecMismatch(
            f"the classifier was trained with the weights of {trained.location} "
            f"({trained.digest[:12]}), got {came}; the same name from two sources is two backbones"
        )
    return backbone


def _load_again(name: str, trained: Weights | None, device: str) -> Backbone:
    """Return the backbone with the same weights; a path is never opened on a classifier's word."""
    if trained is None:
        return load_backbone(name, device=device)
    loaded = loaded_backbone(name, trained.digest, device=device)
    if loaded is not None:
        return loaded
    if trained.source == "file":
        raise BackboneUnavailable(
            f"the classifier was trained with the weights in {trained.location} ({trained.digest[:12]}); "
            "load them from where they are and pass that backbone (--weights on the command line)"
        )
    return load_backbone(name, weights=trained.source, device=device)
