"""Parts of a shared object: the same ids in all images, whatever their number, and no network asked again."""

import time
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from napari_vitrail import (
    GrabCut,
    Smoothing,
    Votes,
    cosegment_parts,
    cosegment_parts_seen,
    cosegment_parts_steps,
    cosegment_seen,
)
from napari_vitrail.cosegmentation import CommonClusters
from tests.cosegmentation.conftest import TINY, picture

VOTES = Votes(saliency_threshold=1.0, sample_interval=1, n_clusters=5, vote_fraction=0.5)
USUAL = {0: 0.3, 1: 0.3, 2: 3.0, 3: 3.0, 4: 3.0}
SMOOTH = replace(TINY, descriptor=replace(TINY.descriptor, interpolation="bilinear"), how=VOTES)
PARTED = replace(TINY, how=VOTES)


def kinds(column, tail=True):
    """Return kinds (6, 5) of an object on ground 0 with sky 1: a head, 2, on a body, 3, with a tail, 4."""
    cells = np.zeros((6, 5), int)
    cells[0] = 1
    cells[1:3, column] = 2
    cells[3:5, column : column + 2] = 3
    if tail:
        cells[5, column + 1] = 4
    return cells


def truth(cells, parts=(2, 3, 4)):
    """Return the labels (48, 40) of a picture: 1 for the first of some kinds, 0 for kinds of no part."""
    labels = np.zeros(10, np.int32)
    labels[list(parts)] = np.arange(1, len(parts) + 1)
    return np.kron(labels[cells], np.ones((8, 8), np.int32))


def scenes_of(make_set, columns=(0, 1, 2, 3), spec=PARTED, **options):
    return make_set(
        [picture(kinds(column, **options), USUAL, seed=seed) for seed, column in enumerate(columns)], spec
    )


def turned(seen):
    """Return a picture as if its image had been mirrored; its cells lie evenly."""
    return replace(seen, descriptors=seen.descriptors[:, ::-1], saliency=seen.saliency[:, ::-1])


@pytest.fixture
def animals(make_set):
    """Return four pictures of an animal, its parts at different places."""
    return scenes_of(make_set)


def test_parts_have_the_same_id_in_all_images_from_top_to_bottom(animals):
    parts = cosegment_parts_seen(animals, 3)
    assert (len(parts), parts.n_parts, parts.centroids.shape) == (4, 3, (3, 2))
    for column, labels in enumerate(parts.all_labels()):
        assert labels.dtype == np.int32
        np.testing.assert_array_equal(labels, truth(kinds(column)))


def test_labels_are_those_of_the_nearest_centroid_counted_cell_by_cell(animals):
    parts = cosegment_parts_seen(animals, 2, whitening=0)
    for index, seen in enumerate(animals.pictures):
        labels = parts.labels(index)
        for row, column in np.ndindex(seen.grid.shape):
            own = seen.descriptors[row, column].astype(float)
            nearest = min(range(2), key=lambda part: sum((own - parts.centroids[part].astype(float)) ** 2))
            expected = nearest + 1 if parts.found.mask(index)[8 * row + 4, 8 * column + 4] else 0
            assert (labels[8 * row : 8 * row + 8, 8 * column : 8 * column + 8] == expected).all()


def test_between_cells_the_interpolated_descriptor_decides(make_set):
    seen = scenes_of(make_set, spec=SMOOTH)
    parts = cosegment_parts_seen(seen, 3)
    for index, one in enumerate(seen.pictures):
        rows = np.stack([one.placed(one.descriptors[..., axis], "bilinear") for axis in (0, 1)], axis=-1)
        nearest = parts.clusters.nearest(rows.reshape(-1, 2)).reshape(48, 40) + 1
        mask = parts.found.mask(index)
        assert np.mean(nearest[mask] == parts.labels(index)[mask]) > 0.999  # but for a tie
        assert (parts.labels(index)[~mask] == 0).all()


def test_a_mirrored_image_has_mirrored_parts(animals):
    parts = cosegment_parts_seen(animals, 3)
    for index, seen in enumerate(animals.pictures):
        np.testing.assert_array_equal(parts.labels_of(turned(seen)), parts.labels(index)[:, ::-1])


def test_the_order_of_images_makes_no_difference(make_set, animals):
    parts = cosegment_parts_seen(animals, 3)
    other = cosegment_parts_seen(make_set(reversed(animals.pictures), PARTED), 3, random_state=1)
    for index in range(4):
        np.testing.assert_array_equal(other.labels(3 - index), parts.labels(index))


