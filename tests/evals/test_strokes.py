import numpy as np
import pytest

from evals.strokes import draw_strokes
from napari_vitrail.strokes import painted


@pytest.fixture
def disc():
    """Return a truth with a disc of class 5 on class 2, and a border that is ignored."""
    rows, columns = np.indices((120, 160))
    truth = np.where((rows - 60) ** 2 + (columns - 80) ** 2 < 30**2, 5, 2)
    truth[:4] = 0
    return truth


@pytest.mark.parametrize("fraction", [0.0025, 0.01, 0.025])
def test_the_asked_fraction_is_painted(disc, fraction):
    assert (draw_strokes(disc, fraction) > 0).mean() == pytest.approx(fraction, rel=0.02)


def test_strokes_stay_inside_their_class(disc):
    labels = draw_strokes(disc, 0.025)
    np.testing.assert_array_equal(labels[labels > 0], disc[labels > 0])


def test_equal_seeds_draw_equal_strokes_and_others_do_not(disc):
    first, same, other = (draw_strokes(disc, 0.01, seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()


def test_classes_share_by_the_root_of_their_areas(disc):
    labels = draw_strokes(disc, 0.01)
    share = (labels == 2).sum() / (labels == 5).sum()
    assert share == pytest.approx(np.sqrt((disc == 2).sum() / (disc == 5).sum()), rel=0.1)


def test_a_tiny_class_is_never_painted_beyond_a_quarter():
    truth = np.full((60, 60), 1)
    truth[10:13, 10:14] = 2
    assert (draw_strokes(truth, 0.05) == 2).sum() <= 3


def test_every_class_has_several_strokes(disc):
    own = painted(draw_strokes(disc, 0.01))
    assert all(len(np.unique(own.strokes[own.ids == class_id])) >= 3 for class_id in (2, 5))
