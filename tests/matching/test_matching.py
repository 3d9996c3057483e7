"""Correspondences between two images."""

from dataclasses import replace

import numpy as np
import pytest
from skimage.data import astronaut, stereo_motorcycle

from napari_vitrail import (
    MATCHING,
    Correspondences,
    ImagePair,
    MatchingSpec,
    drain,
    find_correspondences,
    find_steps,
    see_image,
    see_pair,
    see_pair_steps,
    similarity_map,
    transfer_points,
)
from napari_vitrail.matching._imagepair import _kept

TINY = MatchingSpec(
    replace(MATCHING.descriptor, layer=2, stride=4),
    side=128,
    guide=(1, "token"),
    fine=(0, "token"),
    window=7.0,
)
STRIDED = MatchingSpec(
    replace(TINY.descriptor, sampling="strided", fit="crop"), side=128, bins=2, guide=None, fine=None
)
SHIFT = (16, -8)
POINTS = np.stack(np.mgrid[30:110:9, 20:110:9], axis=-1).reshape(-1, 2) + 0.25


@pytest.fixture(scope="module")
def shifted_pair():
    """Return two crops (128, 128, 3) of a photograph; p in the first is p - SHIFT in the second."""
    picture = astronaut()
    parts = [picture[y : y + 128, x : x + 128] for y, x in ((40, 120), (40 + SHIFT[0], 120 + SHIFT[1]))]
    return parts[0], parts[1]


@pytest.fixture(scope="module")
def pair(shifted_pair, tiny_backbone):
    """Return the two crops, seen."""
    return see_pair(*shifted_pair, TINY, backbone=tiny_backbone)


def median_miss(found, truth):
    """Return by how many pixels half of the points are off at most."""
    return np.median(np.linalg.norm(found.points1 - truth, axis=1))


def test_every_point_is_found_where_the_shift_took_it(pair):
    found = pair.transfer(POINTS)
    np.testing.assert_array_equal(found.points0, POINTS)
    assert median_miss(found, POINTS - SHIFT) < 1.5
    believable = found.cycle_error < 4
    assert believable.mean() > 0.5
    assert median_miss(found[believable], (POINTS - SHIFT)[believable]) < 1
    assert (found.similarity > 0.3).all()
    assert ((found.saliency >= 0) & (found.saliency <= 1)).all()


def test_points_are_transferred_one_by_one_as_all_together(pair):
    together = pair.transfer(POINTS)
    alone = [pair.transfer(point[None]) for point in POINTS]
    np.testing.assert_allclose(together.points1, [own.points1[0] for own in alone], atol=1e-3)


def test_a_point_takes_three_questions_to_the_network(pair, monkeypatch):
    asked, query = [], type(pair.seen0.backbone).query

    def counted(self, context, corners, **wanted):
        asked.append(len(corners))
        return query(self, context, corners, **wanted)

    monkeypatch.setattr(type(pair.seen0.backbone), "query", counted)
    pair.transfer([[40, 40]])
    assert len(asked) == 3


def test_descriptors_of_cells_are_those_at_hand(pair):
    seen = pair.seen0
    cells = seen.descriptors.grid.centres()
    inside = (np.clip(cells, 0, np.array(seen.seen_shape) - 1) == cells).all(axis=1)  # asked where they are
    np.testing.assert_allclose(seen.described(cells[inside]), _kept(seen, cells[inside]), atol=1e-5)


def test_asking_the_other_way_round_leads_back(pair):
    found = pair.swapped.transfer(POINTS - SHIFT)
    assert median_miss(found, POINTS) < 1.5


def test_an_image_is_matched_with_itself(shifted_pair, tiny_backbone):
    same = shifted_pair[0]
    found = transfer_points(POINTS, same, same, TINY, backbone=tiny_backbone)
    assert median_miss(found, POINTS) < 0.7
    assert np.median(found.similarity) > 0.95


def test_every_family_of_backbones_matches(shifted_pair, each_backbone):
    same = shifted_pair[0]
    found = transfer_points(POINTS, same, same, TINY, backbone=each_backbone)
    assert median_miss(found, POINTS) < 1.5


