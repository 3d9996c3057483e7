"""Cleaning up takes specks and leaves small structures, by hand-made probabilities."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_vitrail import DenseCRF, Smoothing, drain, refine
from napari_vitrail.refinement import keep_structures, width

NEEDS_CRF = pytest.mark.skipif(find_spec("pydensecrf") is None, reason="the extra crf is not installed")
WAYS = [pytest.param(Smoothing(3), id="smoothing"), pytest.param(DenseCRF(), id="crf", marks=NEEDS_CRF)]
MATRIX, DOTS, GRAIN = range(3)


@pytest.fixture(scope="module")
def truth():
    """Return a matrix with a large grain and rows of dots of five pixels across."""
    rows, columns = np.indices((96, 96))
    classes = np.where((rows - 30) ** 2 + (columns - 48) ** 2 < 24**2, GRAIN, MATRIX)
    dots = ((rows - 66) % 12 - 6) ** 2 + (columns % 12 - 6) ** 2 < 6.5
    classes[dots & (rows >= 60)] = DOTS
    return classes


@pytest.fixture(scope="module")
def specks():
    """Return where single pixels are mistaken, far from the dots."""
    mistaken = np.zeros((96, 96), bool)
    mistaken[3:50:7, 2:94:9] = True
    return mistaken


@pytest.fixture(scope="module")
def probabilities(truth, specks):
    """Return 0.8 for the true class; where mistaken, for the other one of matrix and grain."""
    found = np.where(specks, np.where(truth == GRAIN, MATRIX, GRAIN), truth)
    return np.stack([np.where(found == own, 0.8, 0.1) for own in range(3)]).astype(np.float32)


@pytest.fixture(scope="module")
def image(truth):
    """Return an image in which the dots can hardly be seen."""
    noise = np.random.default_rng(0).normal(0, 4, truth.shape)
    return (np.array([100, 104, 180])[truth] + gaussian_filter(noise, 1)).astype(np.uint8)


@pytest.mark.parametrize("way", WAYS)
def test_dots_that_the_refinement_alone_erases_stay(way, probabilities, truth, image):
    alone = drain(way.refined_steps(probabilities, image)).argmax(axis=0)
    assert ((alone == DOTS) & (truth == DOTS)).sum() < 0.1 * (truth == DOTS).sum()
    kept = refine(probabilities, way, image=image)
    assert ((kept == DOTS) & (truth == DOTS)).sum() > 0.9 * (truth == DOTS).sum()
    assert ((kept == DOTS) & (truth != DOTS)).sum() < 0.1 * (truth == DOTS).sum()


@pytest.mark.parametrize("way", WAYS)
def test_specks_go(way, probabilities, truth, specks, image):
    kept = refine(probabilities, way, image=image)
    assert (kept[specks] == truth[specks]).mean() > 0.95


def test_a_thin_line_stays():
    classes = np.zeros((60, 60), int)
    classes[:, 30:32] = 1
    classes[10, 10] = classes[40, 50] = 1
    probabilities = np.stack([np.where(classes == own, 0.7, 0.3) for own in (0, 1)])
    kept = refine(probabilities, Smoothing(4))
    assert (kept[:, 30:32] == 1).all()


def test_the_same_piece_is_a_speck_in_a_class_of_grains_and_a_structure_in_one_of_dots():
    before = np.zeros((80, 80), int)
    before[10:60, 10:60] = 1  # a grain, fifty pixels wide
    before[70:73, 5:75:10] = 2  # bits of three pixels
    before[4:7, 4:7] = 1
    assert width(before == 1) > 20
    kept = keep_structures(before, np.where(before == 1, 1, 0) * (np.indices(before.shape)[0] > 8))
    assert not (kept[4:7, 4:7] == 1).any()
    np.testing.assert_array_equal(kept == 2, before == 2)
    np.testing.assert_array_equal(kept[10:60, 10:60], 1)


@pytest.mark.parametrize("wide", [1, 4, 9])
def test_the_width_of_a_band_is_its_width(wide):
    members = np.zeros((200, 400), bool)
    members[90 : 90 + wide, :] = True
    assert width(members) == pytest.approx(wide, rel=0.15, abs=1.01)


def test_nothing_lost_is_nothing_changed(truth):
    np.testing.assert_array_equal(keep_structures(truth, truth), truth)


def test_ids_are_those_of_the_classes(probabilities):
    kept = refine(probabilities, classes=[2, 7, 900])
    assert set(np.unique(kept)) == {2, 7, 900}


def test_one_class_is_everywhere():
    assert (refine(np.ones((1, 9, 9)), classes=[5]) == 5).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"probabilities": np.ones((5, 5))}, r"probabilities must be \(k, H, W\).*got shape \(5, 5\)"),
        ({"probabilities": np.full((2, 5, 5), np.nan)}, "finite numbers, got NaN"),
        ({"classes": [1, 2, 3]}, r"classes must be as many as the probabilities, 2, got shape \(3,\)"),
        ({"image": np.ones((4, 5))}, r"image must have the rows.*\(5, 5\), got \(4, 5\)"),
        ({"how": DenseCRF()}, "image must be given for DenseCRF"),
    ],
)
def test_what_does_not_fit_is_said(arguments, message):
    with pytest.raises(ValueError, match=message):
        refine(**{"probabilities": np.ones((2, 5, 5)) / 2, **arguments})


@pytest.mark.parametrize("sigma", [0, -1, np.inf, np.nan])
def test_a_width_of_nothing_is_refused(sigma):
    with pytest.raises(ValueError, match="sigma must be more than 0"):
        Smoothing(sigma)
