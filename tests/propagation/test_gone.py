"""A label is gone whose places look no more like places of it than like others."""

from dataclasses import replace

import numpy as np
import pytest

from napari_vitrail.grid import Grid
from napari_vitrail.propagation import CarriedFrame, PropagationSpec, SeenFrame
from napari_vitrail.propagation._gone import JUDGED, without_gone

SPEC = PropagationSpec(context="all")
FACE, WALL, GRASS, CAT = range(4)


def frame(*kinds):
    """Return a frame of places (1, w), each of a kind; kinds have nothing in common."""
    rows = np.eye(4, dtype=np.float16)[[kinds]]
    return SeenFrame(
        0, (8, 8 * len(kinds)), Grid(rows.shape[:2], (3.5, 3.5), (8.0, 8.0)), rows, np.ones(rows.shape[:2])
    )


def shares(*own):
    """Return background and the shares (1, w) of labels."""
    named = np.array(own, np.float32)[:, None]
    return np.moveaxis(np.concatenate([1 - named.sum(axis=0, keepdims=True), named]), 0, -1)


def carried(seen, values):
    return CarriedFrame(seen, values.astype(np.float16))


@pytest.fixture
def before():
    """Return a frame whose first two places, of a face, are labelled; the others are background."""
    return carried(frame(FACE, FACE, WALL, WALL, GRASS, GRASS), shares([1, 1, 0, 0, 0, 0]))


def test_a_label_whose_places_look_like_ground_is_gone(before):
    kept = without_gone(
        shares([1, 0.6, 0, 0, 0, 0]), frame(WALL, GRASS, WALL, WALL, GRASS, GRASS), [before], SPEC
    )
    np.testing.assert_allclose(kept, shares([0] * 6))


def test_a_label_whose_places_look_like_it_from_any_distance_stays(before):
    own = shares([0, 0, 0, 0, 1, 1])
    seen = frame(WALL, WALL, GRASS, GRASS, FACE, FACE)
    np.testing.assert_array_equal(without_gone(own, seen, [before], SPEC), own)


def test_most_of_the_places_decide(before):
    own = shares([1, 1, 1, 1, 0, 0])
    assert not without_gone(own, frame(FACE, WALL, GRASS, WALL, WALL, WALL), [before], SPEC)[..., 1].any()
    most = frame(FACE, FACE, FACE, WALL, WALL, WALL)
    np.testing.assert_array_equal(without_gone(own, most, [before], replace(SPEC, gone_below=0.7)), own)
    assert not without_gone(own, most, [before], replace(SPEC, gone_below=0.8))[..., 1].any()


def test_the_surer_half_of_the_places_is_asked(before):
    own = shares([1, 1, 0.6, 0.6, 0.6, 0.7])  # in the middle 0.65: two of three that are surer are a face
    seen = frame(FACE, FACE, WALL, GRASS, WALL, WALL)
    np.testing.assert_array_equal(without_gone(own, seen, [before], SPEC), own)
    assert not without_gone(shares([0.6, 0.6, 1, 1, 1, 0.7]), seen, [before], SPEC)[..., 1].any()


def test_any_frame_that_was_asked_may_speak_for_a_label(before):
    turned = carried(frame(CAT, CAT, WALL, WALL, GRASS, GRASS), shares([1, 1, 0, 0, 0, 0]))
    own, seen = shares([1, 1, 0, 0, 0, 0]), frame(CAT, CAT, WALL, WALL, WALL, GRASS)
    np.testing.assert_array_equal(without_gone(own, seen, [before, turned], SPEC), own)


def test_one_label_of_two_may_be_gone():
    values = shares([1, 0, 0, 0], [0, 1, 0, 0])
    before = carried(frame(FACE, CAT, WALL, GRASS), values)
    kept = without_gone(values, frame(FACE, GRASS, WALL, GRASS), [before], SPEC)
    np.testing.assert_allclose(kept, shares([1, 0, 0, 0], [0, 0, 0, 0]))


def test_what_a_gone_label_leaves_is_ground():
    before = carried(frame(FACE, CAT, CAT, GRASS), shares([1, 0, 0, 0], [0, 1, 1, 0]))
    given = shares([0.6, 0, 0, 0], [0.3, 1, 0, 0])
    kept = without_gone(given, frame(GRASS, CAT, WALL, GRASS), [before], SPEC)
    np.testing.assert_allclose(kept, shares([0] * 4, [0.3, 1, 0, 0]), rtol=1e-6)


def test_of_things_that_overlap_in_boxes_each_is_asked():
    both, one = np.array([0, 1, 1.0]), np.array([0, 1, 0.0])
    values = np.array([[both, one, [1, 0, 0], [1, 0, 0]]], np.float32)
    before = carried(frame(FACE, FACE, WALL, GRASS), values)
    ground = np.broadcast_to(np.float32([1, 0, 0]), values.shape)
    kept = without_gone(values, frame(WALL, WALL, WALL, GRASS), [before], SPEC)
    np.testing.assert_allclose(kept, ground)
    outer = without_gone(values, frame(FACE, WALL, WALL, GRASS), [before], replace(SPEC, gone_below=0.7))
    np.testing.assert_allclose(outer[0], [[0, 0, 1], [1, 0, 0], [1, 0, 0], [1, 0, 0]])


def test_ground_that_was_labelled_by_mistake_does_not_speak_for_a_label(before):
    leaked = carried(frame(FACE, WALL, WALL, WALL, GRASS, GRASS), shares([1, 1, 0, 0, 0, 0]))
    own = shares([1, 1, 0, 0, 0, 0])
    kept = without_gone(own, frame(WALL, WALL, WALL, WALL, GRASS, GRASS), [before, leaked], SPEC)
    assert not kept[..., 1].any()


def test_a_label_that_wins_no_place_may_be_gone_too(before):
    faint = shares([0.4, 0.3, 0, 0, 0, 0])
    assert not without_gone(faint, frame(WALL, GRASS, *[WALL] * 4), [before], SPEC)[..., 1].any()


def test_things_of_one_kind_speak_for_each_other():
    values = shares([1, 0, 0, 0], [0, 1, 0, 0])
    before = carried(frame(FACE, FACE, WALL, WALL), values)
    np.testing.assert_array_equal(without_gone(values, frame(FACE, FACE, WALL, WALL), [before], SPEC), values)
    assert not without_gone(values, frame(WALL, WALL, WALL, WALL), [before], SPEC)[..., 1:].any()


def test_scribbles_without_ground_speak_against_each_other():
    scribbled = replace(SPEC, mode="scribble")
    values = shares([1, 0, 0, 0], [0, 1, 1, 0])[..., 1:]
    before = carried(frame(FACE, CAT, CAT, WALL), values)
    kept = without_gone(values, frame(CAT, CAT, CAT, WALL), [before], scribbled)
    np.testing.assert_allclose(kept, [[[0, 0], [0, 1], [0, 1], [0, 0]]])
    lone = carried(frame(FACE, CAT, CAT, WALL), values[..., :1])
    own = values[..., :1]
    np.testing.assert_array_equal(without_gone(own, frame(CAT, CAT, CAT, WALL), [lone], scribbled), own)


def test_of_a_large_label_places_all_over_are_looked_at():
    count = 6 * JUDGED  # all are as sure
    before = carried(frame(*[FACE] * count, WALL), shares([1] * count + [0]))
    own = shares([1] * count + [0])
    seen = frame(*[FACE] * (2 * JUDGED), *[WALL] * (4 * JUDGED + 1))
    assert not without_gone(own, seen, [before], SPEC)[..., 1].any()
