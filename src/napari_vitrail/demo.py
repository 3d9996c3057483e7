"""The main job end to end: every feature set learns the same strokes and is scored on others."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_vitrail.classify import fit_classifier_steps, segment_steps
from napari_vitrail.progress import Progress
from napari_vitrail.spec import SEGMENTATION, FeatureSpec

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from napari_vitrail.backbones import Backbone
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
        How long it took, features included.
    """

    spec: FeatureSpec
    segmentation: NDArray[np.integer]
    score: Score | None
    choice: str
    train_seconds: float
    segment_seconds: float


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
) -> Steps[list[Outcome]]:
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
    outcomes : list of Outcome
        One for each of `FEATURE_SETS`, in their order.
    """
    outcomes = []
    for features in FEATURE_SETS:
        steps = _outcome_steps(sample, replace(spec, features=features), backbone, device)
        outcomes.append((yield from _named(steps, features)))
    return outcomes


def _outcome_steps(
    sample: Sample, spec: FeatureSpec, backbone: Backbone | None, device: str
) -> Steps[Outcome]:
    """Yield Progress; return what one feature set made of a sample."""
    options: dict[str, Any] = {"backbone": backbone if spec.uses_vit else None, "device": device}
    start = time.perf_counter()
    classifier = yield from fit_classifier_steps(
        [sample.image], [sample.labels], spec, class_names=sample.class_names, **options
    )
    trained = time.perf_counter()
    segmentation = yield from segment_steps(sample.image, classifier, **options)
    return Outcome(
        spec=spec,
        segmentation=segmentation,
        score=score(segmentation, sample.held_out),
        choice=classifier.report,
        train_seconds=trained - start,
        segment_seconds=time.perf_counter() - trained,
    )


def _named(steps: Steps[Outcome], name: str) -> Generator[Progress, None, Outcome]:
    """Yield Progress that says whose it is; return what `steps` return."""
    while True:
        try:
            done, total, what = next(steps)
        except StopIteration as stop:
            outcome: Outcome = stop.value
            return outcome
        yield Progress(done, total, f"{name}: {what}")
