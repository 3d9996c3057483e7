"""Landmarks predicted from the centroids of parts."""

import json

import numpy as np
import pytest

from evals.landmarks import Landmarks, centroids, errors, regressed


@pytest.fixture
def faces():
    """Return thirty faces of 68 landmarks that move and grow as a whole, in photographs of some sizes."""
    rng = np.random.default_rng(0)
    sides = rng.choice([200.0, 300.0], 30)
    shape = rng.uniform(0, 0.4, (68, 2))
    moved = rng.uniform(0.1, 0.4, (30, 1, 2)) + rng.uniform(0.8, 1.2, (30, 1, 1)) * shape
    return Landmarks(moved * sides[:, None, None], sides)


def test_centroids_are_counted_pixel_by_pixel():
    labels = np.random.default_rng(1).integers(0, 3, (9, 7))
    found = centroids(labels, 3)
    for part in (1, 2):
        rows, columns = np.nonzero(labels == part)
        np.testing.assert_allclose(found[part - 1], [columns.mean(), rows.mean()])
    assert np.isnan(found[2]).all()  # no pixel is of the third part


def test_landmarks_that_are_linear_in_the_centroids_are_predicted_without_an_error(faces):
    found = errors(faces.points[:, [3, 20, 60]], faces)
    assert found["five"] == pytest.approx(0, abs=1e-9)
    assert found["all"] == pytest.approx(0, abs=1e-9)
    assert found["missing"] == 0


def test_without_a_part_all_have_the_mean_landmarks_counted_by_hand(faces):
    found = errors(np.zeros((30, 0, 2)), Landmarks(faces.points, np.full(30, 250.0)))
    off = []
    for index, points in enumerate(faces.five):
        mean = np.mean([other for turn, other in enumerate(faces.five) if turn % 3 != index % 3], axis=0)
        off.append(np.mean([np.hypot(*(a - b)) for a, b in zip(points, mean, strict=True)]))
    assert found["five"] == pytest.approx(100 * np.mean(off / faces.between_eyes))


def test_a_missing_part_has_the_mean_centroid_of_those_that_were_learned_of():
    predictors, targets = np.array([[1.0], [3.0], [np.nan]]), np.array([[10.0], [30.0], [20.0]])
    found = regressed(predictors, targets, np.array([[np.nan], [3.0]]))
    np.testing.assert_allclose(found, [[20], [30]])


def test_too_few_photographs_are_refused():
    with pytest.raises(ValueError, match="4 predictors need 5 images or more to be learned of, got 4"):
        regressed(np.ones((4, 4)), np.ones((4, 2)), np.ones((1, 4)))


def test_landmarks_are_read_by_name(tmp_path):
    points = np.arange(136.0).reshape(68, 2)
    known = {name: {"size": [40, 30 + k], "keypoints": (points + k).tolist()} for k, name in enumerate("ab")}
    (tmp_path / "keypoints.json").write_text(json.dumps(known))
    found = Landmarks.of(tmp_path, ["b", "a"])
    np.testing.assert_array_equal(found.points, [points + 1, points])
    np.testing.assert_array_equal(found.sides, [40, 40])
    np.testing.assert_allclose(
        found.five[1], [points[36:42].mean(0), points[42:48].mean(0), *points[[30, 48, 54]]]
    )
    np.testing.assert_allclose(found.between_eyes, np.hypot(12, 12))
