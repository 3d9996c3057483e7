import numpy as np

from napari_vitrail.picture import PALETTE, class_colours, overlay, shown


def test_colours_follow_the_order_of_the_ids():
    assert class_colours([7, 2]) == {2: PALETTE[0], 7: PALETTE[1]}


def test_more_classes_than_colours_start_anew():
    assert class_colours(range(9))[7] == PALETTE[0]


def test_grey_images_are_shown_as_rgb():
    picture = shown(np.arange(12, dtype=np.uint16).reshape(3, 4) * 1000)
    assert picture.shape == (3, 4, 3)
    assert picture.dtype == np.uint8
    assert (picture.min(), picture.max()) == (0, 255)


def test_overlay_tints_inside_and_draws_outlines():
    picture = np.full((6, 6, 3), 100, np.uint8)
    labels = np.zeros((6, 6), int)
    labels[:4, :4] = 5
    tinted = overlay(picture, labels, {5: (200, 0, 0)}, opacity=0.5)
    np.testing.assert_array_equal(tinted[1, 1], [150, 50, 50])
    np.testing.assert_array_equal(tinted[3, 1], [200, 0, 0])
    np.testing.assert_array_equal(tinted[5, 5], [100, 100, 100])
    assert (picture == 100).all()
