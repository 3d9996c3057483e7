"""find_objects: any image in, one result that is cut, toggled and refined."""

import time
import warnings
from dataclasses import replace

import numpy as np
import pytest

from napari_vitrail import (
    DOCHERTY_OBJECTS,
    OBJECTS,
    DenseClusters,
    FeatureStore,
    NormalisedCuts,
    ObjectsSpec,
    Smoothing,
    VitrailWarning,
    drain,
    find_objects,
    find_objects_seen,
    find_objects_steps,
)
from tests.objects.conftest import scene

TINY = replace(OBJECTS, descriptor=replace(OBJECTS.descriptor, stride=4), side=96)


def grey(image):
    return image


def colour(image):
    return np.repeat(image[..., None], 3, axis=2)


def transparent(image):
    return np.dstack([colour(image), np.full_like(image, 255)])


def sixteen_bit(image):
    return image.astype(np.uint16) * 200 + 7


def fractional(image):
    return image / 255 - 0.5


@pytest.mark.parametrize("kind", [grey, colour, transparent, sixteen_bit, fractional])
def test_any_kind_of_image_has_a_class_at_every_pixel(kind, thing, default_named_backbone):
    cut = find_objects(kind(thing), TINY, backbone=default_named_backbone).cut()
    assert cut.labels.shape == thing.shape
    assert cut.labels.dtype == np.int32
    assert set(np.unique(cut.labels)) == set(range(1, cut.n_classes + 1))
    assert len(cut.salient) == len(cut.densities) == cut.n_classes


def test_a_coarser_result_comes_first(thing, default_named_backbone):
    steps = find_objects_steps(thing, TINY, backbone=default_named_backbone)
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as stop:
            found = stop.value
            break
    (coarse,) = (progress.so_far for progress in seen if progress.so_far is not None)
    assert coarse.cut().labels.shape == thing.shape
    assert coarse.seen.density.size < found.seen.density.size / 3
    shares = [progress.done / progress.total for progress in seen]
    assert shares == sorted(shares)


def test_the_network_is_not_asked_for_a_coarser_result_that_nobody_wants(
    thing, default_named_backbone, tmp_path
):
    first, both = FeatureStore(tmp_path / "first"), FeatureStore(tmp_path / "both")
    own = find_objects(thing, TINY, backbone=default_named_backbone, store=first)
    last = drain(find_objects_steps(thing, TINY, backbone=default_named_backbone, store=both))
    np.testing.assert_array_equal(own.labels(), last.labels())
    n_first, n_both = (
        len([path for path in store.rglob("*") if path.is_file()])
        for store in (tmp_path / "first", tmp_path / "both")
    )
    assert n_first < n_both


def test_on_the_patch_grid_there_is_nothing_coarser(thing, default_named_backbone):
    patches = replace(TINY, descriptor=replace(TINY.descriptor, stride=8))
    steps = find_objects_steps(thing, patches, backbone=default_named_backbone)
    assert all(progress.so_far is None for progress in steps)


def test_features_that_are_stored_are_not_asked_for_again(thing, default_named_backbone, tmp_path):
    store = FeatureStore(tmp_path)
    first = find_objects(thing, TINY, backbone=default_named_backbone, store=store)
    again = find_objects(thing, TINY, backbone=default_named_backbone, store=store)
    np.testing.assert_array_equal(first.seen.descriptors, again.seen.descriptors)
    np.testing.assert_array_equal(first.labels(), again.labels())


@pytest.mark.parametrize("shape", [(5, 7), (1, 1), (3, 120)])
def test_an_image_smaller_than_a_patch_is_no_error(shape, default_named_backbone):
    image = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VitrailWarning)  # there may be nothing in so small an image
        assert find_objects(image, TINY, backbone=default_named_backbone).labels().shape == shape


def test_an_image_that_is_the_same_everywhere_has_no_objects(default_named_backbone):
    with pytest.warns(VitrailWarning, match="the same value everywhere: nothing in it is an object"):
        cut = find_objects(np.full((40, 50), 7, np.uint16), TINY, backbone=default_named_backbone).cut()
    assert not cut.mask.any()
    assert (cut.labels == 1).all()
    assert len(cut.boxes) == 0


@pytest.mark.parametrize("shape", [(0, 5), (5,), (2, 3, 4, 5)])
def test_what_is_no_image_is_refused(shape, default_named_backbone):
    with pytest.raises(ValueError, match="image must"):
        find_objects(np.zeros(shape), TINY, backbone=default_named_backbone)


def test_the_image_is_asked_for_once_and_cut_many_times(seen_meadow):
    found = find_objects_seen(seen_meadow)
    assert found.cut().n_classes == found.tree.n_classes(OBJECTS.merge_scale)
    assert found.cut(merge_scale=0).n_classes == found.tree.n_pieces
    assert found.cut(n_classes=4).n_classes == 4
    own = find_objects_seen(seen_meadow, replace(OBJECTS, n_classes=3))
    assert own.cut().n_classes == 3
    assert own.cut(merge_scale=0).n_classes == own.tree.n_pieces
    with pytest.raises(ValueError, match="merge_scale or n_classes must be given, got both"):
        found.cut(1.0, 3)


