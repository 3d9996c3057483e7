"""Objects of a segmentation, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from napari_vitrail import find_instances


@pytest.fixture
def classes():
    """Return two bars of class 2, one of them of two pixels, and a square of class 7 that touches one."""
    segmentation = np.ones((20, 30), np.uint8)
    segmentation[2:6, 2:12] = 2
    segmentation[10, 20:22] = 2
    segmentation[6:12, 2:8] = 7
    return segmentation


def discs(*centres, shape=(40, 60), radius=9):
    """Return discs of class 1 on a ground of 0."""
    places = np.indices(shape)
    segmentation = np.zeros(shape, int)
    for centre in centres:
        apart = sum((own - at) ** 2 for own, at in zip(places, centre, strict=True))
        segmentation[apart <= radius**2] = 1
    return segmentation


def test_connected_pixels_of_a_class_are_one_object(classes):
    instances = find_instances(classes, 2)
    assert instances.max() == 2
    np.testing.assert_array_equal(instances > 0, classes == 2)
    assert len(np.unique(instances[2:6, 2:12])) == 1


def test_pixels_that_touch_at_a_corner_are_two_objects():
    assert find_instances(np.eye(3, dtype=int), 1).max() == 3


def test_objects_of_two_classes_are_two(classes):
    instances = find_instances(classes, [7, 2])
    assert instances.max() == 3
    assert instances[5, 4] != instances[6, 4]


def test_small_objects_are_left_out_and_the_rest_numbered_from_1(classes):
    instances = find_instances(classes, [2, 7], min_size=3)
    assert np.unique(instances).tolist() == [0, 1, 2]
    assert not instances[10, 20:22].any()
    assert find_instances(classes, 2, min_size=2).max() == 2


def test_objects_that_touch_are_cut_at_their_neck():
    segmentation = discs((20, 20), (20, 36))
    assert find_instances(segmentation, 1).max() == 1
    instances = find_instances(segmentation, 1, split=True)
    assert instances.max() == 2
    np.testing.assert_array_equal(instances > 0, segmentation == 1)
    assert len(np.unique(instances[16:25, 14:26])) == len(np.unique(instances[16:25, 31:43])) == 1


def test_a_neck_that_is_hardly_thinner_is_not_cut():
    segmentation = discs((20, 20), (20, 23))
    assert find_instances(segmentation, 1, split=True).max() == 1
    assert find_instances(discs((20, 20), (20, 36)), 1, split=True, neck=9).max() == 1


def test_what_is_too_thin_for_a_neck_stays(classes):
    instances = find_instances(classes, 2, split=True, neck=5)
    np.testing.assert_array_equal(instances > 0, classes == 2)
    assert instances.max() == 2


def test_balls_are_cut_apart_and_counted_once_through_a_stack():
    segmentation = discs((10, 12, 12), (10, 12, 26), shape=(20, 24, 40), radius=8)
    assert find_instances(segmentation, 1).max() == 1
    assert find_instances(segmentation, 1, split=True).max() == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"class_ids": 9}, r"class_ids must be classes of the segmentation \(1, 2, 7\), got \[9\]"),
        (
            {"segmentation": np.ones(4, int)},
            r"\(H, W\) or \(Z, H, W\), got shape \(4,\)",
        ),
        ({"segmentation": np.ones((4, 4))}, "whole numbers, got data type float64"),
        ({"min_size": -1}, "min_size must be 0 or more, got -1"),
        ({"neck": 0}, "neck must be more than 0, got 0"),
    ],
)
def test_what_cannot_be_counted_is_said(classes, arguments, message):
    with pytest.raises(ValueError, match=message):
        find_instances(**{"segmentation": classes, "class_ids": 2, **arguments})
