import json

import numpy as np
import pytest

from napari_vitrail import samples
from napari_vitrail.samples import Stroke, hold_out, paint


@pytest.fixture(scope="module")
def sample():
    return samples.histology()


def test_image_and_both_sets_of_strokes_have_one_shape(sample):
    assert sample.image.shape == (512, 512, 3)
    assert sample.labels.shape == sample.held_out.shape == (512, 512)
    assert sample.labels.dtype == sample.held_out.dtype == np.uint8


def test_every_class_has_strokes_in_both_sets(sample):
    ids = {0, *sample.class_names}
    assert set(np.unique(sample.labels)) == set(np.unique(sample.held_out)) == ids


def test_held_out_strokes_are_apart_from_those_for_training(sample):
    assert not np.any((sample.labels > 0) & (sample.held_out > 0))


def test_about_one_per_cent_is_labelled(sample):
    assert 0.005 < np.mean(sample.labels > 0) < 0.015


def test_sample_is_the_same_every_time(sample):
    np.testing.assert_array_equal(samples.histology().labels, sample.labels)


def test_strokes_lie_on_their_colours(sample):
    """Epithelium is brown, stroma and lumen are not; lumen is bright."""
    for labels in (sample.labels, sample.held_out):
        red, _, blue = sample.image[labels == 1].mean(axis=0)
        assert red > blue + 30
        red, _, blue = sample.image[labels == 2].mean(axis=0)
        assert abs(red - blue) < 15
        assert sample.image[labels == 3].mean() > 210


def test_strokes_lie_inside_the_image():
    drawing = json.loads(samples._HISTOLOGY.read_text())
    points = [point for stroke in drawing["strokes"] for point in stroke["points"]]
    assert np.min(points) >= 0
    assert np.max(points) < 512


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
