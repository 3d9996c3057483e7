import numpy as np
import pytest

from napari_vitrail.strokes import (
    Painted,
    as_labels,
    check_classes,
    drawn,
    held_out_folds,
    inner_strokes,
    painted,
)


def of_ids(*ids):
    """Return painted pixels in a row, each its own stroke."""
    count = len(ids)
    return Painted(
        np.column_stack([np.zeros(count, int), np.arange(count)]), np.array(ids, int), np.arange(count)
    )


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.uint32, np.int64])
def test_labels_of_any_whole_type_become_integers(dtype):
    own = painted(as_labels(np.eye(3, dtype=dtype), (3, 3)))
    assert own.ids.dtype == np.intp
    np.testing.assert_array_equal(own.ids, [1, 1, 1])
    np.testing.assert_array_equal(own.positions, [(0, 0), (1, 1), (2, 2)])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((3, 4), int), r"image's shape \(3, 3\), got \(3, 4\)"),
        (np.zeros((3, 3, 1), int), r"image's shape \(3, 3\), got \(3, 3, 1\)"),
        (np.zeros((3, 3)), "whole numbers, got data type float64"),
        (np.full((3, 3), -1), "0 .unlabelled. to 65535, got -1 to -1"),
        (np.full((3, 3), 65536), "0 .unlabelled. to 65535, got 65536 to 65536"),
        (np.full((3, 3), "a"), "whole numbers"),
    ],
)
def test_labels_that_do_not_fit_are_refused_with_what_came(labels, message):
    with pytest.raises(ValueError, match=message):
        as_labels(labels, (3, 3))


def test_labels_fit_a_colour_image():
    assert as_labels(np.zeros((3, 4), int), (3, 4, 3)).shape == (3, 4)


def test_painted_pixels_come_in_raster_order_with_their_ids():
    labels = np.array([[0, 7, 0], [2, 0, 0], [0, 0, 7]])
    found = painted(labels)
    assert found.positions.tolist() == [[0, 1], [1, 0], [2, 2]]
    assert found.ids.tolist() == [7, 2, 7]


def test_connected_pixels_of_one_class_are_one_stroke():
    labels = np.array([[1, 1, 0, 1], [0, 0, 1, 0], [2, 2, 0, 0]])
    strokes = painted(labels).strokes  # the first 1s touch the others across a corner, the 2s do not count
    assert strokes.tolist() == [0, 0, 0, 0, 1, 1]


def test_touching_strokes_of_two_classes_are_two():
    assert painted(np.array([[3, 3, 5, 5]])).strokes.tolist() == [0, 0, 1, 1]


def test_nothing_painted_is_an_empty_answer():
    found = painted(np.zeros((3, 3), int))
    assert (found.positions.shape, found.ids.shape, found.strokes.shape) == ((0, 2), (0,), (0,))


def test_few_pixels_are_all_drawn_in_their_order():
    image = painted(np.array([[1, 2, 0, 1]]))
    [kept] = drawn([image], random_state=0)
    np.testing.assert_array_equal(kept.positions, image.positions)
    np.testing.assert_array_equal(kept.ids, image.ids)


def test_no_class_gets_more_than_its_share():
    [kept] = drawn([of_ids(*[1] * 50, *[2] * 5)], random_state=0, max_per_class=10)
    assert np.bincount(kept.ids).tolist() == [0, 10, 5]


def test_images_share_a_class_equally():
    kept = drawn([of_ids(*[1] * 50), of_ids(*[1] * 500)], random_state=0, max_per_class=20)
    assert [len(image.ids) for image in kept] == [10, 10]


def test_what_one_image_cannot_give_the_others_may():
    kept = drawn([of_ids(*[1] * 50), of_ids(*[1] * 3), of_ids(2)], random_state=0, max_per_class=20)
    assert [len(image.ids) for image in kept] == [17, 3, 1]


