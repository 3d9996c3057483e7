"""What may be written over areas of locked classes."""

from __future__ import annotations

import numpy as np
import pytest
import zarr
from napari.layers import Labels

from napari_vitrail.widgets._areas import finish, write_classes

ALL = slice(None)


def layer(rows, make=np.array) -> Labels:
    return Labels(make(np.array(rows, np.uint8)))


def write(result, index, rows, locked, *, is_finished=True) -> list:
    write_classes(result, index, np.array(rows, np.uint8), locked, is_finished=is_finished)
    return np.asarray(result.data[index]).tolist()


@pytest.mark.parametrize("make", [np.array, zarr.array])
def test_locked_classes_of_a_stack_neither_lose_nor_gain(make):
    result = layer(np.zeros((2, 1, 3)), make)
    assert write(result, (0, ALL, ALL), [[1, 1, 2]], {1, 5}) == [[1, 1, 2]]
    assert write(result, (1, ALL, ALL), [[3, 2, 2]], {1, 5}) == [[3, 2, 2]]
    assert write(result, (0, ALL, ALL), [[5, 2, 1]], {1, 5}) == [[1, 1, 2]]  # 5 was found nowhere yet
    assert write(result, (1, ALL, slice(0, 2)), [[5, 1]], {1, 5}) == [[5, 2]]
    assert write(result, (0, ALL, ALL), [[5, 2, 1]], set()) == [[5, 2, 1]]


def test_a_preview_keeps_nothing_of_its_own():
    result = layer(np.zeros((1, 4)))
    for coarse in ([[1, 1, 1, 1]], [[1, 1, 2, 2]]):
        assert write(result, (ALL, ALL), coarse, {1}, is_finished=False) == coarse
    assert write(result, (ALL, ALL), [[1, 2, 2, 2]], {1}) == [[1, 2, 2, 2]]
    assert write(result, (ALL, ALL), [[2, 1, 1, 1]], {1}, is_finished=False) == [[1, 2, 2, 2]]


def test_a_class_that_is_locked_during_a_run_keeps_what_the_run_ends_with():
    result = layer(np.zeros((1, 3)))
    write(result, (ALL, ALL), [[1, 2, 2]], {1})
    assert write(result, (ALL, ALL), [[1, 3, 2]], {1}, is_finished=False) == [[1, 3, 2]]
    assert write(result, (ALL, ALL), [[2, 2, 3]], {1, 2}) == [[1, 2, 3]]
    assert write(result, (ALL, ALL), [[2, 3, 2]], {1, 2}) == [[1, 2, 3]]


def test_a_part_that_comes_into_view_is_written_coarse_and_then_fine():
    result = layer(np.zeros((1, 4)))
    left, right = (ALL, slice(0, 2)), (ALL, slice(2, 4))
    write(result, left, [[1, 2]], {1})
    assert write(result, right, [[1, 1]], {1}, is_finished=False) == [[1, 1]]
    assert write(result, right, [[2, 1]], {1}, is_finished=False) == [[2, 1]]
    finish(result, right)
    assert write(result, (ALL, ALL), [[2, 1, 1, 2]], {1}) == [[1, 2, 2, 1]]


def test_areas_stand_whatever_axes_are_looked_along():
    result = layer(np.zeros((2, 1, 2)))
    write(result, (1, ALL, ALL), [[1, 2]], {1})
    assert write(result, (ALL, 0, ALL), [[2, 1], [2, 1]], {1}) == [[2, 1], [1, 2]]


def test_labels_that_need_more_bits_are_kept():
    result = Labels(np.zeros((1, 2), np.uint16))
    write_classes(result, (ALL, ALL), np.array([[300, 2]], np.uint16), {300}, is_finished=True)
    assert write(result, (ALL, ALL), [[2, 3]], {300}) == [[300, 3]]
