"""Quality: whether labels are sure, and find their way back."""

from dataclasses import replace

import numpy as np
import pytest

from napari_vitrail.grid import Grid
from napari_vitrail.propagation import CarriedFrame, PropagationSpec, SeenFrame
from napari_vitrail.propagation._quality import Quality

SPEC = PropagationSpec(topk=1, context="all", radius=0.0)


def frame(kinds, index=0):
    """Return a frame of places (h, w), each of a kind that is like no other kind."""
    kinds = np.asarray(kinds)
    grid = Grid(kinds.shape, (3.5, 3.5), (8.0, 8.0))
    descriptors = np.eye(kinds.max() + 1, dtype=np.float16)[kinds]
    return SeenFrame(
        index, (8 * kinds.shape[0], 8 * kinds.shape[1]), grid, descriptors, np.ones(kinds.shape, np.float16)
    )


def labelled(seen, shares):
    shares = np.asarray(shares, np.float16)
    return CarriedFrame(seen, np.stack([1 - shares, shares], axis=-1))


@pytest.fixture
def given():
    """Return a frame of six places, of which the first two are labelled."""
    return labelled(frame([[0, 1, 2, 3, 4, 5]]), [[1, 1, 0, 0, 0, 0]])


@pytest.mark.parametrize(
    ("shares", "overlap"),
    [([[0, 0, 0, 0, 1, 1]], 1), ([[0, 0, 0, 0, 0, 1]], 1 / 2), ([[0, 0, 1, 1, 1, 1]], 1 / 2), ([[0] * 6], 0)],
    ids=["all", "half", "and as much again", "nothing"],
)
def test_labels_are_compared_where_they_come_back_to(shares, overlap, given):
    mirrored = labelled(frame([[5, 4, 3, 2, 1, 0]], 1), shares)
    assert Quality(given, (0, 9), SPEC).way_back(mirrored) == pytest.approx(overlap)
    assert Quality(given, (0, 9), SPEC).of(mirrored) == pytest.approx(np.sqrt(overlap))


@pytest.mark.parametrize(("index", "overlap"), [(1, 0), (4, 0), (5, 1)])
def test_what_looks_alike_answers_for_a_thing_only_where_it_may_have_come_from(index, overlap):
    alike = replace(frame([[0, 1, 2, 3, 4, 0]]), patch=8.0)
    given = labelled(alike, [[1, 0, 0, 0, 0, 0]])
    astray = labelled(replace(alike, index=index), [[0, 0, 0, 0, 0, 1]])
    assert Quality(given, (0, 9), replace(SPEC, motion=0.0, radius=1.0)).way_back(astray) == pytest.approx(
        overlap
    )


def test_what_a_frame_cannot_tell_of_itself_is_not_asked_of_others():
    blurred = labelled(frame([[0, 0, 1, 2]]), [[1, 0, 0, 0]])
    later = labelled(replace(blurred.frame, index=1), [[1, 0, 0, 0]])
    assert Quality(blurred, (0, 9), SPEC).way_back(later) == 1


def test_labels_that_are_hardly_surer_than_a_tie_are_not_trusted(given):
    faint = labelled(given.frame, [[0.75, 0.75, 0, 0, 0, 0]])
    assert Quality(given, (0, 9), SPEC).way_back(faint) == pytest.approx(0.75)
    assert Quality(given, (0, 9), SPEC).of(faint) == pytest.approx(np.sqrt(0.75 * 2 / 3), abs=1e-3)


def test_nothing_is_right_where_nothing_was_given(given):
    empty = labelled(given.frame, [[0.0] * 6])
    assert Quality(empty, (0, 9), SPEC).of(empty) == 1
