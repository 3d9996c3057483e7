"""propagate_labels: a few labelled frames in, a labelled stack out."""

from dataclasses import replace

import numpy as np
import pytest

from napari_vitrail import PROPAGATION, propagate_labels, propagate_labels_steps

TINY = replace(PROPAGATION, descriptor=replace(PROPAGATION.descriptor, stride=4, layer=2), side=64)


def scene(left, top=24, other=None):
    """Return a frame (64, 96) uint8 of a chequered square 24 pixels wide, and maybe a striped one."""
    frame = np.full((64, 96), 60, np.uint8)
    rows, columns = np.indices((24, 24)) // 4
    frame[top : top + 24, left : left + 24] = np.where((rows + columns) % 2, 230, 20)
    if other is not None:
        frame[top : top + 24, other : other + 24] = np.where(rows % 2, 200, 120)
    return frame


def square(left, own=7, top=24):
    labels = np.zeros((64, 96), np.uint16)
    labels[top : top + 24, left : left + 24] = own
    return labels


def overlap(labels, truth):
    return np.logical_and(labels, truth).sum() / np.logical_or(labels, truth).sum()


@pytest.fixture
def moving():
    """Return six frames of a square that moves to the right by a patch each."""
    return np.stack([scene(8 + 8 * index) for index in range(6)])


@pytest.mark.slow
def test_a_label_follows_what_it_lies_on(moving, real_backbone):
    spec = replace(PROPAGATION, side=112)
    labels = propagate_labels(moving, {0: square(8)}, spec, backbone=real_backbone)
    assert labels.dtype == np.uint16
    assert set(np.unique(labels)) == {0, 7}
    assert all(overlap(own == 7, square(8 + 8 * index) > 0) > 0.7 for index, own in enumerate(labels))
    np.testing.assert_array_equal(labels[0], square(8))


def test_frames_come_as_they_are_finished(moving, default_named_backbone):
    steps = propagate_labels_steps(
        moving, {3: square(32)}, TINY, frames=range(1, 6), backbone=default_named_backbone
    )
    frames = [progress.so_far for progress in steps if progress.so_far is not None]
    assert [frame.index for frame in frames] == [3, 2, 1, 4, 5]
    assert [frame.is_given for frame in frames] == [True, False, False, False, False]
    assert {frame.sources for frame in frames} == {(3,)}
