"""A label that the labelled frame does not back from any distance is gone."""

from dataclasses import replace

import numpy as np
import pytest

from napari_vitrail.grid import Grid
from napari_vitrail.propagation import CarriedFrame, PropagationSpec, SeenFrame
from napari_vitrail.propagation._afar import votes_from_afar, without_gone

SPEC = PropagationSpec(topk=1, context="all")


def frame(kinds, shift=0.0):
    """Return a frame of places (1, w), each of a kind; a shift is what the frame as a whole looks like."""
    kinds = np.asarray(kinds)
    rows = np.eye(5)[kinds] + [0, 0, 0, 0, shift]
    rows = (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float16)
    return SeenFrame(0, (8, 8 * kinds.shape[1]), Grid(kinds.shape, (3.5, 3.5), (8.0, 8.0)), rows)


@pytest.fixture
def given():
    """Return a frame whose first two places, of kind 0, are labelled 1; the others are background."""
    shares = np.array([[1, 1, 0, 0, 0, 0]])
    values = np.stack([1 - shares, shares], axis=-1).astype(np.float16)
    return CarriedFrame(frame([[0, 0, 1, 1, 2, 2]]), values)


def shares(*own):
    return np.stack([1 - np.array([own]), np.array([own])], axis=-1).astype(np.float32)


@pytest.mark.parametrize("shift", [0.0, 3.0])
def test_places_are_asked_for_from_any_distance_whatever_all_of_a_frame_looks_like(given, shift):
    votes = votes_from_afar(given, frame([[1, 2, 2, 1, 0, 0]], shift), SPEC)
    np.testing.assert_allclose(votes[..., 1], [[0, 0, 0, 0, 1, 1]])


def test_a_label_whose_places_look_like_ground_is_gone(given):
    np.testing.assert_allclose(
        without_gone(shares(1, 0.5, 0, 0, 0, 0), frame([[1, 2, 1, 1, 2, 2]]), given, SPEC), shares(*[0] * 6)
    )


def test_a_label_that_is_backed_in_part_stays_as_it_is(given):
    own = shares(1, 1, 0.5, 0, 0, 0)  # one of two and a half: 0.4
    seen = frame([[1, 0, 1, 1, 2, 2]])
    np.testing.assert_array_equal(without_gone(own, seen, given, SPEC), own)
    assert not without_gone(own, seen, given, replace(SPEC, gone_below=0.5))[..., 1].any()


def test_one_label_of_two_may_be_gone():
    first, second = np.array([[1, 0, 0, 0]]), np.array([[0, 1, 0, 0]])
    values = np.stack([1 - first - second, first, second], axis=-1).astype(np.float16)
    given = CarriedFrame(frame([[0, 1, 2, 2]]), values)
    kept = without_gone(values.astype(np.float32), frame([[0, 2, 2, 2]]), given, SPEC)
    np.testing.assert_allclose(kept[..., 1], first)
    np.testing.assert_allclose(kept[..., 2], 0)
    np.testing.assert_allclose(kept.sum(axis=-1), 1)


def test_things_of_one_kind_back_each_other():
    first, second = np.array([[1, 0, 0, 0, 0, 0]]), np.array([[0, 0, 1, 0, 0, 0]])
    values = np.stack([1 - first - second, first, second], axis=-1).astype(np.float16)
    seen = frame([[0, 1, 0, 2, 1, 2]])  # from afar each is half the one and half the other
    given, own = CarriedFrame(seen, values), values.astype(np.float32)
    wary = replace(SPEC, gone_below=0.6)
    np.testing.assert_array_equal(without_gone(own, seen, given, wary), own)
    assert without_gone(own, frame([[1, 1, 2, 2, 1, 2]]), given, wary)[..., 0].all()
