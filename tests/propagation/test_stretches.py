"""Which frames get their labels from where."""

from napari_vitrail.propagation._stretches import Stretch, stretches


def test_frames_depend_on_the_nearest_labelled_ones():
    found = list(stretches([2, 6], range(10), "both"))
    assert found == [
        Stretch(None, 2, range(2)),
        Stretch(2, 6, range(3, 6)),
        Stretch(6, None, range(7, 10)),
    ]
    assert [list(own.forward) for own in found] == [[], [3, 4, 5], [7, 8, 9]]
    assert [list(own.backward) for own in found] == [[1, 0], [5, 4, 3], []]


def test_a_pass_goes_as_far_as_frames_are_wanted():
    (found,) = stretches([0, 10], range(4, 6), "both")
    assert list(found.forward) == [1, 2, 3, 4, 5]
    assert list(found.backward) == [9, 8, 7, 6, 5, 4]


def test_the_nearer_labelled_frame_counts_more():
    between = Stretch(2, 6, range(3, 6))
    assert [between.weight_of_before(index) for index in (3, 4, 5)] == [0.75, 0.5, 0.25]
    assert Stretch(None, 2, range(2)).weight_of_before(1) == 0
    assert Stretch(6, None, range(7, 10)).weight_of_before(8) == 1


def test_neighbours_that_are_both_labelled_have_nothing_between():
    assert list(stretches([3, 4], range(3, 5), "both")) == []


def test_one_way_leaves_out_what_no_label_reaches():
    assert list(stretches([2, 4], range(6), "forward")) == [
        Stretch(2, None, range(3, 4)),
        Stretch(4, None, range(5, 6)),
    ]
    assert list(stretches([2, 4], range(6), "backward")) == [
        Stretch(None, 2, range(2)),
        Stretch(None, 4, range(3, 4)),
    ]
