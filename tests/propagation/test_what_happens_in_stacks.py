"""What happens in stacks and movies, with the real network: things vanish, touch, brighten, turn colour."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import binary_fill_holes, gaussian_filter
from skimage.data import coins
from skimage.filters import gaussian
from skimage.measure import label
from skimage.morphology import remove_small_objects

from napari_vitrail import PROPAGATION, propagate_labels, propagate_labels_steps
from tests.propagation.conftest import REAL, SHAPE, faces_on_bricks, overlap, scene, square

pytestmark = pytest.mark.slow


def grey(frames):
    return frames


def colour(frames):
    return np.stack([frames, frames // 2, 255 - frames], axis=-1)


def sixteen_bit(frames):
    return frames.astype(np.uint16) * 100 + 1000


def darkening(frames):
    return (frames * np.linspace(1, 0.3, len(frames))[:, None, None]).astype(np.float32)


def on_ground(frame):
    """Return a frame whose calm ground is rough, so that it looks like itself without things on it."""
    rough = gaussian_filter(np.random.default_rng(0).normal(0, 80, SHAPE), 2)
    return np.where(frame == 60, np.clip(60 + rough, 0, 255), frame).astype(np.uint8)


@pytest.mark.parametrize("kind", [grey, colour, sixteen_bit, darkening])
def test_a_label_follows_what_it_lies_on(kind, moving, real_backbone):
    labels = propagate_labels(kind(moving[:4]), {0: square(8)}, REAL, backbone=real_backbone)
    assert set(np.unique(labels)) == {0, 7}
    assert min(overlap(own, 8 + 8 * index) for index, own in enumerate(labels)) > 0.75


def test_what_vanishes_leaves_nothing_and_returns_as_what_it_was(real_backbone):
    places = [32, 34, None, None, 38, 40]
    stack = np.stack([on_ground(scene(place)) for place in places])
    frames = {}
    for progress in propagate_labels_steps(stack, {0: square(32)}, REAL, backbone=real_backbone):
        if progress.so_far is not None:
            frames[progress.so_far.index] = progress.so_far
    for index, place in enumerate(places):
        if place is None:
            assert np.mean(frames[index].labels > 0) < 0.02
        else:
            assert overlap(frames[index].labels, place) > 0.7
    assert frames[3].quality < min(frames[1].quality, frames[5].quality)  # that nothing is left shows


def test_a_thing_too_large_for_anything_else_to_be_within_reach_vanishes_and_returns(real_backbone):
    stack, truth = faces_on_bricks(100, None, 106)
    spec = replace(PROPAGATION, side=256)
    labels = propagate_labels(stack, {0: truth[0].astype(np.uint8)}, spec, backbone=real_backbone)
    assert not labels[1].any()
    assert np.logical_and(labels[2], truth[2]).sum() > 0.8 * np.logical_or(labels[2], truth[2]).sum()


def test_things_that_touch_keep_their_ids(real_backbone):
    stack = np.stack([scene(8 + 4 * index, 32 + 4 * index) for index in range(4)])
    given = square(8, 3) + square(32, 12)
    labels = propagate_labels(stack, {0: given}, REAL, backbone=real_backbone)
    assert set(np.unique(labels)) == {0, 3, 12}
    for index, own in enumerate(labels):
        assert overlap(own, 8 + 4 * index, 3) > 0.7
        assert overlap(own, 32 + 4 * index, 12) > 0.7


def test_a_crowd_keeps_its_ids_while_the_camera_pans(real_backbone):
    """A coin comes closer to where its neighbour was than to where it was itself, in the labelled frame."""
    table = coins()
    bright = binary_fill_holes(gaussian(table, 1.5) > gaussian(table, 40) + 0.05)
    truth = label(remove_small_objects(bright, max_size=300)).astype(np.uint8)
    views = [(slice(40 - 2 * at, 230 - 2 * at), slice(10 + 14 * at, 250 + 14 * at)) for at in range(3)]
    stack, given = np.stack([table[view] for view in views]), truth[views[0]]
    labels = propagate_labels(stack, {0: given}, replace(PROPAGATION, side=256), backbone=real_backbone)
    last = truth[views[2]]
    in_both = [own for own in range(1, 256) if min((part == own).sum() for part in (given, last)) > 300]
    assert len(in_both) > 10
    assert min((labels[2][last == own] == own).mean() for own in in_both) > 0.8


def test_a_labelled_frame_without_labels_ends_a_thing(real_backbone):
    stack = np.stack([on_ground(scene(place)) for place in (32, 34, None, None)])
    given = {0: square(32), 2: np.zeros(SHAPE, np.uint16)}
    labels = propagate_labels(stack, given, REAL, backbone=real_backbone)
    assert not labels[2:].any()
    assert labels[0].any()