def test_sizes_and_channels_may_differ(shifted_pair, tiny_backbone):
    grey = shifted_pair[1].mean(axis=2)
    wide = np.repeat(np.repeat(grey, 2, axis=0), 2, axis=1)
    found = transfer_points(POINTS, shifted_pair[0], wide, TINY, backbone=tiny_backbone)
    assert median_miss(found, 2 * (POINTS - SHIFT) + 0.5) < 8


def test_how_far_one_ends_from_where_one_began_is_told_in_pixels_of_either_image(shifted_pair, tiny_backbone):
    wide = np.repeat(np.repeat(shifted_pair[1], 2, axis=0), 2, axis=1)
    pair = see_pair(wide, shifted_pair[0], TINY, backbone=tiny_backbone)
    same = see_pair(shifted_pair[1], shifted_pair[0], TINY, backbone=tiny_backbone)
    found = pair.transfer(2 * POINTS + 0.5)
    assert pair.pixel == 0.5
    there_and_back = found.swapped(pair.pixel).cycle_error
    assert np.median(np.abs(there_and_back - same.transfer(POINTS).cycle_error)) < 0.1


def test_pairs_differ_by_the_shift(shifted_pair, tiny_backbone):
    found = find_correspondences(*shifted_pair, TINY, n_pairs=6, backbone=tiny_backbone)
    assert len(found) == 6
    assert np.median(np.linalg.norm(found.points0 - found.points1 - SHIFT, axis=1)) < 1.5


def test_pairs_are_spread(pair):
    found = drain(find_steps(pair, n_pairs=8))
    distances = np.linalg.norm(found.points0[:, None] - found.points0, axis=-1)
    assert (distances + 128 * np.eye(len(found))).min() > 4
    assert np.ptp(found.points0, axis=0).min() > 40


def test_all_pairs_are_as_many_as_there_are_salient_buddies(pair):
    every = drain(find_steps(pair, n_pairs=None, saliency_threshold=0.0))
    some = drain(find_steps(pair, n_pairs=None, saliency_threshold=0.3))
    assert len(every) > len(some) > 0
    assert (some.saliency > 0.2).all()


def test_the_published_descriptors_match_too(shifted_pair, tiny_backbone):
    found = find_correspondences(*shifted_pair, STRIDED, n_pairs=5, backbone=tiny_backbone)
    assert 0 < len(found) <= 5
    point = np.array([[61.0, 57.0]])
    there = transfer_points(point, *shifted_pair, STRIDED, backbone=tiny_backbone)
    np.testing.assert_allclose(there.points1, point - SHIFT, atol=4.5)


def test_the_most_similar_place_is_where_the_point_is(shifted_pair, tiny_backbone):
    same = np.repeat(np.repeat(shifted_pair[0], 2, axis=0), 2, axis=1)  # seen at half its size
    found = similarity_map(same, (119.5, 111.5), same, TINY, backbone=tiny_backbone)
    assert found.values.shape == (*found.grid.shape, 1)
    assert -1.001 <= found.values.min() < 0.9 < found.values.max() <= 1.001
    best = found.grid.to_pixels([np.unravel_index(found.values.argmax(), found.grid.shape)])[0]
    np.testing.assert_allclose(best, (119.5, 111.5), atol=0.1)


def test_a_pair_that_is_known_has_a_say_in_what_is_near(pair):
    wrong = np.array([[60.0, 110.0], [68.0, 110.0]])
    known = Correspondences(POINTS[0] + [[0, 0], [8, 0]], wrong)
    told = ImagePair(pair.seen0, pair.seen1, known).agreement
    grid = pair.seen1.descriptors.grid
    votes = told.votes(POINTS[0], grid)
    best = grid.to_pixels([np.unravel_index(votes.argmax(), votes.shape)])[0]
    np.testing.assert_allclose(best, wrong[0], atol=4)


def test_a_first_answer_comes_before_the_last(shifted_pair, tiny_backbone):
    steps = see_pair_steps(*shifted_pair, TINY, backbone=tiny_backbone)
    first = next(progress.so_far for progress in steps if progress.so_far is not None)
    found = first.transfer(POINTS)
    assert median_miss(found, POINTS - SHIFT) < 4
    assert np.prod(drain(steps).seen0.descriptors.grid.shape) > np.prod(first.seen0.descriptors.grid.shape)


