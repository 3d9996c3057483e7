"""Small sets made larger: cut-outs join what is learned of, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from napari_vitrail import cosegment, cosegment_parts, cosegment_parts_seen, cosegment_seen
from napari_vitrail.cosegmentation._augment import Augmented
from napari_vitrail.cosegmentation._parts import object_cells
from tests.cosegmentation.conftest import TINY
from tests.cosegmentation.test_parts import PARTED, VOTES, kinds, scenes_of


@pytest.fixture
def images():
    """Return two images whose pixels say where they are."""
    return [np.arange(40 * 60).reshape(40, 60), np.arange(20 * 20 * 3).reshape(20, 20, 3)]


def test_images_come_first_then_cut_outs_of_each_and_of_its_mirror_image(images):
    augmented = Augmented(images, 3)
    assert len(augmented) == len(list(augmented)) == 14
    assert augmented[0] is images[0]
    assert augmented[1] is images[1]
    for index in range(2, 8):
        cut = augmented[index]
        assert cut.shape == (38, 57)
        assert np.diff(cut[0])[0] == (1 if index < 5 else -1)
    assert augmented[8].shape == (19, 19, 3)
    with pytest.raises(IndexError):
        augmented[14]


def test_cut_outs_differ_and_are_the_same_each_time(images):
    augmented = Augmented(images, 8)
    corners = [int(cut.flat[0]) for cut in list(augmented)[2:10]]
    assert len(set(corners)) > 1
    assert corners == [int(cut.flat[0]) for cut in list(Augmented(images, 8))[2:10]]
    assert corners != [int(cut.flat[0]) for cut in list(Augmented(images, 8, random_state=1))[2:10]]


@pytest.fixture
def viewed(make_set):
    """Return a set of three pictures of an animal, with two further views of each."""
    own, views = scenes_of(make_set, (0, 1, 2)), scenes_of(make_set, (0, 0, 1, 1, 2, 3))
    return replace(own, views=views.pictures)


def test_further_views_are_learned_of_and_have_neither_votes_nor_masks(viewed, make_set):
    found = cosegment_seen(viewed)
    assert len(found) == len(list(found.masks())) == 3
    assert found.shared.votes.max() == 3
    assert len(object_cells(found).rows) > len(object_cells(cosegment_seen(replace(viewed, views=()))).rows)
    assert len(viewed.sample(1)) == 3 * len(replace(viewed, views=()).sample(1))
    assert len(list(cosegment_parts_seen(found, 3).all_labels())) == 3


def test_views_of_an_outlier_are_left_out_with_it(viewed):
    left = viewed.without(np.array([False, True, False]))
    assert [len(left.pictures), len(left.views)] == [2, 4]
    for own, other in zip(left.views, (0, 1, 4, 5), strict=True):
        assert own is viewed.views[other]


def test_a_small_set_is_cosegmented_with_cut_outs(patches, tiny_backbone):
    plain = cosegment(patches, TINY, backbone=tiny_backbone)
    found = cosegment(patches, TINY, n_crops=2, backbone=tiny_backbone)
    assert len(plain.seen.views) == 0
    assert len(found.seen.views) == 12
    assert [mask.shape for mask in found.masks()] == [image.shape[:2] for image in patches]
    parts = cosegment_parts(patches, 2, TINY, n_crops=1, backbone=tiny_backbone)
    assert [labels.shape for labels in parts.all_labels()] == [image.shape[:2] for image in patches]
    again = cosegment_parts(patches, 2, TINY, n_crops=1, backbone=tiny_backbone)
    for labels, other in zip(parts.all_labels(), again.all_labels(), strict=True):
        np.testing.assert_array_equal(labels, other)


def test_a_part_that_only_a_view_is_without_is_kept(make_set):
    own = scenes_of(make_set, (0, 1), spec=replace(PARTED, how=VOTES))
    views = scenes_of(make_set, (0, 0, 1, 1), tail=False).pictures
    parts = cosegment_parts_seen(replace(own, views=views), 3, elbow_second=0.5)
    assert (kinds(1) == 4).any()
    assert (parts.labels(1) == 3).any()


def test_a_negative_number_of_cut_outs_is_refused(patches, tiny_backbone):
    with pytest.raises(ValueError, match="n_crops must be at least 0, got -1"):
        cosegment(patches, TINY, n_crops=-1, backbone=tiny_backbone)
