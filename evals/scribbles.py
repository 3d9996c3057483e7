"""Mean IoU of segmentations learned from few strokes, on images whose every pixel is known."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.datasets import DENSE, PAINTED, STROKES_ONLY, Case
from evals.scores import mean_iou
from evals.strokes import draw_strokes
from napari_vitrail import SEGMENTATION, FeatureSpec, load_backbone
from napari_vitrail.classify import PixelClassifier, fit_on_features_steps
from napari_vitrail.features import PixelFeatures, pixel_features_steps
from napari_vitrail.grid import FeatureGrid, Grid
from napari_vitrail.image import IntensityRange
from napari_vitrail.progress import drain
from napari_vitrail.recent import Recent
from napari_vitrail.segmentation import seen_by
from napari_vitrail.strokes import Painted, drawn, painted

SCORED = 40_000
"""Pixels of an image that are predicted and scored at most, drawn evenly."""
ALL_TILES = 1 << 31
"""Bytes for the classical features of an image: more than the largest takes."""
EVERY_IMAGE = slice(0, None, 1)
HUMAN = "human"
"""Stands for all sets whose strokes a person painted."""


@dataclass(frozen=True)
class Recipe:
    """One way to make a classifier: a feature set and the name of an estimator, None for the default."""

    features: str
    estimator: str | None

    def __str__(self) -> str:
        return self.features if self.estimator is None else f"{self.features} + {self.estimator}"


RECIPES = [
    *(Recipe("classical", name) for name in ("logistic", "forest", "trees", "boosting", "mlp", None)),
    Recipe("vit", "logistic"),
    Recipe("vit", None),
    Recipe("hybrid", "logistic"),
    Recipe("hybrid", None),
    Recipe("auto", None),
]


def remembered(image: NDArray[np.generic], spec: FeatureSpec) -> PixelFeatures:
    """Return all features of an image, the classical ones kept: every recipe reads the same pixels."""
    backbone = load_backbone(spec.backbone)
    intensity = IntensityRange.of([image], spec.intensity)
    features = drain(pixel_features_steps(image, spec, intensity, backbone))
    return replace(features, classical=Recent(ALL_TILES))


def predict_at(
    classifier: PixelClassifier, features: PixelFeatures, positions: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Return the class ids at some pixels, by way of the classifier that a user gets."""
    known = seen_by(classifier, features)
    parts = [known.vit_at(positions), known.classical_at(positions)]
    rows = np.concatenate([part for part in parts if part is not None], axis=1)
    grid = FeatureGrid(rows[:, None], Grid((len(rows), 1)))
    return classifier.predict(grid)[:, 0].astype(np.intp)


def fit(
    features: Sequence[PixelFeatures], strokes: Sequence[Painted], recipe: Recipe, random_state: int
) -> PixelClassifier:
    """Train as a user would, on features that are at hand."""
    own = [one.restricted(recipe.features) for one in features]
    steps = fit_on_features_steps(
        own, strokes, IntensityRange(0, 255), estimator=recipe.estimator, random_state=random_state
    )
    return drain(steps)


def scored_pixels(truth: NDArray[np.intp], labels: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return pixels (n, 2) that have a truth and are not painted, at most `SCORED` of them."""
    positions = np.argwhere((truth > 0) & (labels == 0))
    if len(positions) <= SCORED:
        return positions
    chosen = np.random.default_rng(0).choice(len(positions), SCORED, replace=False)
    return positions[np.sort(chosen)]


def score_image(
    case: Case,
    features: PixelFeatures,
    labels: NDArray[np.intp],
    recipes: Iterable[Recipe],
    random_state: int,
) -> Iterator[dict[str, Any]]:
    """Yield one row per recipe: trained on the labels of an image, scored on the rest of it."""
    strokes = drawn([painted(labels)], random_state)
    positions = scored_pixels(case.truth, labels)
    truth = case.truth[tuple(positions.T)]
    for recipe in recipes:
        start = time.perf_counter()
        classifier = fit([features], strokes, recipe, random_state)
        seconds = time.perf_counter() - start
        found = predict_at(classifier, features, positions)
        yield {
            "image": case.name,
            "recipe": str(recipe),
            "seed": random_state,
            "iou": round(mean_iou(truth, found), 4),
            "fit_seconds": round(seconds, 2),
        }


def _part_of(cases: Iterator[Case], part: slice) -> Iterator[Case]:
    return islice(cases, part.start, part.stop, part.step)


def dense_rows(
    names: Sequence[str], fractions: Sequence[float], seeds: Sequence[int], spec: FeatureSpec,
    recipes: Sequence[Recipe], part: slice,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """Yield rows for strokes drawn from the ground truth of every image of some sets."""
    for name in names:
        for case in _part_of(DENSE[name](), part):
            features = remembered(case.image, spec)
            for fraction in fractions:
                for seed in seeds:
                    labels = draw_strokes(case.truth, fraction, seed)
                    for row in score_image(case, features, labels, recipes, seed):
                        yield {"set": name, "strokes": fraction} | row


def painted_rows(spec: FeatureSpec, recipes: Sequence[Recipe], part: slice) -> Iterator[dict[str, Any]]:
    """Yield rows for strokes that a person painted, on images with dense truth."""
    for name, cases in PAINTED.items():
        for case in _part_of(cases(), part):
            features = remembered(case.image, spec)
            for row in score_image(case, features, case.strokes, recipes, 0):
                yield {"set": name, "strokes": "human"} | row


def left_out_rows(spec: FeatureSpec, recipes: Sequence[Recipe]) -> Iterator[dict[str, Any]]:
    """Yield rows for sets with strokes only: trained on all images but one, scored on its strokes."""
    for name, cases in STROKES_ONLY.items():
        known = list(cases())
        features = [remembered(case.image, spec) for case in known]
        strokes = [painted(case.strokes) for case in known]
        for left_out, case in enumerate(known):
            others = [index for index in range(len(known)) if index != left_out]
            training = drawn([strokes[index] for index in others], 0)
            for recipe in recipes:
                classifier = fit([features[index] for index in others], training, recipe, 0)
                found = predict_at(classifier, features[left_out], strokes[left_out].positions)
                iou = mean_iou(strokes[left_out].ids, found)
                yield {
                    "set": name, "strokes": "leave one out", "image": case.name, "recipe": str(recipe),
                    "seed": 0, "iou": round(iou, 4),
                }  # fmt: skip


def all_rows(
    names: Sequence[str],
    fractions: Sequence[float],
    seeds: Sequence[int],
    spec: FeatureSpec = SEGMENTATION,
    recipes: Sequence[Recipe] = RECIPES,
    part: slice = EVERY_IMAGE,
) -> Iterator[dict[str, Any]]:
    """Yield every row: of `HUMAN` strokes where that is among the names, then of those drawn.

    Parameters
    ----------
    names : sequence of str
        Sets of `DENSE`, and `HUMAN`.
    fractions : sequence of float
        Of the pixels that are painted.
    seeds : sequence of int
        Of the drawn strokes.
    spec : FeatureSpec
    recipes : sequence of Recipe
    part : slice
        Which images of each set; sets that leave one image out are always whole.
    """
    if HUMAN in names:
        yield from left_out_rows(spec, recipes)
        yield from painted_rows(spec, recipes, part)
    drawn_for = [name for name in names if name != HUMAN]
    yield from dense_rows(drawn_for, fractions, seeds, spec, recipes, part)