@pytest.mark.slow
def test_a_cut_takes_less_than_fifty_milliseconds():
    kinds = np.kron(np.random.default_rng(0).integers(5, size=(13, 13)), np.ones((4, 4), int))
    found = find_objects_seen(scene(kinds, [0.2, 0.4, 1.5, 3, 0.3], cell=10))  # 520 pixels a side
    found.cut()
    taken = []
    for count in range(2, 20):
        start = time.perf_counter()
        found.cut(n_classes=count)
        taken.append(time.perf_counter() - start)
    assert np.median(taken) < 0.05


def test_classes_are_made_objects_and_ground_by_hand(seen_meadow):
    cut = find_objects_seen(seen_meadow).cut(n_classes=5)
    other = cut.with_objects([5])
    np.testing.assert_array_equal(other.mask, cut.labels == 5)
    assert other.object_ids.tolist() == [5]
    assert set(other.boxes.classes.tolist()) <= {0, 5}
    assert not cut.with_objects([]).mask.any()
    with pytest.raises(ValueError, match=r"ids must be classes, 1 to 5, got \[0, 5\]"):
        cut.with_objects([0, 5])


def test_probabilities_are_largest_for_the_labels(seen_meadow):
    for how in (NormalisedCuts(n_pieces=3), DenseClusters(4)):
        found = find_objects_seen(seen_meadow, ObjectsSpec(how=how))
        known = found.probabilities(n_classes=3)
        np.testing.assert_allclose(known.sum(axis=0), 1, rtol=1e-5)
        assert (known.argmax(axis=0) + 1 == found.labels(n_classes=3)).mean() > 0.95


def test_refined_proposals_are_of_the_same_classes(seen_meadow, meadow):
    found = find_objects_seen(seen_meadow)
    image = np.kron(meadow, np.ones((8, 8), int)).astype(np.uint8)
    refined, cut = found.refined(image, Smoothing(), n_classes=3), found.cut(n_classes=3)
    assert refined.n_classes == 3
    np.testing.assert_array_equal(refined.salient, cut.salient)
    assert (refined.mask == cut.mask).mean() > 0.9
    with pytest.raises(ValueError, match=r"image must be the one that was seen, \(112, 144\), got \(3, 4\)"):
        found.refined(image[:3, :4], Smoothing())


def test_grabcut_moves_the_border_of_the_objects_only(seen_meadow, meadow):
    pytest.importorskip("cv2")
    from napari_vitrail import GrabCut

    image = np.zeros((112, 144, 3), np.uint8)
    image[...] = (40, 160, 60)
    larger = np.zeros((112, 144), bool)
    larger[46:91, 14:51] = larger[46:91, 78:131] = True  # by two pixels, everywhere
    image[larger] = (200, 50, 40)
    image = image + np.random.default_rng(0).integers(0, 20, image.shape).astype(np.uint8)
    found = find_objects_seen(seen_meadow)
    cut, refined = found.cut(n_classes=4), found.refined(image, GrabCut(), n_classes=4)
    assert (refined.mask == larger).mean() > (cut.mask == larger).mean()
    assert (refined.mask == larger).mean() > 0.99
    inside = cut.mask & refined.mask
    assert (refined.labels == cut.labels)[inside].mean() > 0.9


def test_the_published_way_says_where_nothing_is_looked_at_more(meadow):
    spec = replace(DOCHERTY_OBJECTS, how=DenseClusters(6))
    with pytest.warns(VitrailWarning, match="all is one class"):
        cut = find_objects_seen(scene(meadow, [1, 1, 1, 1]), spec).cut()
    assert cut.n_classes == 1
    assert not cut.mask.any()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("side", 20), ("merge_scale", -1.0), ("n_classes", 0),
     ("descriptor", replace(OBJECTS.descriptor, features="classical"))],
)  # fmt: skip
def test_a_spec_out_of_range_is_refused(name, wrong):
    with pytest.raises(ValueError, match=f"{name} must"):
        ObjectsSpec(**{name: wrong})


@pytest.mark.parametrize(("name", "wrong"), [("n_clusters", 1), ("n_samples", 0), ("metric", "dot")])
def test_clusters_out_of_range_are_refused(name, wrong):
    with pytest.raises(ValueError, match=f"{name} must be"):
        DenseClusters(**{name: wrong})


@pytest.mark.slow
def test_a_large_image_is_seen_small_and_labelled_whole(default_named_backbone):
    image = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8).repeat(64, 0).repeat(64, 1)
    cut = find_objects(image, TINY, backbone=default_named_backbone).cut()
    assert cut.labels.shape == (4096, 4096)
    assert cut.n_classes >= 1


@pytest.mark.slow
def test_a_cup_and_its_saucer_are_told_from_the_table(real_backbone):
    from skimage.data import coffee

    cut = find_objects(coffee(), backbone=real_backbone).cut()
    rows, columns = np.indices(coffee().shape[:2])
    saucer = ((rows - 225) / 165) ** 2 + ((columns - 285) / 210) ** 2 < 1
    assert (cut.mask & saucer).sum() > 0.9 * cut.mask.sum()
    assert cut.mask.sum() > 0.5 * saucer.sum()
    assert cut.mask[40, 285]  # the far rim of the cup
    assert not cut.mask[380, 40]  # the table
