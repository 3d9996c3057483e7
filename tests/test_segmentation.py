"""Windows of an image, and results that get better while one waits."""

from dataclasses import replace

import numpy as np
import pytest

from napari_vitrail.classify import fit_classifier
from napari_vitrail.progress import drain
from napari_vitrail.segmentation import (
    class_probabilities,
    coarse_to_fine_probabilities_steps,
    coarse_to_fine_steps,
    segment,
    segment_steps,
)
from napari_vitrail.spec import FeatureSpec
from napari_vitrail.store import FeatureStore

TINY = FeatureSpec(features="hybrid", backbone="tiny", stride=2, n_components=8, contrast="fitted")
WINDOWS = [(slice(0, 56), slice(0, 64)), (slice(5, 30), slice(17, 18)), (slice(40, None), slice(None, -3))]


@pytest.fixture(scope="module")
def trained(two_textures, tiny_backbone):
    """Return a classifier of the two textures, with features at stride 2 of patches of 8."""
    return fit_classifier(
        [two_textures.image], [two_textures.strokes], TINY, estimator="logistic", backbone=tiny_backbone
    )


def levels(image, classifier, backbone, work=coarse_to_fine_steps, **options):
    """Return every result that coarse-to-fine segmentation gives, the final one last."""
    steps = work(image, classifier, backbone=backbone, **options)
    found = []
    while True:
        try:
            progress = next(steps)
        except StopIteration as stop:
            return [*found, stop.value]
        if progress.so_far is not None:
            found.append(progress.so_far)


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_a_window_is_that_part_of_the_whole(window, trained, tiny_backbone, two_textures):
    whole = segment(two_textures.image, trained, backbone=tiny_backbone)
    part = segment(two_textures.image, trained, window=window, backbone=tiny_backbone)
    np.testing.assert_array_equal(part, whole[window])


def test_probabilities_of_a_window_are_those_of_the_whole(trained, tiny_backbone, two_textures):
    window = (slice(5, 30), slice(17, 40))
    whole = class_probabilities(two_textures.image, trained, backbone=tiny_backbone)
    part = class_probabilities(two_textures.image, trained, window=window, backbone=tiny_backbone)
    np.testing.assert_allclose(part, whole[:, *window], atol=1e-5)


def test_a_window_computes_only_the_tiles_that_it_needs(trained, tiny_backbone, monkeypatch):
    seen = []
    context = tiny_backbone.context
    monkeypatch.setattr(
        tiny_backbone, "context", lambda image, **options: seen.append(1) or context(image, **options)
    )
    image = np.random.default_rng(0).integers(0, 256, (64, 400), np.uint8)
    tiled = replace(trained, spec=replace(trained.spec, tile=64, halo=16))
    segment(image, tiled, window=(slice(0, 64), slice(0, 30)), backbone=tiny_backbone)
    assert len(seen) == 1
    segment(image, tiled, backbone=tiny_backbone)
    assert len(seen) > 5


@pytest.mark.parametrize(
    "window", [(slice(60, 70), slice(0, 5)), (slice(3, 3), slice(0, 5)), (slice(0, 9, 2), slice(0, 5))]
)
def test_a_window_without_pixels_is_refused(window, trained, tiny_backbone, two_textures):
    with pytest.raises(
        ValueError, match=r"window must be two slices that hold pixels of the image \(56, 64\)"
    ):
        segment(two_textures.image, trained, window=window, backbone=tiny_backbone)


@pytest.mark.parametrize("window", [None, *WINDOWS], ids=str)
def test_the_finest_level_is_the_segmentation(window, trained, tiny_backbone, two_textures):
    expected = segment(two_textures.image, trained, window=window, backbone=tiny_backbone)
    *previews, final = levels(two_textures.image, trained, tiny_backbone, window=window)
    np.testing.assert_array_equal(final, expected)
    assert len(previews) == 2  # strides 8 and 4 on the way to 2; 7 would show no more than 8
    assert {preview.shape for preview in previews} == {expected.shape}
    assert {preview.dtype for preview in previews} == {expected.dtype}


def test_previews_agree_with_the_segmentation_where_it_is_easy(trained, tiny_backbone, two_textures):
    *previews, final = levels(two_textures.image, trained, tiny_backbone)
    for preview in previews:
        assert (preview == final).mean() > 0.85


def test_classical_features_have_one_level(tiny_backbone, two_textures):
    spec = replace(TINY, features="classical")
    classifier = fit_classifier([two_textures.image], [two_textures.strokes], spec)
    assert len(levels(two_textures.image, classifier, None)) == 1


def test_strided_features_have_one_level(tiny_backbone, two_textures):
    spec = replace(TINY, sampling="strided")
    classifier = fit_classifier([two_textures.image], [two_textures.strokes], spec, backbone=tiny_backbone)
    assert len(levels(two_textures.image, classifier, tiny_backbone)) == 1


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_probabilities_come_after_the_same_coarser_levels(window, trained, tiny_backbone, two_textures):
    asked = two_textures.image, trained, tiny_backbone
    *shown, final = levels(*asked, window=window)
    *coarser, probabilities = levels(*asked, coarse_to_fine_probabilities_steps, window=window)
    np.testing.assert_array_equal(coarser, shown)
    np.testing.assert_array_equal(trained.classes_[probabilities.argmax(axis=0)], final)
    expected = class_probabilities(two_textures.image, trained, backbone=tiny_backbone, window=window)
    np.testing.assert_array_equal(probabilities, expected)


def test_levels_share_the_plain_pass(trained, tiny_backbone, two_textures, monkeypatch):
    seen = []
    context = tiny_backbone.context
    monkeypatch.setattr(
        tiny_backbone, "context", lambda image, **options: seen.append(1) or context(image, **options)
    )
    levels(two_textures.image, trained, tiny_backbone, store=FeatureStore())
    assert len(seen) == 1


def test_progress_of_levels_only_goes_forward(trained, tiny_backbone, two_textures):
    steps = coarse_to_fine_steps(two_textures.image, trained, backbone=tiny_backbone)
    parts = [step.done / step.total for step in steps]
    assert parts == sorted(parts)
    assert parts[-1] == 1


def test_the_store_changes_rounding_only(trained, tiny_backbone, two_textures, tmp_path):
    plain = class_probabilities(two_textures.image, trained, backbone=tiny_backbone)
    for store in (FeatureStore(), FeatureStore(tmp_path), FeatureStore(tmp_path)):
        stored = class_probabilities(two_textures.image, trained, backbone=tiny_backbone, store=store)
        np.testing.assert_allclose(stored, plain, atol=0.02)


def test_a_closed_job_computes_nothing_more(trained, tiny_backbone, two_textures, monkeypatch):
    steps = segment_steps(two_textures.image, trained, backbone=tiny_backbone)
    next(steps)
    monkeypatch.setattr(tiny_backbone, "query", None)
    steps.close()


def test_training_and_segmenting_on_one_store_are_reproducible(tiny_backbone, two_textures):
    results = []
    for _ in range(2):
        store = FeatureStore()
        classifier = fit_classifier(
            [two_textures.image], [two_textures.strokes], TINY, backbone=tiny_backbone, store=store
        )
        results.append(
            drain(segment_steps(two_textures.image, classifier, backbone=tiny_backbone, store=store))
        )
    np.testing.assert_array_equal(*results)
