"""What parts count as after they were renamed, merged and taken away."""

from __future__ import annotations

import numpy as np

from napari_vitrail.widgets._naming import Naming

FOUND = np.array([[0, 1, 2], [3, 4, 4]], np.uint8)


def test_the_name_of_any_merged_part_stays():
    naming = Naming.fresh(4).renamed(3, "ear").merged([2, 3])
    assert naming.all_names() == {1: "part 1", 2: "ear", 4: "part 4"}
    np.testing.assert_array_equal(naming.applied(FOUND), [[0, 1, 2], [2, 4, 4]])


def test_background_has_a_label_of_its_own_and_what_was_deleted_has_none():
    naming = Naming.fresh(4).as_background([1]).deleted([4])
    np.testing.assert_array_equal(naming.applied(FOUND), [[0, 0, 2], [3, 0, 0]])
    np.testing.assert_array_equal(naming.with_background(FOUND), [[5, 5, 2], [3, 0, 0]])


def test_an_empty_name_gives_the_first_one_back():
    assert Naming.fresh(2).renamed(1, "ear").renamed(1, "").name(1) == "part 1"
    assert Naming.fresh(1).name(1) == "object"
