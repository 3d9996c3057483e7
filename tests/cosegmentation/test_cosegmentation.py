"""Co-segmentation: what images share, whatever their sizes, and what is said where they share nothing."""

from dataclasses import replace

import numpy as np
import pytest

from napari_vitrail import (
    AMIR_COSEGMENTATION,
    ComputeError,
    CosegmentationSpec,
    FeatureStore,
    Progress,
    Smoothing,
    Votes,
    cosegment,
    cosegment_seen,
    cosegment_steps,
    see_set,
    see_set_steps,
)
from tests.cosegmentation.conftest import TINY, picture, scene

VOTES = Votes(saliency_threshold=1.0, sample_interval=1, n_clusters=3)


def truth(columns):
    """Return where the object of a scene is (48, 40)."""
    return np.kron(scene(columns) == 3, np.ones((8, 8), bool))


def test_the_object_that_all_images_find_salient_is_found_in_each(scenes):
    found = cosegment_seen(scenes, VOTES)
    masks = list(found.masks())
    for mask, place in zip(masks, (slice(0, 2), slice(1, 3), slice(2, 5), slice(1, 5)), strict=True):
        np.testing.assert_array_equal(mask, truth(place))
    assert sorted(found.shared.votes) == [0, 0, 4]


def test_the_elbow_chooses_three_clusters_for_three_kinds_of_things(scenes):
    found = cosegment_seen(scenes, replace(VOTES, n_clusters=None, most_clusters=6, elbow=0.3))
    curve = found.shared.curve
    np.testing.assert_array_equal(curve.counts, np.arange(1, 7))
    assert (np.diff(curve.distortions) < 0).all()
    assert curve.chosen == 4  # the first that is not worth while, as published
    silhouettes = cosegment_seen(scenes, replace(VOTES, n_clusters=None, criterion="silhouette"))
    assert silhouettes.shared.curve.chosen == 3


def test_a_picture_that_votes_otherwise_is_outvoted(make_set):
    usual = {0: 0.5, 1: 0.4, 3: 3.0}
    pictures = [picture(scene(slice(0, 2)), usual, seed=n) for n in range(3)]
    pictures.append(picture(scene(slice(1, 3)), {0: 2.0, 1: 0.1, 3: 0.1}))
    found = cosegment_seen(make_set(pictures), VOTES)
    np.testing.assert_array_equal(found.mask(3), truth(slice(1, 3)))
    with pytest.warns(UserWarning, match=r"no cluster is salient in 100% of 4 images \(the most votes: 3, 1"):
        strict = cosegment_seen(make_set(pictures), replace(VOTES, vote_fraction=1.0))
    assert not any(mask.any() for mask in strict.masks())


def test_where_all_is_salient_all_is_of_the_object(make_set):
    pictures = [picture(scene(slice(0, 2)), {0: 2.0, 1: 4.0, 3: 3.0}) for _ in range(2)]
    assert all(mask.all() for mask in cosegment_seen(make_set(pictures), VOTES).masks())


def test_a_single_image_is_segmented_and_says_what_is_missing(make_set):
    alone = make_set([picture(scene(slice(1, 3)), {0: 0.5, 1: 0.4, 3: 3.0})])
    with pytest.warns(UserWarning, match="one image shares nothing"):
        found = cosegment_seen(alone, VOTES)
    np.testing.assert_array_equal(found.mask(0), truth(slice(1, 3)))


def test_fewer_different_descriptors_than_clusters_are_said(make_set):
    blank = [picture(np.zeros((6, 5), int), {0: 1.0}, noise=0.0) for _ in range(2)]
    with (
        pytest.warns(UserWarning, match="there are only 1 different descriptors"),
        pytest.warns(UserWarning, match="no cluster is salient"),
    ):
        found = cosegment_seen(make_set(blank), VOTES)
    assert found.shared.clusters.count == 1
    assert not found.mask(0).any()


def test_too_small_a_sample_takes_all_descriptors(scenes):
    with pytest.warns(UserWarning, match="every 30th of 4 images, are too few for 5 clusters"):
        found = cosegment_seen(scenes, replace(VOTES, sample_interval=30, n_clusters=5))
    assert found.shared.clusters.count == 5


def test_an_outlier_keeps_its_place_and_gets_an_empty_mask(make_set):
    usual = {0: 0.5, 1: 0.4, 3: 3.0}
    near, far = np.array([1.0, 0.1], np.float32), np.array([-1.0, 0.3], np.float32)
    pictures = [replace(picture(scene(slice(0, 2)), usual), cls=cls) for cls in (near, near, far, near)]
    found = cosegment_seen(make_set(pictures, replace(TINY, outlier_similarity=0.7)), VOTES)
    assert found.outliers.tolist() == [False, False, True, False]
    assert [mask.any() for mask in found.masks()] == [True, True, False, True]


def test_nothing_but_outliers_is_an_error(make_set):
    opposite = [
        replace(picture(scene(slice(0, 2)), {0: 1, 1: 1, 3: 1}), cls=np.array([sign, 0.0], np.float32))
        for sign in (1, -1)
    ]
    with pytest.raises(ComputeError, match="all 2 images are outliers"):
        cosegment_seen(make_set(opposite, replace(TINY, outlier_similarity=0.7)), VOTES)