def test_drawing_keeps_each_pixel_with_its_id_and_stroke():
    image = painted(np.arange(1, 41).reshape(4, 10) % 3 + 1)
    [kept] = drawn([image], random_state=0, max_per_class=4)
    rows, columns = kept.positions.T
    for attribute in ("ids", "strokes"):
        whole = getattr(image, attribute).reshape(4, 10)
        np.testing.assert_array_equal(whole[rows, columns], getattr(kept, attribute))


def test_drawing_follows_from_the_random_state():
    images = [of_ids(*[1] * 100)]
    first, again, other = (drawn(images, seed, max_per_class=10)[0].positions for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def in_strokes(*pairs):
    """Return painted pixels by class and stroke, one pair a pixel."""
    ids, strokes = np.transpose(pairs)
    return Painted(np.zeros((len(pairs), 2), int), ids, strokes)


def test_a_stroke_is_held_out_as_a_whole():
    image = in_strokes((2, 0), (7, 1), (2, 0), (2, 2), (7, 1), (7, 3), (2, 0))
    folds = held_out_folds([image])
    for stroke in range(4):
        assert len(set(folds[image.strokes == stroke])) == 1


def test_the_strokes_of_a_class_are_dealt_over_the_folds_largest_first():
    image = in_strokes(*[(2, 0)] * 9, *[(2, 1)] * 5, *[(2, 2)] * 3, *[(2, 3)] * 3)
    folds = held_out_folds([image], n_folds=2)
    assert [int(folds[image.strokes == stroke][0]) for stroke in range(4)] == [0, 1, 1, 1]


def test_strokes_of_two_images_with_the_same_number_are_two():
    folds = held_out_folds([in_strokes((2, 0), (7, 1)), in_strokes((2, 0), (7, 1))], n_folds=2)
    assert folds[0] != folds[2]
    assert folds[1] != folds[3]


def test_of_three_images_each_is_held_out_as_a_whole():
    images = [in_strokes((2, 0), (7, 1), (2, 2)), in_strokes((2, 0)), in_strokes((7, 0), (2, 1))]
    folds = held_out_folds(images)
    assert folds.tolist() == [0, 0, 0, 1, 2, 2]


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([], "nothing is painted yet"),
        ([of_ids(), of_ids()], "nothing is painted yet"),
        ([of_ids(7, 7), of_ids(7)], "only class 7 is painted"),
    ],
)
def test_fewer_than_two_classes_are_refused(images, message):
    with pytest.raises(ValueError, match=f"at least two classes; {message}"):
        check_classes(images)


def test_classes_may_be_spread_over_images():
    check_classes([of_ids(2), of_ids(7)], wanted=[2, 7])


def test_named_classes_without_a_stroke_are_warned_of():
    with pytest.warns(UserWarning, match=r"without a stroke are left out: \[3, 9\]"):
        check_classes([of_ids(2, 7)], wanted=[2, 3, 7, 9])


def test_strokes_need_not_be_told_apart():
    labels = np.zeros((6, 9), np.uint8)
    labels[1, 1:4], labels[4, 2:8] = 2, 5
    known, quick = painted(labels), painted(labels, told_apart=False)
    np.testing.assert_array_equal(quick.positions, known.positions)
    np.testing.assert_array_equal(quick.ids, known.ids)
    assert set(known.strokes) == {0, 1}
    assert set(quick.strokes) == {0}


def test_inner_strokes_keep_off_borders_and_reach_every_large_piece():
    areas = np.zeros((100, 120), np.uint8)
    areas[10:50, 10:50], areas[60:95, 20:100], areas[5:8, 100:103] = 3, 5, 3
    strokes = inner_strokes(areas)
    assert strokes.dtype == np.uint8
    assert set(np.unique(strokes)) == {0, 3, 5}
    assert (areas[strokes > 0] == strokes[strokes > 0]).all()
    assert strokes[28:32, 28:32].any()
    assert not strokes[10:18, 10:50].any()
    assert not strokes[:9].any()  # a piece that is next to nothing
    assert np.ptp(np.argwhere(strokes == 5)[:, 1]) > 30


def test_inner_strokes_are_painted_also_where_one_class_covers_all():
    strokes = inner_strokes(np.ones((40, 40), int))
    assert 0 < strokes.sum() < 400