def test_one_image_is_seen_once_for_many_pairs(shifted_pair, tiny_backbone, pair):
    reference = see_image(shifted_pair[0], TINY, backbone=tiny_backbone)
    again = ImagePair(reference, pair.seen1).transfer(POINTS)
    np.testing.assert_allclose(again.points1, pair.transfer(POINTS).points1, atol=1e-6)


def test_of_a_binned_image_only_what_the_fine_layer_needs_is_kept(shifted_pair, tiny_backbone, pair):
    plain = see_image(shifted_pair[0], replace(TINY, bins=0), backbone=tiny_backbone)
    assert pair.seen0.context.nbytes < plain.context.nbytes / 2
    assert plain.asked(POINTS, (2, "key"))[0].shape == (len(POINTS), tiny_backbone.info.width)
    with pytest.raises(ValueError, match="layer must be below 1: of a binned image no more is kept, got 2"):
        pair.seen0.asked(POINTS, (2, "key"))


def test_without_bins_points_are_found_too(shifted_pair, tiny_backbone):
    spec = replace(TINY, bins=0)
    found = transfer_points(POINTS, *shifted_pair, spec, backbone=tiny_backbone)
    assert median_miss(found, POINTS - SHIFT) < 1.5


def test_points_outside_are_listed(pair):
    with pytest.raises(ValueError, match=r"points must lie in the image, \(128, 128\), .*1 at \[128.*, 3 at"):
        pair.transfer([[0, 0], [128, 5], [127.4, 5], [5, -0.6]])


def test_no_points_are_no_pairs(pair):
    assert len(pair.transfer(np.zeros((0, 2)))) == 0


@pytest.mark.parametrize("level", [0, 130])
def test_images_of_nothing_have_an_answer(tiny_backbone, level):
    nothing = np.full((96, 120), level, np.uint8)
    found = transfer_points([[10, 10], [90, 100]], nothing, nothing, TINY, backbone=tiny_backbone)
    assert np.isfinite(found.points1).all()
    assert np.isfinite(found.cycle_error).all()


def test_where_nothing_is_salient_there_are_no_pairs_and_a_warning(pair):
    with pytest.warns(UserWarning, match=r"none is left after saliency > 1.0"):
        found = drain(find_steps(pair, saliency_threshold=1.0))
    assert len(found) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_pairs": 0}, "n_pairs must be at least 1, or None for all, got 0"),
        ({"saliency_threshold": 2.0}, "saliency_threshold must be 0 to 1, got 2.0"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_computed(options, message):
    with pytest.raises(ValueError, match=message):
        find_correspondences(np.zeros((9, 9)), np.zeros((9, 9)), **options)


def test_images_seen_differently_are_no_pair(shifted_pair, tiny_backbone, pair):
    other = see_image(shifted_pair[0], replace(TINY, side=64), backbone=tiny_backbone)
    with pytest.raises(ValueError, match="both images must be seen by the same spec and backbone"):
        ImagePair(other, pair.seen1)


def visible(disparity, points):
    """Return which points of the left picture are seen in the right one too: nothing nearer covers them."""
    nearest = np.full(disparity.shape, -np.inf)
    rows, columns = np.nonzero(np.isfinite(disparity))
    right = np.rint(columns - disparity[rows, columns]).astype(int)
    inside = right >= 0
    np.maximum.at(nearest, (rows[inside], right[inside]), disparity[rows, columns][inside])
    own = disparity[tuple(points.T)]
    there = np.rint(points[:, 1] - np.where(np.isfinite(own), own, np.inf).clip(max=1e6)).astype(int)
    seen = np.isfinite(own) & (there >= 0)
    covering = np.max(
        [nearest[points[:, 0], np.clip(there + beside, 0, None)] for beside in (-1, 0, 1)], axis=0
    )
    return seen & (covering <= own + 1.5)


@pytest.mark.slow
def test_a_stereo_pair_is_matched_within_8_pixels(real_backbone):
    left, right, disparity = stereo_motorcycle()
    points = np.stack(np.mgrid[20:500:60, 20:741:60], axis=-1).reshape(-1, 2)
    points = points[visible(disparity, points)]
    found = see_pair(left, right, backbone=real_backbone).transfer(points)
    truth = points - np.column_stack([np.zeros(len(points)), disparity[tuple(points.T)]])
    missed = np.linalg.norm(found.points1 - truth, axis=1)
    assert len(points) > 60
    assert np.mean(missed <= 8) >= 0.8
    assert np.median(missed) < 2
