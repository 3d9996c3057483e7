"""Motion: where what a frame shows was before, told by windows of places rather than by single ones."""

import numpy as np
import pytest

from napari_vitrail.features import unit_rows
from napari_vitrail.grid import FeatureGrid, Grid
from napari_vitrail.propagation import PropagationSpec, SeenFrame
from napari_vitrail.propagation._motion import composed, motion_between

SHAPE = (12, 20)
GRID = Grid(SHAPE, (6.5, 6.5), (14.0, 14.0))


def seen(descriptors, index=0):
    """Return a frame of 14 pixels a patch."""
    shape = (14 * SHAPE[0], 14 * SHAPE[1])
    values = unit_rows(np.asarray(descriptors, np.float32)).astype(np.float16)
    return SeenFrame(index, shape, GRID, values, np.ones(SHAPE, np.float16), patch=14.0)


def scenery(shape=(40, 40)):
    return np.random.default_rng(0).normal(size=(*shape, 8))


def moved_by(y, x):
    """Return two frames of one scenery, the later of which shows things so many patches further on."""
    world = scenery()
    before, after = (world[10 - dy : 22 - dy, 10 - dx : 30 - dx] for dy, dx in ((0, 0), (y, x)))
    return seen(before), seen(after, 1)


@pytest.mark.parametrize("shift", [(0, 0), (2, -3), (-4, 4)])
def test_offsets_lead_back_to_where_things_were(shift):
    before, after = moved_by(*shift)
    motion = motion_between(after, before, 4.0)
    assert motion.grid == GRID
    np.testing.assert_allclose(np.median(motion.values, axis=(0, 1)), -14.0 * np.array(shift), atol=1)


def test_two_things_may_go_different_ways():
    world, other = scenery(), scenery()[::-1]
    before, after = world[10:22, 10:30].copy(), world[8:20, 10:30].copy()
    before[:, 10:], after[:, 10:] = other[10:22, 10:20], other[12:24, 10:20]
    motion = motion_between(seen(after, 1), seen(before), 4.0).values[..., 0] / 14
    np.testing.assert_allclose(motion[4:8, 1:5], -2, atol=0.3)
    np.testing.assert_allclose(motion[4:8, 15:19], 2, atol=0.3)


def test_where_nothing_is_to_be_seen_nothing_has_moved():
    flat = seen(np.ones((*SHAPE, 8)))
    np.testing.assert_allclose(motion_between(flat, flat, 4.0).values, 0, atol=1e-2)
    assert not motion_between(seen(np.zeros((*SHAPE, 8))), flat, 4.0).values.any()


def test_things_alike_are_told_apart_by_what_is_round_them():
    """Dots of one kind every three patches, marked by the odd one out, shift by two: the nearest is wrong."""
    world = np.tile(np.eye(8)[0], (40, 40, 1))
    world[::3, ::3] = np.eye(8)[1]
    world[12::15, 12::15] = np.eye(8)[2]
    before, after = seen(world[10:22, 10:30]), seen(world[10:22, 12:32], 1)
    np.testing.assert_allclose(motion_between(after, before, 4.0).values[3, 13], (0, 28), atol=3)


def test_a_frame_smaller_than_the_reach_is_no_error():
    grid = Grid((1, 2), (6.5, 6.5), (14.0, 14.0))
    own = unit_rows(np.ones((1, 2, 4), np.float32)).astype(np.float16)
    small = SeenFrame(0, (14, 28), grid, own, np.ones((1, 2), np.float16), patch=14.0)
    assert motion_between(small, small, 4.0).values.shape == (1, 2, 2)


def test_motion_of_two_frames_adds_up_along_the_way():
    ramp = np.zeros((*SHAPE, 2), np.float32)
    ramp[..., 1] = np.arange(SHAPE[1]) * 7.0  # the farther to the right, the more
    step = np.full((*SHAPE, 2), (0.0, 14.0), np.float32)  # of a patch to the right
    total = composed(FeatureGrid(step, GRID), FeatureGrid(ramp, GRID)).values
    np.testing.assert_allclose(total[:, :-1, 1], 14.0 + ramp[:, 1:, 1], atol=1e-3)
    assert not total[..., 0].any()


@pytest.mark.parametrize("motion", [-1.0, 13.0, float("nan")])
def test_motion_beyond_bounds_is_refused(motion):
    with pytest.raises(ValueError, match="motion must be 0 to 12 patches"):
        PropagationSpec(motion=motion)
