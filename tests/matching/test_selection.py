"""Which nearest neighbours are proposed, and which move as their neighbours do."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from skimage.data import astronaut

from napari_vitrail import MATCHING, MatchingSpec, drain, find_correspondences, find_steps, see_pair
from napari_vitrail.features import DescriptorGrid
from napari_vitrail.grid import FeatureGrid, Grid
from napari_vitrail.matching._guided import _peaks
from napari_vitrail.matching._neighbours import moves_along
from napari_vitrail.matching._selection import nearest_pairs

TINY = MatchingSpec(
    replace(MATCHING.descriptor, layer=2, stride=4),
    side=96,
    guide=(1, "token"),
    fine=(0, "token"),
    window=7.0,
)
SHIFT = np.array([16, -8])


@pytest.fixture(scope="module")
def pair(tiny_backbone):
    """Return two crops (96, 96, 3), seen; p in the first is p - SHIFT in the second."""
    picture = astronaut()
    parts = [picture[y : y + 96, x : x + 96] for y, x in ((40, 140), (40 + SHIFT[0], 140 + SHIFT[1]))]
    return see_pair(*parts, TINY, backbone=tiny_backbone)


def share_right(found):
    """Return the share of pairs that are within three pixels of the shift."""
    return np.mean(np.linalg.norm(found.points0 - found.points1 - SHIFT, axis=1) < 3)


def pairs_of(pair, **options):
    return drain(find_steps(pair, n_pairs=None, saliency_threshold=0, **options))


def test_without_the_mutual_check_every_place_has_a_partner(pair):
    every, buddies = pairs_of(pair, mutual=False), pairs_of(pair)
    assert len(every) > 1.2 * len(buddies)
    assert share_right(every) < share_right(buddies)
    mine = {tuple(point) for point in every.points0.round(3)}
    assert {tuple(point) for point in buddies.points0.round(3)} <= mine


def test_pairs_that_are_distinct_are_fewer_and_better(pair):
    every, distinct = pairs_of(pair, mutual=False), pairs_of(pair, mutual=False, ratio=0.9)
    assert 0 < len(distinct) < len(every)
    assert share_right(distinct) > share_right(every)


def test_pairs_consistent_with_a_shift_are_right(pair):
    every, shifted = pairs_of(pair, mutual=False), pairs_of(pair, mutual=False, consistent_with="translation")
    assert 0 < len(shifted) < len(every)
    assert share_right(shifted) > share_right(every)
    bent = pairs_of(pair, consistent_with="thin-plate")
    assert 0 < len(bent) <= len(pairs_of(pair))


def seen(rows):
    """Return what stands for a seen image with one row of four cells, a patch apart."""
    grid = Grid((1, 4), (3.5, 3.5), (8.0, 8.0))
    values = np.array(rows, np.float32)[None]
    values = values / np.linalg.norm(values, axis=2, keepdims=True)
    return SimpleNamespace(
        descriptors=DescriptorGrid.of(FeatureGrid(values, grid)),
        backbone=SimpleNamespace(info=SimpleNamespace(patch_size=8)),
        holds=lambda points: np.ones(len(points), bool),
    )


def test_the_ratio_compares_with_the_next_best_place():
    # cell 0 has one partner, cell 1 two that are alike, cells 2 and 3 lie exactly between two
    first = seen([[1, 0, 0, 0.2], [0, 1, 0, 0], [0, 0.1, 1, 0], [0, 0, 1, 0]])
    second = seen([[1, 0, 0, 0], [0, 1, 0.05, 0], [0, 1, -0.05, 0], [0, 0, 1, 0]])
    pair = SimpleNamespace(seen0=first, seen1=second)
    points0, points1, _ = nearest_pairs(pair, mutual=False, ratio=0.8)
    assert points0[:, 1].tolist() == [3.5, 19.5, 27.5]
    assert points1[:, 1].tolist() == [3.5, 27.5, 27.5]
    assert len(nearest_pairs(pair, mutual=False, ratio=None)[0]) == 4
    assert nearest_pairs(pair, mutual=True, ratio=0.8)[0][:, 1].tolist() == [3.5, 27.5]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ratio": 0.0}, "ratio must be above 0 and up to 1, or None for no test, got 0.0"),
        ({"consistent_with": "elastic"}, "unknown kind 'elastic' of consistent_with; known: translation"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_computed(options, message):
    with pytest.raises(ValueError, match=message):
        find_correspondences(np.zeros((9, 9)), np.zeros((9, 9)), **options)


def test_a_pair_that_moves_against_its_neighbours_is_found():
    places = np.stack(np.mgrid[0:50:10, 0:50:10], axis=-1).reshape(-1, 2).astype(float)
    moved = places * [1.0, 1.1] + [30, 5]  # a gentle stretch
    moved[12] += [9, 0]
    assert np.flatnonzero(~moves_along(places, moved, 3, 0.5)).tolist() == [12]
    assert not moves_along(places[:1], moved[:1], 3, 0.5).any()
    assert len(moves_along(places[:0], moved[:0], 3, 0.5)) == 0


def test_a_peak_is_found_between_the_steps_and_not_at_the_rim_or_on_a_plain():
    steps = np.arange(5) - 2.0
    hill = 1 - 0.1 * ((steps[:, None] - 0.3) ** 2 + (steps + 0.4) ** 2)
    slope = np.broadcast_to(steps, (5, 5))
    plain = np.zeros((5, 5))
    moved, sure = _peaks(np.stack([hill, slope, plain]).astype(np.float32), 0.05)
    np.testing.assert_allclose(moved[0], [0.3, -0.4], atol=1e-5)
    assert sure.tolist() == [True, False, False]
