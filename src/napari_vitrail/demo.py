"""The main job end to end: every feature set learns the same strokes and is scored on others."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.backbones import load_backbone
from napari_vitrail.classify import fit_on_features_steps
from napari_vitrail.features import pixel_features_steps
from napari_vitrail.image import IntensityRange
from napari_vitrail.progress import Progress, part_of
from napari_vitrail.segmentation import predict_steps, seen_by, write_classes
from napari_vitrail.spec import SEGMENTATION, FeatureSpec
from napari_vitrail.strokes import as_labels, painted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.backbones import Backbone, Weights
    from napari_vitrail.features import PixelFeatures
    from napari_vitrail.progress import Steps
    from napari_vitrail.samples import Sample
    from napari_vitrail.spec import Features

FEATURE_SETS: tuple[Features, ...] = ("classical", "vit", "hybrid", "auto")


@dataclass(frozen=True)
class Score:
    """How far a segmentation agrees with labels, counted on the labelled pixels.

    Attributes
    ----------
    accuracy : float, 0 to 1
        Share of the pixels that got their label.
    ious : dict of int to float, 0 to 1
        Intersection over union of every class that is labelled.
    """

    accuracy: float
    ious: dict[int, float]

    @property
    def mean_iou(self) -> float:
        """Mean of the classes' intersections over union."""
        return float(np.mean(list(self.ious.values())))


@dataclass(frozen=True)
class Outcome:
    """What one feature set made of a sample.

    Attributes
    ----------
    spec : FeatureSpec
        The features.
    segmentation : (H, W) int array
        The class of every pixel.
    score : Score or None
        On the held-out strokes; None where there are none.
    choice : str
        What the classifier says of itself: the estimator, and how it was chosen.
    train_seconds, segment_seconds : float
        How long it took, without the ViT features.
    """

    spec: FeatureSpec
    segmentation: NDArray[np.integer]
    score: Score | None
    choice: str
    train_seconds: float
    segment_seconds: float


@dataclass(frozen=True)
class Comparison:
    """What every feature set made of a sample, from features computed once.

    Attributes
    ----------
    feature_seconds : float
        How long the ViT features took.
    outcomes : list of Outcome
    """

    feature_seconds: float
    outcomes: list[Outcome]


def score(segmentation: NDArray[np.integer], labels: NDArray[np.integer]) -> Score | None:
    """Compare a segmentation with labels.

    Parameters
    ----------
    segmentation : (H, W) int array
    labels : (H, W) int array
        0 = unlabelled: not counted.

    Returns
    -------
    score : Score or None
        None if nothing is labelled.
    """
    truth, found = labels[labels > 0], segmentation[labels > 0]
    if not truth.size:
        return None
    ious = {int(id_): _iou(truth == id_, found == id_) for id_ in np.unique(truth)}
    return Score(float(np.mean(truth == found)), ious)


def _iou(truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> float:
    return np.count_nonzero(truth & found) / np.count_nonzero(truth | found)


def compare_steps(
    sample: Sample,
    spec: FeatureSpec = SEGMENTATION,
    *,
    backbone: Backbone | None = None,
    device: str = "auto",
) -> Steps[Comparison]:
    """Yield Progress; return what each feature set made of a sample.

    Parameters
    ----------
    sample : Sample
        The image, the strokes to learn from and those to score with.
    spec : FeatureSpec
        Everything about the features but the set.
    backbone : Backbone, optional
        A loaded one; else the one that `spec` names.
    device : {"auto", "cuda", "mps", "cpu"}

    Returns
    -------
    comparison : Comparison
        One outcome for each of `FEATURE_SETS`, in their order.
    """
    parts = len(FEATURE_SETS) + 1
    start = time.perf_counter()
    intensity = IntensityRange.of([sample.image], spec.intensity)
    backbone = backbone or load_backbone(spec.backbone, device=device)
    both = replace(spec, features="hybrid")
    steps = pixel_features_steps(sample.image, both, intensity, backbone)
    features = yield from part_of(steps, 0, parts)
    seconds = time.perf_counter() - start
    outcomes = []
    for index, name in enumerate(FEATURE_SETS, start=1):
        own = _outcome_steps(sample, features.restricted(name), intensity, backbone.info.weights)
        outcomes.append((yield from part_of(own, index, parts)))
    return Comparison(seconds, outcomes)


def _outcome_steps(
    sample: Sample, features: PixelFeatures, intensity: IntensityRange, weights: Weights | None
) -> Steps[Outcome]:
    """Yield Progress; return what one feature set made of a sample."""
    what = f"{features.spec.features} classifier"
    yield Progress(0, 2, what)
    start = time.perf_counter()
    strokes = [painted(as_labels(sample.labels, sample.image.shape))]
    classifier = yield from fit_on_features_steps(
        [features], strokes, intensity, class_names=sample.class_names, weights=weights
    )
    trained = time.perf_counter()
    yield Progress(1, 2, what)
    segmentation = np.zeros(features.shape, classifier.dtype)
    keep = partial(write_classes, segmentation, classifier)
    for _ in predict_steps(seen_by(classifier, features), classifier, keep):
        yield Progress(1, 2, what)
    return Outcome(
        spec=features.spec,
        segmentation=segmentation,
        score=score(segmentation, sample.held_out),
        choice=classifier.report,
        train_seconds=trained - start,
        segment_seconds=time.perf_counter() - trained,
    )
