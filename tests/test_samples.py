import json
from collections import Counter

import numpy as np
import pytest

from napari_vitrail import FeatureSpec, find_instances, fit_classifier, samples, segment
from napari_vitrail.demo import score
from napari_vitrail.samples import Stroke, hold_out, paint
from napari_vitrail.spec import SEGMENTATION

SHAPES = {"histology": (512, 512, 3), "coffee": (400, 600, 3), "coins": (303, 384)}


@pytest.fixture(scope="module", params=SHAPES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def sample(name):
    return getattr(samples, name)()


@pytest.fixture(scope="module")
def drawn(name):
    """Return the strokes as they are drawn, before they are painted."""
    drawing = json.loads((samples._DATA / f"{name}_strokes.json").read_text(encoding="utf-8"))
    return [Stroke(**stroke) for stroke in drawing["strokes"]]


def test_image_and_both_sets_of_strokes_have_one_shape(name, sample):
    assert sample.image.shape == SHAPES[name]
    assert sample.labels.shape == sample.held_out.shape == SHAPES[name][:2]
    assert sample.labels.dtype == sample.held_out.dtype == np.uint8


def test_every_class_has_strokes_in_both_sets(sample):
    ids = {0, *sample.class_names}
    assert set(np.unique(sample.labels)) == set(np.unique(sample.held_out)) == ids


def test_every_class_has_two_strokes_or_more_to_learn_from(sample, drawn):
    counts = Counter(stroke.label for stroke in drawn if not stroke.held_out)
    assert min(counts[label] for label in sample.class_names) >= 2


def test_held_out_strokes_are_apart_from_those_for_training(sample):
    assert not np.any((sample.labels > 0) & (sample.held_out > 0))


def test_about_one_per_cent_is_labelled(sample):
    assert 0.005 < np.mean(sample.labels > 0) < 0.015


def test_sample_is_the_same_every_time(name, sample):
    np.testing.assert_array_equal(getattr(samples, name)().labels, sample.labels)


def test_strokes_on_histology_lie_on_their_colours():
    """Epithelium is brown, stroma and lumen are not; lumen is bright."""
    sample = samples.histology()
    for labels in (sample.labels, sample.held_out):
        red, _, blue = sample.image[labels == 1].mean(axis=0)
        assert red > blue + 30
        red, _, blue = sample.image[labels == 2].mean(axis=0)
        assert abs(red - blue) < 15
        assert sample.image[labels == 3].mean() > 210


def test_strokes_lie_inside_the_image(name, drawn):
    points = np.concatenate([stroke.points for stroke in drawn])
    assert np.all(points >= 0)
    assert np.all(points < SHAPES[name][:2])


def test_no_grey_value_parts_coins_from_background():
    sample = samples.coins()
    scored = sample.held_out > 0
    grey, coin = sample.image[scored], sample.held_out[scored] == 1
    assert max(np.mean((grey > threshold) == coin) for threshold in range(256)) < 0.97


@pytest.mark.parametrize(("name", "least"), [("coffee", 0.6), ("coins", 0.97)], indirect=["name"])
def test_classical_features_learn_from_the_strokes(sample, least):
    assert _accuracy(sample, FeatureSpec(features="classical")) > least


@pytest.mark.slow
@pytest.mark.parametrize(("name", "least"), [("coffee", 0.93), ("coins", 0.98)], indirect=["name"])
def test_the_default_classifier_scores_well_on_strokes_held_out(sample, least, real_backbone):
    assert _accuracy(sample, backbone=real_backbone) > least


@pytest.mark.slow
def test_the_24_coins_are_24_objects(real_backbone):
    sample = samples.coins()
    classifier = fit_classifier([sample.image], [sample.labels], backbone=real_backbone)
    segmentation = segment(sample.image, classifier, backbone=real_backbone)
    assert find_instances(segmentation, 1, min_size=200).max() == 24


def _accuracy(sample, spec=SEGMENTATION, backbone=None):
    """Return the share of the held-out pixels that a classifier of the sample's strokes gets right."""
    classifier = fit_classifier([sample.image], [sample.labels], spec, backbone=backbone)
    return score(segment(sample.image, classifier, backbone=backbone), sample.held_out).accuracy


def test_brush_paints_round_strokes():
    stroke = Stroke(label=3, radius=1, held_out=False, points=[[1, 1], [1, 3]])
    expected = np.zeros((4, 6), np.uint8)
    expected[:3, :5] = 3
    np.testing.assert_array_equal(paint([stroke], (4, 6)), expected)


def test_strokes_are_cut_off_at_the_border():
    stroke = Stroke(label=1, radius=1, held_out=False, points=[[0, 0], [0, 9]])
    np.testing.assert_array_equal(paint([stroke], (3, 3)), [[1, 1, 1], [1, 1, 1], [0, 0, 0]])


def strokes(*rows):
    """Labels with one stroke a row: (label, length)."""
    labels = np.zeros((2 * len(rows), 40), np.uint16)
    for index, (label, length) in enumerate(rows):
        labels[2 * index, :length] = label
    return labels


def test_whole_strokes_are_held_out():
    labels = strokes((2, 10), (2, 10), (2, 10), (7, 30), (7, 10), (7, 10))
    kept, held_out = hold_out(labels)
    np.testing.assert_array_equal(kept + held_out, labels)
    assert np.count_nonzero(held_out == 2) == 10
    assert np.count_nonzero(held_out == 7) == 20
    assert all(len(np.unique(row)) <= 2 for row in held_out[::2, :10])


def test_held_out_strokes_are_the_same_every_time():
    labels = strokes(*[(1, 5)] * 9)
    np.testing.assert_array_equal(hold_out(labels)[1], hold_out(labels)[1])


def test_smallest_stroke_is_held_out_where_none_is_small_enough():
    assert np.count_nonzero(hold_out(strokes((1, 20), (1, 19)))[1]) == 19


def test_single_stroke_is_kept():
    kept, held_out = hold_out(strokes((3, 20)))
    assert np.count_nonzero(kept) == 20
    assert not held_out.any()
