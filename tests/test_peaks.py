"""Where a peak lies between the places at which it was measured."""

import numpy as np
import pytest

from napari_vitrail.peaks import past_top


@pytest.mark.parametrize("top", [-0.4, 0.0, 0.25])
def test_the_top_of_a_parabola_is_found_between_its_values(top):
    before, own, after = (-3 * (place - top) ** 2 for place in (-1.0, 0.0, 1.0))
    assert past_top(before, own, after) == pytest.approx(top)


@pytest.mark.parametrize(
    "values", [(1, 1, 1), (0, 1, 2), (2, 1, 2), (-np.inf, 1, 0), (-np.inf, 1, -np.inf), (0, np.nan, 1)]
)
def test_without_a_peak_it_is_the_middle(values):
    assert past_top(*np.array(values, np.float32)) == 0


def test_many_are_answered_together():
    before, own, after = np.array([[0, 1], [1, 1], [0.5, 1]], np.float32)
    found = past_top(before, own, after)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [1 / 6, 0], rtol=1e-6)
