"""propagate_points: points of a few frames in, tracks through the stack out."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from napari_vitrail import PROPAGATION, Tracks, propagate_points, propagate_points_steps

TINY = replace(PROPAGATION, descriptor=replace(PROPAGATION.descriptor, stride=4, layer=2), side=None)
STEP = np.array([2.5, -3.25])
"""Rows and columns that everything moves from one frame to the next."""


@pytest.fixture(scope="module")
def texture():
    """Return (64, 96) of smooth noise, which looks different everywhere."""
    noise = gaussian_filter(np.random.default_rng(0).normal(size=(64, 96)), 2)
    return (255 * (noise - noise.min()) / np.ptp(noise)).astype(np.float32)


@pytest.fixture(scope="module")
def moving(texture):
    """Return five frames of which each lies `STEP` farther."""
    frames = [shift(texture, STEP * index, order=3, mode="grid-wrap") for index in range(5)]
    return np.stack(frames).clip(0, 255).round().astype(np.uint8)


@pytest.fixture
def follow(moving, default_named_backbone):
    """Follow points through the moving frames, or others."""

    def followed(points, stack=moving, **options):
        return propagate_points(stack, points, TINY, backbone=default_named_backbone, **options)

    return followed


def test_points_go_with_what_they_lie_on_to_parts_of_a_pixel(follow):
    starts = np.array([[20.5, 60.0], [33.0, 45.25]])
    tracks = follow({0: starts})
    assert tracks.ids.tolist() == [0] * 5 + [1] * 5
    assert tracks.frames.tolist() == [0, 1, 2, 3, 4] * 2
    assert tracks.visible.all()
    expected = starts[:, None] + STEP * np.arange(5)[:, None]
    np.testing.assert_allclose(tracks.points.reshape(2, 5, 2), expected, atol=0.3)


def test_points_go_back_as_well_as_forth(follow):
    tracks = follow({2: [[30, 50]]})
    np.testing.assert_allclose(tracks.points, [30, 50] + STEP * np.arange(-2, 3)[:, None], atol=0.3)
    assert follow({2: [[30, 50]]}, direction="backward").frames.tolist() == [0, 1, 2]
    assert follow({2: [[30, 50]]}, frames=range(3, 5)).frames.tolist() == [3, 4]


def test_a_point_that_is_hidden_is_not_visible_and_is_found_again(moving, follow):
    covered = moving.copy()
    covered[2, :, :48] = 128
    tracks = follow({0: [[30, 36.0], [30, 80]]}, covered)
    assert tracks.visible.reshape(2, 5).tolist() == [[True, True, False, True, True], [True] * 5]
    np.testing.assert_allclose(tracks.points[4], [30, 36] + 4 * STEP, atol=0.3)
    np.testing.assert_array_equal(tracks.points[2], tracks.points[1])
    assert tracks.track_rows[:5, :2].tolist() == [[0, 0], [0, 1], [0, 3], [0, 4], [1, 0]]
    np.testing.assert_array_equal(tracks.point_rows, tracks.track_rows[:, 1:])


def test_a_correction_is_kept_and_pulls_what_lies_between(follow):
    # the second is 4 rows off what shows the same: half way both count the same
    wrong = np.array([[30, 50] + 4 * STEP + [4, 0]])
    tracks = follow({0: [[30, 50], [40, 60]], 4: wrong}, ids={0: [7, 3], 4: [7]})
    assert tracks.ids.tolist() == [3] * 5 + [7] * 5
    corrected = tracks[tracks.ids == 7]
    assert corrected.given.tolist() == [True, False, False, False, True]
    np.testing.assert_array_equal(corrected.points[4], wrong[0])
    np.testing.assert_allclose(corrected.points[2], [30, 50] + 2 * STEP + [2, 0], atol=0.3)
    np.testing.assert_allclose(tracks.points[4], [40, 60] + 4 * STEP, atol=0.3)


def test_frames_come_as_they_are_finished(moving, default_named_backbone):
    steps = propagate_points_steps(moving, {1: [[30, 50]]}, TINY, backbone=default_named_backbone)
    frames = [progress.so_far for progress in steps if progress.so_far is not None]
    assert all(isinstance(frame, Tracks) and len(frame) == 1 for frame in frames)
    assert [frame.frames[0] for frame in frames] == [1, 0, 2, 3, 4]
    assert [bool(frame.given[0]) for frame in frames] == [True, False, False, False, False]


@pytest.mark.parametrize(
    ("points", "ids", "message"),
    [
        ({}, None, "at least one"),
        ({0: []}, None, "at least one"),
        ([[1, 2]], None, "mapping of frames"),
        ({5: [[1, 2]]}, None, "frames 0 to 4, got 5"),
        ({"first": [[1, 2]]}, None, "whole numbers from 0, got 'first'"),
        ({0: [[1, 2, 3]]}, None, r"frame 0 must be \(n, 2\), got shape \(1, 3\)"),
        ({0: [[1, np.nan]]}, None, "finite"),
        ({0: [[1, 2]], 3: [[1, 96]]}, None, r"\(64, 96\), got \[1.0, 96.0\] in frame 3"),
        ({0: [[1, 2], [3, 4]]}, {0: [5, 5]}, "2 different whole numbers"),
        ({0: [[1, 2]]}, {0: [5], 1: [5]}, "got frame 1"),
        ({0: [[1, 2]], 1: [[1, 2]]}, {0: [5]}, "frame 1 has none"),
    ],
)
def test_what_are_no_points_of_the_stack_is_said(follow, points, ids, message):
    with pytest.raises(ValueError, match=message):
        follow(points, ids=ids)


def test_frames_that_no_point_reaches_are_said(follow):
    with pytest.raises(ValueError, match="frames must be such that they are reached"):
        follow({3: [[1, 2]]}, frames=range(2), direction="forward")


@pytest.mark.slow
def test_points_on_a_photograph_follow_it_when_it_turns(real_backbone):
    from skimage.data import chelsea
    from skimage.transform import rotate

    cat = chelsea()[60:228, 130:298]
    frames = [(255 * rotate(cat, 5 * index, mode="reflect")).astype(np.uint8) for index in range(4)]
    starts = np.array([[60.0, 60], [60, 110], [110, 84]])
    tracks = propagate_points(frames, {0: starts}, replace(PROPAGATION, side=168), backbone=real_backbone)
    angles = np.deg2rad(5 * np.arange(4))
    turns = np.array([[np.cos(angles), -np.sin(angles)], [np.sin(angles), np.cos(angles)]])
    expected = np.einsum("abt,nb->nta", turns, starts - 83.5) + 83.5
    errors = np.linalg.norm(tracks.points.reshape(3, 4, 2) - expected, axis=-1)[:, 1:]
    assert np.median(errors) < 1  # a pixel
    assert errors.max() < 7  # half a patch: one point lies on an edge, along which it may slip