def test_images_of_all_sizes_and_kinds_get_a_mask_each(patches, tiny_backbone):
    found = cosegment(patches, TINY, backbone=tiny_backbone)
    assert [mask.shape for mask in found.masks()] == [image.shape[:2] for image in patches]
    again = cosegment(patches, TINY, backbone=tiny_backbone)
    for mask, other in zip(found.masks(), again.masks(), strict=True):
        np.testing.assert_array_equal(mask, other)


def test_an_image_that_is_added_is_segmented_as_if_it_were_of_the_set(patches, tiny_backbone):
    found = cosegment(patches, replace(TINY, n_components=8), backbone=tiny_backbone)
    np.testing.assert_array_equal(found.assign(patches[1]), found.mask(1))


def test_the_published_recipe_runs_on_another_backbone(patches, tiny_backbone):
    descriptor = replace(AMIR_COSEGMENTATION.descriptor, layer=2)
    recipe = replace(AMIR_COSEGMENTATION, descriptor=descriptor, side=64, outlier_similarity=-1.0)
    found = cosegment(patches, replace(recipe, how=replace(recipe.how, sample_interval=5)),
                      backbone=tiny_backbone)  # fmt: skip
    assert found.seen.pictures[0].grid.shape == (15, 17)  # 64 x 72 pixels, patch 8, stride 4
    assert found.seen.pictures[0].descriptors.shape[2] == 48
    assert 0 <= found.seen.pictures[0].saliency.min() <= found.seen.pictures[0].saliency.max() <= 1


def test_what_was_seen_is_found_again_in_the_store(patches, tiny_backbone, monkeypatch):
    store = FeatureStore()
    first = see_set(patches, TINY, backbone=tiny_backbone, store=store)
    monkeypatch.setattr(type(tiny_backbone), "context", None)  # who asks the network fails
    again = see_set(patches, TINY, backbone=tiny_backbone, store=store)
    for one, other in zip(first.pictures, again.pictures, strict=True):
        np.testing.assert_array_equal(one.descriptors, other.descriptors)


def test_progress_counts_images_and_then_clusters(patches, tiny_backbone):
    steps = list(cosegment_steps(patches, TINY, backbone=tiny_backbone))
    assert all(isinstance(step, Progress) for step in steps)
    shares = [step.done / step.total for step in steps]
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_only_one_image_is_asked_for_at_a_time(patches, tiny_backbone):
    asked = []

    class Folder:
        def __len__(self):
            return 3

        def __getitem__(self, index):
            asked.append(index)
            return patches[index]

    for _ in see_set_steps(Folder(), TINY, backbone=tiny_backbone):
        pass
    assert asked == [0, 1, 2]


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([], "images must hold at least one image, got none"),
        (np.zeros((64, 64)), r"one array of shape \(64, 64\), which is one image: put it into a list"),
        (np.zeros((64, 72, 3)), "which is one image: put it into a list"),
        ([np.zeros((64, 64)), np.zeros((0, 4))], "image 1: image must not be empty"),
        ([np.zeros((64, 64, 2))], "image 0: image must have 1 or 3 channels"),
    ],
)
def test_images_that_cannot_be_seen_are_named(images, message, tiny_backbone):
    with pytest.raises(ValueError, match=message):
        see_set(images, TINY, backbone=tiny_backbone)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (CosegmentationSpec, {"side": 20}, "side must be 64 to 2048 pixels, got 20"),
        (CosegmentationSpec, {"edge": "upper"}, "edge must be one of 'longer', 'shorter', got 'upper'"),
        (CosegmentationSpec, {"n_components": -1}, "n_components must be at least 0, got -1"),
        (CosegmentationSpec, {"outlier_similarity": 2.0}, "outlier_similarity must be -1 to 1"),
        (CosegmentationSpec, {"whitening": 1.5}, "whitening must be 0 to 1, got 1.5"),
        (Votes, {"vote_fraction": 75}, "vote_fraction must be 0 to 1, got 75"),
        (Votes, {"saliency_threshold": -0.1}, "saliency_threshold must be 0 or more, got -0.1"),
        (Votes, {"n_clusters": 0}, "n_clusters must be at least 1, or None, got 0"),
        (Votes, {"criterion": "knee"}, "criterion must be 'elbow' or 'silhouette', got 'knee'"),
    ],
)
def test_values_out_of_range_are_refused(kind, options, message):
    given = {"descriptor": TINY.descriptor} if kind is CosegmentationSpec else {}
    with pytest.raises(ValueError, match=message):
        kind(**given, **options)


def test_a_mask_is_refined_by_the_image_and_by_no_other(scenes):
    found = cosegment_seen(scenes, VOTES)
    image = np.where(truth(slice(0, 2)), 200, 50).astype(np.uint8)
    smoothed = found.refined_mask(0, image, Smoothing(1))
    assert 0 < np.count_nonzero(smoothed != truth(slice(0, 2))) < 5  # a pixel at each corner
    with pytest.raises(ValueError, match=r"image must be number 1 of the set, \(48, 40\), got \(9, 9\)"):
        found.refined_mask(1, np.zeros((9, 9)), Smoothing(1))
