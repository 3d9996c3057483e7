"""The object that clusterings of several sizes agree on."""

from dataclasses import replace

import numpy as np
import pytest

from napari_vitrail import Consensus, cosegment_seen
from tests.cosegmentation.conftest import picture, scene
from tests.cosegmentation.test_cosegmentation import truth

FEW = Consensus(counts=(2, 3, 4, 5))
PLACES = (slice(0, 2), slice(1, 3), slice(2, 5), slice(1, 5))


def test_the_consensus_is_the_object_that_is_looked_at(scenes):
    found = cosegment_seen(scenes, FEW)
    for mask, place in zip(found.masks(), PLACES, strict=True):
        np.testing.assert_array_equal(mask, truth(place))


def test_no_number_of_clusters_and_no_seed_makes_a_difference(scenes):
    found = cosegment_seen(scenes, FEW)
    for counts in ((3,), (4, 5, 6), (3, 6, 9)):
        for seed in (0, 1):
            other = cosegment_seen(scenes, replace(FEW, counts=counts), random_state=seed)
            for mask, own in zip(found.masks(), other.masks(), strict=True):
                np.testing.assert_array_equal(mask, own)


def test_scores_are_about_1_on_the_object_and_0_elsewhere(scenes):
    scores = cosegment_seen(scenes, FEW).scores(2)
    inside = truth(slice(2, 5))
    assert scores.shape == (48, 40)
    assert scores[inside].min() > 0.8
    assert scores[~inside].max() < 0.2


def test_a_sample_says_the_same_as_all_descriptors(make_set):
    usual = {0: 0.5, 1: 0.4, 3: 3.0}
    many = make_set([picture(scene(PLACES[n % 4]), usual, seed=n) for n in range(40)])
    found = cosegment_seen(many, replace(FEW, sample_size=100))
    for index, mask in enumerate(found.masks()):
        np.testing.assert_array_equal(mask, truth(PLACES[index % 4]))


def test_where_all_is_looked_at_alike_masks_are_empty_and_that_is_said(make_set):
    even = make_set([picture(scene(place), {0: 1.0, 1: 1.0, 3: 1.0}) for place in PLACES])
    with pytest.warns(UserWarning, match="looks at no part more than at the rest in 60% of 4 images"):
        found = cosegment_seen(even, FEW)
    assert not any(mask.any() for mask in found.masks())


def test_where_all_is_salient_enough_masks_are_full_and_that_is_said(scenes):
    with pytest.warns(UserWarning, match=r"more than 0\.1 times as much .* all masks are full; a higher"):
        found = cosegment_seen(scenes, replace(FEW, contrast=0.1))
    assert all(mask.all() for mask in found.masks())


def test_blank_ground_that_is_looked_at_is_not_taken_for_the_object(make_set):
    places = (slice(1, 3), slice(2, 4), slice(1, 4))
    grounds = make_set([picture(scene(place), {0: 3.0, 1: 2.5, 3: 0.4}, seed=3) for place in places])
    found = cosegment_seen(grounds, FEW)
    for mask, place in zip(found.masks(), places, strict=True):
        np.testing.assert_array_equal(mask, truth(place))
    scores = found.scores(0)
    assert scores[truth(places[0])].min() > 0.8
    assert scores[~truth(places[0])].max() < 0.2


def test_what_stands_out_in_a_few_images_only_is_not_shared(make_set):
    plain = [picture(scene(place), {0: 0.5, 1: 0.4, 3: 3.0}, seed=n) for n, place in enumerate(PLACES)]
    bright = [picture(scene(PLACES[1]), {0: 0.5, 1: 6.0, 3: 3.0}, seed=n) for n in range(4)]
    once = cosegment_seen(make_set([*plain, bright[0]]), FEW)
    np.testing.assert_array_equal(once.mask(4), truth(PLACES[1]))
    often = cosegment_seen(make_set([plain[1], *bright]), FEW)
    assert often.mask(0)[:4].all()


def test_identical_images_get_identical_masks(make_set):
    found = cosegment_seen(make_set([picture(scene(PLACES[0]), {0: 0.5, 1: 0.4, 3: 3.0})] * 3), FEW)
    for mask in found.masks():
        np.testing.assert_array_equal(mask, truth(PLACES[0]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"counts": ()}, r"counts must be one or more numbers of at least 2 clusters, got \(\)"),
        ({"counts": (1, 4)}, "at least 2 clusters, got"),
        ({"contrast": 0.0}, "contrast must be above 0, got 0.0"),
        ({"vote_fraction": 0.0}, "vote_fraction must be above 0 to 1, got 0.0"),
        ({"vote_fraction": 1.5}, "vote_fraction must be above 0 to 1, got 1.5"),
        ({"sample_size": 0}, "sample_size must be at least 1, got 0"),
    ],
)
def test_a_consensus_out_of_range_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Consensus(**options)
