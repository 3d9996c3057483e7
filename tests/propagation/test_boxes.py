"""propagate_boxes: boxes of a few frames in, boxes in all frames out."""

from dataclasses import replace

import numpy as np
import pytest

from napari_vitrail import PROPAGATION, TrackedBoxes, propagate_boxes, propagate_boxes_steps
from napari_vitrail.propagation._boxed import _moved
from napari_vitrail.propagation._followed import blended
from napari_vitrail.propagation._following import Found
from tests.propagation.conftest import faces_on_bricks

TINY = replace(PROPAGATION, descriptor=replace(PROPAGATION.descriptor, stride=4, layer=2), side=None)
AT_224 = replace(PROPAGATION, side=224)


def scene(left):
    """Return a frame (64, 96) uint8 of a chequered square 24 pixels wide; None leaves it out."""
    frame = np.full((64, 96), 60, np.uint8)
    if left is not None:
        rows, columns = np.indices((24, 24)) // 4
        frame[24:48, left : left + 24] = np.where((rows + columns) % 2, 230, 20)
    return frame


def box(left):
    return [24, left, 48, left + 24]


def overlap(first, second):
    first, second = np.asarray(first), np.asarray(second)
    sides = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    shared = np.clip(sides, 0, None).prod()
    return shared / ((first[2:] - first[:2]).prod() + (second[2:] - second[:2]).prod() - shared)


@pytest.fixture(scope="module")
def moving():
    """Return five frames of a square that moves to the right by half a patch each."""
    return np.stack([scene(16 + 4 * index) for index in range(5)])


@pytest.fixture
def follow(moving, default_named_backbone):
    """Follow boxes through the moving frames, or others."""

    def followed(boxes, stack=moving, **options):
        return propagate_boxes(stack, boxes, TINY, backbone=default_named_backbone, **options)

    return followed


def large_scene(left):
    """Return the frame of a square twice as large, (128, 192)."""
    return np.kron(scene(None if left is None else left // 2), np.ones((2, 2), np.uint8))


def large_box(left):
    return [48, left, 96, left + 48]


@pytest.mark.slow
def test_a_box_goes_with_what_is_in_it(real_backbone):
    stack = np.stack([large_scene(24 + 4 * index) for index in range(5)])
    tracked = propagate_boxes(stack, {0: [large_box(24)]}, AT_224, backbone=real_backbone)
    assert tracked.frames.tolist() == [0, 1, 2, 3, 4]
    assert tracked.visible.all()
    overlaps = [overlap(own, large_box(24 + 4 * index)) for index, own in enumerate(tracked.boxes)]
    assert min(overlaps) > 0.75  # where the first box would end at 0.5


@pytest.mark.slow
def test_what_is_gone_is_not_visible_and_comes_back(real_backbone):
    stack, _ = faces_on_bricks(100, None, 106)
    spec = replace(PROPAGATION, side=256)
    tracked = propagate_boxes(stack, {0: [[60, 100, 170, 185]]}, spec, backbone=real_backbone)
    assert tracked.visible.tolist() == [True, False, True]
    np.testing.assert_array_equal(tracked.boxes[1], tracked.boxes[0])
    np.testing.assert_allclose(tracked.boxes[2], [60, 106, 170, 191], atol=6)


def test_a_thing_that_stays_keeps_its_box(follow):
    still = np.stack([large_scene(64)] * 3)
    tracked = follow({1: [large_box(64)]}, still)
    np.testing.assert_allclose(tracked.boxes, [large_box(64)] * 3, atol=2)
    assert tracked.given.tolist() == [False, True, False]
    corners = [[47.5, 63.5], [47.5, 111.5], [95.5, 111.5], [95.5, 63.5]]
    np.testing.assert_array_equal(tracked.corner_rows[1], [[1, *corner] for corner in corners])


def test_a_box_moves_and_scales_as_its_core_does():
    core0, core1 = np.array([10.0, 20, 30, 40]), np.array([12.0, 20, 52, 40])
    # rows: twice as large round 12, where 10 was; a box's edges lie half a pixel before its numbers
    moved = _moved(np.array([8.5, 18.5, 32.5, 42.5]), core0, core1)
    np.testing.assert_allclose(moved, [12 + 2 * (8 - 10) + 0.5, 18.5, 12 + 2 * (32 - 10) + 0.5, 42.5])


def test_what_one_side_does_not_see_comes_from_the_other():
    before = Found(np.array([[0.0, 0], [0, 0], [0, 0]]), np.array([1, 0.2, 0.3]))
    after = Found(np.array([[8.0, 4], [8, 4], [8, 4]]), np.array([1, 0.9, 0.1]))
    both = blended(before, after, 0.75)
    np.testing.assert_allclose(both.places, [[2, 1], [8, 4], [2, 1]])
    np.testing.assert_allclose(both.confidence, [1, 0.9, 0.25])


def test_frames_come_as_they_are_finished(moving, default_named_backbone):
    steps = propagate_boxes_steps(
        moving, {0: [box(16)], 3: [box(28)]}, TINY, frames=range(4), backbone=default_named_backbone
    )
    frames = [progress.so_far for progress in steps if progress.so_far is not None]
    assert all(isinstance(frame, TrackedBoxes) and len(frame) == 1 for frame in frames)
    assert [frame.frames[0] for frame in frames] == [0, 3, 1, 2]
    assert [bool(frame.given[0]) for frame in frames] == [True, True, False, False]


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ({0: []}, "at least one"),
        ({0: [[1, 2, 3]]}, r"frame 0 must be \(n, 4\)"),
        ({0: [[5, 5, 5, 9]]}, "those after the last"),
        ({2: [[70, 5, 80, 9]]}, "in frame 2"),
    ],
)
def test_what_are_no_boxes_of_the_stack_is_said(follow, boxes, message):
    with pytest.raises(ValueError, match=message):
        follow(boxes)


@pytest.mark.parametrize("side", [11.5, 12.0, 12.5])
def test_a_box_of_a_single_pixel_is_one_wherever_it_lies(side, follow):
    own = [side, side, side + 1, side + 1]
    np.testing.assert_array_equal(follow({0: [own]}, frames=range(2)).boxes, [own, own])
