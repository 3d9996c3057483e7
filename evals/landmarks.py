"""How well the centroids of parts say where the landmarks of faces are: linear regression, as published."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage.measure import regionprops

Points = NDArray[np.float64]
LEFT_EYE, RIGHT_EYE = slice(36, 42), slice(42, 48)
NOSE_TIP, MOUTH_CORNERS = 30, (48, 54)
FOLDS = 3


@dataclass(frozen=True)
class Landmarks:
    """The landmarks of the faces of some photographs.

    Attributes
    ----------
    points : (n, 68, 2) float
        Columns and rows in pixels, in the usual order of 68.
    sides : (n,) float
        The longer side of each photograph.
    """

    points: Points
    sides: NDArray[np.float64]

    @classmethod
    def of(cls, folder: Path, names: Sequence[str]) -> Landmarks:
        """Return what ``keypoints.json`` of a folder has on some of its files."""
        known = json.loads((folder / "keypoints.json").read_text())
        points = np.array([known[name]["keypoints"] for name in names], float)
        return cls(points, np.array([max(known[name]["size"]) for name in names], float))

    @property
    def five(self) -> Points:
        """Both eyes, the tip of the nose and the corners of the mouth (n, 5, 2), as of the published set."""
        eyes = [self.points[:, eye].mean(axis=1, keepdims=True) for eye in (LEFT_EYE, RIGHT_EYE)]
        return np.concatenate([*eyes, self.points[:, [NOSE_TIP, *MOUTH_CORNERS]]], axis=1)

    @property
    def between_eyes(self) -> NDArray[np.float64]:
        """The distance (n,) of the centres of both eyes."""
        eyes = self.five[:, :2]
        return np.asarray(np.linalg.norm(eyes[:, 0] - eyes[:, 1], axis=1))


def centroids(labels: NDArray[np.integer], n_parts: int) -> Points:
    """Return the column and row (n_parts, 2) of the centroid of each part of an image; NaN if it has none."""
    found = np.full((n_parts, 2), np.nan)
    for region in regionprops(labels):
        found[region.label - 1] = region.centroid[::-1]
    return found


def errors(centres: Points, landmarks: Landmarks) -> dict[str, float]:
    """Return the error of landmarks predicted from the centroids (n, P, 2) of parts, in per cent.

    Every third photograph in turn is predicted from the others, so that each is once: predictors and targets
    are standardised on those, the map is linear without an intercept, and a part that is missing has the mean
    centroid. The error is the mean distance of landmarks, divided by that of the eyes, averaged over images.

    Raises
    ------
    ValueError
        If there are fewer photographs to learn of than predictors and one.
    """
    count = len(centres)
    turns = np.arange(count) % FOLDS
    found = {"missing": 100 * float(np.isnan(centres[..., 0]).sum()) / max(centres[..., 0].size, 1)}
    predictors = (centres / landmarks.sides[:, None, None]).reshape(count, -1)
    for name, points in (("five", landmarks.five), ("all", landmarks.points)):
        targets = (points / landmarks.sides[:, None, None]).reshape(count, -1)
        far = np.zeros(count)
        for turn in range(FOLDS):
            test = turns == turn
            predicted = predictors[~test], targets[~test], predictors[test]
            off = (regressed(*predicted) - targets[test]).reshape(test.sum(), -1, 2)
            far[test] = np.linalg.norm(off, axis=2).mean(axis=1) * landmarks.sides[test]
        found[name] = 100 * float((far / landmarks.between_eyes).mean())
    return found


def regressed(
    predictors: NDArray[np.float64], targets: NDArray[np.float64], asked: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the targets (m, t) of what is asked (m, p), learned of predictors (n, p) and targets (n, t)."""
    if len(predictors) < predictors.shape[1] + 1:
        raise ValueError(
            f"{predictors.shape[1]} predictors need {predictors.shape[1] + 1} images or more to be learned "
            f"of, got {len(predictors)}; fewer parts or folds will do"
        )
    middle = np.nansum(predictors, axis=0) / np.maximum((~np.isnan(predictors)).sum(axis=0), 1)
    known, wanted = (np.where(np.isnan(values), middle, values) - middle for values in (predictors, asked))
    spread = known.std(axis=0)
    spread[spread == 0] = 1
    height, width = targets.mean(axis=0), targets.std(axis=0)
    weights = np.linalg.lstsq(known / spread, (targets - height) / width, rcond=None)[0]
    return np.asarray(wanted / spread @ weights * width + height)