def test_one_part_is_the_object(animals):
    found = cosegment_seen(animals)
    parts = cosegment_parts_seen(found, 1)
    assert parts.found is found
    for labels, mask in zip(parts.all_labels(), found.masks(), strict=True):
        np.testing.assert_array_equal(labels, mask)


def test_labels_are_made_for_a_copy_of_another_size(animals):
    parts = cosegment_parts_seen(animals, 3)
    np.testing.assert_array_equal(parts.labels(0, (24, 20, 3)), parts.labels(0)[::2, ::2])
    np.testing.assert_array_equal(parts.labels(0, (96, 80)), np.kron(parts.labels(0), np.ones((2, 2), int)))


def test_labels_of_many_parts_take_no_more_memory_than_those_of_few(make_set):
    noisy = make_set([picture(kinds(column), USUAL, noise=0.3, seed=column) for column in range(4)], PARTED)
    found = cosegment_seen(noisy)
    peaks = []
    for n_parts in (2, 20):
        parts = cosegment_parts_seen(found, n_parts)
        assert parts.n_parts == n_parts
        parts.labels(0, (600, 500))
        tracemalloc.start()
        parts.labels(0, (600, 500))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def test_fewer_descriptors_than_parts_are_said(make_set):
    still = make_set([picture(kinds(1), USUAL, noise=0.0) for _ in range(2)], PARTED)
    with pytest.warns(UserWarning, match="only 3 different descriptors, so there are 3 parts, not 6"):
        parts = cosegment_parts_seen(still, 6)
    assert parts.n_parts == 3
    np.testing.assert_array_equal(parts.labels(1), truth(kinds(1)))


def test_where_there_is_no_object_there_are_no_parts(make_set):
    dull = make_set([picture(kinds(1), dict.fromkeys(range(5), 0.5)) for _ in range(2)], PARTED)
    with pytest.warns(UserWarning, match="no cluster is salient"):
        parts = cosegment_parts_seen(dull, 3)
    assert parts.n_parts == 0
    assert not parts.labels(0).any()
    assert parts.probabilities(0).shape == (1, 48, 40)
    assert not parts.refined_labels(0, np.zeros((48, 40)), Smoothing(1)).any()


def test_one_image_has_parts_and_says_what_is_missing(make_set):
    with pytest.warns(UserWarning, match="one image shares nothing"):
        parts = cosegment_parts_seen(scenes_of(make_set, (1,)), 3)
    np.testing.assert_array_equal(parts.labels(0), truth(kinds(1)))


def test_an_outlier_has_no_parts(make_set):
    near, far = np.array([1.0, 0.1], np.float32), np.array([-1.0, 0.3], np.float32)
    pictures = [replace(picture(kinds(1), USUAL, seed=1), cls=cls) for cls in (near, near, far, near)]
    parts = cosegment_parts_seen(make_set(pictures, replace(PARTED, outlier_similarity=0.7)), 3)
    assert [labels.any() for labels in parts.all_labels()] == [True, True, False, True]


def test_three_stages_leave_out_what_is_not_in_every_image(make_set):
    pictures = [picture(kinds(column, tail=column > 0), USUAL, noise=0.0) for column in range(3)]
    seen = make_set(pictures, PARTED)
    two = cosegment_parts_seen(seen, 3)
    assert (two.labels(1) == 3).any()
    three = cosegment_parts_seen(seen, 2, elbow_second=0.5)
    assert isinstance(three.found.shared, CommonClusters)
    for index in range(3):
        np.testing.assert_array_equal(three.labels(index), truth(kinds(index, tail=False), (2, 3)))


def test_where_no_cluster_is_common_all_of_the_object_is_kept(make_set):
    heads, bodies = np.zeros((6, 5), int), np.zeros((6, 5), int)
    heads[2:4, 1:3], bodies[2:4, 2:4] = 2, 4
    seen = make_set([picture(cells, USUAL, seed=seed) for seed, cells in enumerate((heads, bodies))],
                    replace(PARTED, how=replace(VOTES, n_clusters=3)))  # fmt: skip
    with pytest.warns(UserWarning, match="clusters of the object is in every image"):
        parts = cosegment_parts_seen(seen, 2, elbow_second=0.3)
    np.testing.assert_array_equal(parts.labels(0) > 0, truth(heads, (2,)))


