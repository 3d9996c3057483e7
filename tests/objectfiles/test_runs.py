"""Run lengths in the manner of COCO."""

import numpy as np
import pytest

from napari_vitrail.objectfiles._regions import runs_of


def test_runs_go_down_the_columns_and_begin_with_what_is_outside():
    strip = np.array([[0, 1], [1, 1], [0, 0]], bool)
    assert runs_of(strip, 0, 2) == (1, 1, 1, 2, 1)
    assert runs_of(strip, 2, 5) == (7, 1, 1, 2, 4)


@pytest.mark.parametrize("first", [0, 3, 4])
def test_runs_of_whole_columns_end_at_the_edges(first):
    runs = runs_of(np.ones((3, 2), bool), first, 6)
    assert sum(runs) == 18
    assert runs == {0: (0, 6, 12), 3: (9, 6, 3), 4: (12, 6)}[first]


def test_a_mask_comes_back_from_its_runs():
    mask = np.random.default_rng(3).random((11, 9)) < 0.5
    runs = runs_of(mask[:, 2:7], 2, 9)
    values = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(mask.shape, order="F")
    np.testing.assert_array_equal(values[:, 2:7], mask[:, 2:7])
    assert not values[:, [0, 1, 7, 8]].any()
