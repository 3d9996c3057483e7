"""Masks of shared objects, and how they are scored."""

import numpy as np
import pytest

from evals.coseg import IN_FULL, coseg_section, scores
from evals.cosegmenters import COSEGMENTERS, TABLES
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
    assert COSEGMENTERS["ours"].spec == COSEGMENTATION
    assert COSEGMENTERS["ours"].measure == "density"


def test_no_two_tables_have_a_recipe_of_the_same_name():
    assert len(COSEGMENTERS) == sum(map(len, TABLES.values()))
    assert set(IN_FULL) <= set(COSEGMENTERS)


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
    assert "| dog | 0.25 (0.90) |" in text


def test_groups_on_which_nothing_was_chosen_are_told_apart():
    rows = [
        {"set": "some", "group": group, "recipe": "ours", "image": "a", "jaccard": score, "precision": 0.9}
        for group, score in [("Dog", 0.2), ("Cat", 0.4), ("Boat", 0.6)]
    ]
    text = coseg_section(rows, "a command", "weights")
    assert "| recipe | some (3) | mean Jaccard | precision | untouched groups |" in text
    assert "| ours | 0.400 | 0.400 | 0.900 | 0.500 |" in text