def test_probabilities_are_highest_where_the_labels_are(make_set):
    parts = cosegment_parts_seen(scenes_of(make_set, spec=SMOOTH), 3)
    own = parts.probabilities(2)
    assert own.shape == (4, 48, 40)
    np.testing.assert_allclose(own.sum(axis=0), 1, rtol=1e-5)
    agreed = own.argmax(axis=0) == parts.labels(2)
    assert agreed.mean() > 0.95  # where parts meet none may be a little more probable than either of them


def test_refined_labels_follow_the_image(animals):
    parts = cosegment_parts_seen(animals, 3)
    image = np.where(parts.labels(1) > 0, 200, 50).astype(np.uint8)
    smoothed = parts.refined_labels(1, image, Smoothing(1))
    assert smoothed.dtype == np.int32
    assert 0 < np.count_nonzero(smoothed != parts.labels(1)) < 60  # of 1920: corners
    with pytest.raises(ValueError, match=r"image must be number 1 of the set, \(48, 40\), got \(9, 9\)"):
        parts.refined_labels(1, np.zeros((9, 9)), Smoothing(1))


def test_grabcut_moves_the_border_of_the_object_and_no_other(animals):
    pytest.importorskip("cv2")
    parts = cosegment_parts_seen(animals, 3)
    noise = np.random.default_rng(0).integers(0, 20, (48, 40, 1))
    image = (np.where(parts.labels(1) > 0, 200, 50)[..., None] + noise).repeat(3, axis=2).astype(np.uint8)
    cut, mask = (
        parts.refined_labels(1, image, GrabCut()), parts.found.refined_mask(1, image, GrabCut()),
    )  # fmt: skip
    np.testing.assert_array_equal(cut > 0, mask)
    both = (cut > 0) & (parts.labels(1) > 0)
    np.testing.assert_array_equal(cut[both], parts.labels(1)[both])


def test_images_of_all_sizes_and_kinds_get_labels_each(patches, tiny_backbone):
    parts = cosegment_parts(patches, 2, TINY, backbone=tiny_backbone)
    assert [labels.shape for labels in parts.all_labels()] == [image.shape[:2] for image in patches]
    again = cosegment_parts(patches, 2, TINY, backbone=tiny_backbone)
    for labels, other in zip(parts.all_labels(), again.all_labels(), strict=True):
        np.testing.assert_array_equal(labels, other)
        assert set(np.unique(labels)) == {0, 1, 2}


def test_an_image_that_is_added_gets_the_parts_there_are(patches, tiny_backbone):
    parts = cosegment_parts(patches, 3, replace(TINY, n_components=8), backbone=tiny_backbone)
    np.testing.assert_array_equal(parts.assign(patches[1]), parts.labels(1))


def test_progress_goes_on_through_all_stages(patches, tiny_backbone):
    steps = cosegment_parts_steps(patches, 2, TINY, elbow_second=0.9, backbone=tiny_backbone)
    shares = [step.done / step.total for step in steps]
    assert shares == sorted(shares)
    assert shares[-1] < 1


def test_another_number_of_parts_of_ten_photographs_takes_less_than_a_second(make_set):
    rng = np.random.default_rng(0)
    spec = replace(SMOOTH, how=replace(VOTES, n_clusters=2))
    centres = rng.normal(size=(6, 64))
    pictures = []
    for _ in range(10):  # as many cells and channels as a photograph of 320 x 240 pixels has
        seen = picture(np.zeros((6, 5), int), USUAL)
        which = np.where(np.indices((46, 61)).sum(axis=0) < 60, 0, rng.integers(1, 6, (46, 61)))
        rows = centres[which] + rng.normal(0, 0.3, (46, 61, 64))
        grid = replace(seen.grid, shape=(46, 61), origin=(2.5, 2.5), spacing=(5.0, 5.0))
        saliency = np.where(which > 0, 3.0, 0.3).astype(np.float32)
        pictures.append(replace(seen, shape=(240, 320), grid=grid, descriptors=rows.astype(np.float16),
                                saliency=saliency))  # fmt: skip
    found = cosegment_seen(make_set(pictures, spec))
    began = time.process_time()
    parts = cosegment_parts_seen(found, 5)
    assert len(list(parts.all_labels())) == 10
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_parts": 0}, "n_parts must be at least 1, got 0"),
        ({"elbow_second": 94}, "elbow_second must be 0 to 1, or None, got 94"),
        ({"whitening": 2}, "whitening must be 0 to 1, or None, got 2"),
    ],
)
def test_values_out_of_range_are_refused_before_anything_is_seen(options, message, animals):
    with pytest.raises(ValueError, match=message):
        cosegment_parts_seen(animals, **options)
    with pytest.raises(ValueError, match=message):
        cosegment_parts(["no image"], **options)
