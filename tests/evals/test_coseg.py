"""Masks of shared objects, and how they are scored."""

import numpy as np
import pytest

from evals.coseg import RECIPES, coseg_section, scores
from napari_vitrail import COSEGMENTATION, Consensus


def test_a_mask_is_scored_by_its_overlap_and_by_all_pixels_that_are_right():
    truth = np.zeros((10, 10), bool)
    truth[:4, :5] = True
    mask = np.zeros_like(truth)
    mask[2:6, :5] = True
    assert scores(mask, truth) == {"jaccard": pytest.approx(10 / 30), "precision": pytest.approx(0.8)}
    assert scores(~np.ones_like(truth), ~np.ones_like(truth)) == {"jaccard": 1.0, "precision": 1.0}


def test_the_default_is_the_recipe_called_ours():
    assert COSEGMENTATION.how == Consensus()
    assert RECIPES["ours"].saliency == COSEGMENTATION.saliency


def test_groups_weigh_alike_and_then_sets():
    rows = [
        {"set": name, "group": group, "recipe": "ours", "image": str(row), "jaccard": score, "precision": 0.9}
        for row, (name, group, score) in enumerate(
            [("some", "cat", 1.0), ("some", "dog", 0.0), ("some", "dog", 0.5), ("other", "cow", 0.875)]
        )
    ]
    text = coseg_section(rows, "a command", "weights")
    assert "| recipe | some (3) | other (1) | mean Jaccard | precision |" in text
    assert "| ours | 0.625 | 0.875 | 0.750 | 0.900 |" in text
    assert "| dog | 0.25 |" in text
