"""Boxes: of whole objects, of their parts, and none twice."""

import numpy as np
import pytest

from napari_vitrail import BoxRule


@pytest.fixture
def labels():
    """Return labels (60, 90): 2 is a large object that 3 touches; 3 is apart once more; 4 is a speck."""
    labels = np.ones((60, 90), int)
    labels[10:40, 10:40] = 2
    labels[10:40, 40:60] = 3
    labels[45:59, 65:88] = 3
    labels[2:5, 80:83] = 4
    return labels


OBJECTS = np.array([False, True, True, True])


def boxes(labels, rule=BoxRule(), looked=None):  # noqa: B008  frozen
    looked = np.ones(labels.shape, np.float32) if looked is None else looked
    return rule.boxes(labels, OBJECTS, looked)


def test_the_largest_object_comes_first_then_others_then_parts(labels):
    found = boxes(labels)
    assert found.corners.tolist()[:2] == [[10, 10, 40, 60], [45, 65, 59, 88]]
    assert sorted(found.corners.tolist()[2:]) == [[10, 10, 40, 40], [10, 40, 40, 60]]
    assert found.classes[0] == 0


def test_a_part_that_is_the_whole_object_takes_its_place(labels):
    assert boxes(labels).classes[1] == 3
    assert boxes(labels, BoxRule(duplicate="superbox")).classes.tolist()[:2] == [0, 0]
    assert len(boxes(labels, BoxRule(duplicate="superbox"))) == 4


def test_published_boxes_are_the_superbox_and_those_of_parts(labels):
    found = boxes(labels, BoxRule(wholes="largest"))
    assert found.corners.tolist()[0] == [10, 10, 40, 60]
    assert found.classes.tolist().count(0) == 1
    assert len(found) == 4


def test_a_single_box_is_the_superbox(labels):
    assert boxes(labels, BoxRule(mode="single")).corners.tolist() == [[10, 10, 40, 60]]


def test_specks_have_boxes_only_where_they_are_wanted(labels):
    assert [2, 80, 5, 83] not in boxes(labels).corners.tolist()
    assert [2, 80, 5, 83] in boxes(labels, BoxRule(min_area=8)).corners.tolist()
    assert [2, 80, 5, 83] not in boxes(labels, BoxRule(min_area=9)).corners.tolist()


def test_a_score_is_how_much_a_part_is_looked_at(labels):
    looked = np.where(labels == 2, 3.0, 1.0).astype(np.float32)
    found = boxes(labels, looked=looked)
    scores = dict(zip(map(tuple, found.corners.tolist()), found.scores, strict=True))
    assert scores[10, 10, 40, 40] == pytest.approx(3)
    assert scores[10, 10, 40, 60] == pytest.approx(3 * 0.6 + 0.4)


def test_of_two_parts_of_one_box_that_which_is_looked_at_more_is_kept():
    labels = np.ones((50, 50), int)
    labels[5:45, 5:45] = 2
    labels[6:44, 6:44] = 3
    looked = np.where(labels == 3, 2.0, 1.0).astype(np.float32)
    found = boxes(labels, looked=looked)
    assert found.classes.tolist() == [3]


def test_where_nothing_is_an_object_there_is_no_box(labels):
    found = BoxRule().boxes(labels, np.zeros(4, bool), np.ones(labels.shape, np.float32))
    assert found.corners.shape == (0, 4)
    assert len(found) == 0


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("min_area", -1), ("overlap", 1.5), ("duplicate", "both"), ("wholes", "some"), ("mode", "few")],
)
def test_a_rule_out_of_range_is_refused(name, wrong):
    with pytest.raises(ValueError, match=f"{name} must be"):
        BoxRule(**{name: wrong})
