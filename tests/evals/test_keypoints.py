"""Keypoints carried from picture to picture, and how they are scored."""

import numpy as np
import pytest

from evals.keypoints import RECIPES, Marked, keypoints_section, scores
from napari_vitrail import MATCHING


@pytest.fixture
def target():
    """Return a picture of 200 x 100 pixels with four keypoints in a box of 40 pixels."""
    points = np.array([[20.0, 20.0], [20.0, 60.0], [50.0, 20.0], [50.0, 60.0]])
    return Marked("target", np.zeros((200, 100), np.uint8), points)


def test_points_count_that_are_near_enough(target):
    off = np.array([[0.0, 0.0], [4.5, 0.0], [0.0, 12.0], [25.0, 0.0]])
    assert scores(target.points + off, target) == {"image": 0.75, "half": 0.5, "box": 0.25}


def test_the_default_is_among_the_recipes_and_so_is_the_published_one():
    assert RECIPES["ours"].spec == MATCHING
    published = RECIPES["Amir et al., 224 x 224"]
    assert published.square
    assert (published.spec.bins, published.spec.descriptor.stride) == (2, 4)


def test_classes_weigh_alike_however_many_pairs_they_have():
    rows = [
        {"set": "pictures", "class": kind, "recipe": "ours", "source": str(row), "target": "t",
         "image": score, "half": 0.0, "box": 0.5}
        for row, (kind, score) in enumerate([("cat", 1.0), ("dog", 0.0), ("dog", 0.5)])
    ]  # fmt: skip
    text = keypoints_section(rows, "a command", "weights")
    assert "### pictures, 3 pairs" in text
    assert "| ours | 100.0 | 25.0 | 62.5 | 0.0 | 50.0 |" in text
