"""Baselines that find the object of one image, and how boxes and masks are scored."""

import numpy as np
import pytest

from evals.discovery import lost, token_cut
from evals.objects import boxes_of, objects_section
from evals.scenes import foreground_iou, is_localised
from napari_vitrail.objects import overlaps


@pytest.fixture
def blob():
    """Return tokens (9, 12, 16) of a ground and of a smaller object, and where that is."""
    rng = np.random.default_rng(0)
    ground, thing = np.linalg.qr(rng.normal(size=(16, 2)))[0].T
    is_object = np.zeros((9, 12), bool)
    is_object[2:6, 3:8] = True
    tokens = np.where(is_object[..., None], thing - 0.2 * ground, ground - 0.2 * thing)
    return tokens + rng.normal(0, 0.02, tokens.shape), is_object


@pytest.mark.parametrize("find", [lost, token_cut])
def test_a_baseline_finds_what_is_unlike_its_surroundings(find, blob):
    tokens, is_object = blob
    found = find(tokens)
    np.testing.assert_array_equal(found.main, is_object)
    assert found.scores[is_object].min() > found.scores[~is_object].max()


def test_what_is_apart_from_the_seed_is_of_the_partition_only(blob):
    tokens, is_object = blob
    tokens[8, 11] = tokens[3, 4]
    found = token_cut(tokens)
    assert found.partition[8, 11]
    assert not found.main[8, 11]
    np.testing.assert_array_equal(found.main, is_object)


def test_boxes_overlap_by_what_they_share_of_what_both_cover():
    boxes = np.array([[0, 0, 10, 10], [0, 5, 10, 15], [20, 20, 30, 30]])
    np.testing.assert_allclose(overlaps(boxes[:1], boxes), [[1, 1 / 3, 0]])
    assert is_localised(boxes[[2, 0]], boxes[:1])
    assert not is_localised(boxes[1:], boxes[:1])
    assert not is_localised(boxes[:0], boxes)


def test_the_largest_component_is_boxed_first_and_specks_are_not():
    mask = np.zeros((60, 80), bool)
    mask[2:22, 3:18] = True
    mask[30:60, 40:80] = True
    mask[25:27, 2:4] = True
    assert boxes_of(mask).tolist() == [[30, 40, 60, 80], [2, 3, 22, 18]]
    assert boxes_of(np.zeros((5, 5), bool)).shape == (0, 4)


def test_an_empty_mask_of_nothing_scores_nothing():
    nothing = np.zeros((4, 4), bool)
    assert foreground_iou(nothing, nothing) == 0
    assert foreground_iou(~nothing, ~nothing) == 1


def test_the_table_has_only_the_scores_that_a_set_has_truth_for():
    rows = [
        {"set": "masks", "image": "a", "recipe": "ours", "iou": 0.5},
        {"set": "masks", "image": "b", "recipe": "ours", "iou": 1.0},
        {"set": "boxes", "image": "c", "recipe": "ours", "single": True, "multi": True, "boxes": 3},
    ]
    text = objects_section(rows, "a command", "weights")
    assert "| foreground IoU, masks (2) | CorLoc, first box, boxes (1) |" in text
    assert "| ours | 0.750 (0.50-1.00) | 1.000 (1.00-1.00) | 1.000 (1.00-1.00) | 3.0 |" in text
