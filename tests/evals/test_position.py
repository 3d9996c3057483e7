from dataclasses import replace

import numpy as np
import pytest

from evals.position import (
    ALL_CURES,
    SIDES,
    Cure,
    Repeated,
    averaged_at,
    cured_views,
    mirrored,
    one_sided,
    repeated,
    views,
)
from evals.position_pages import probe_table, stroke_table
from napari_vitrail.features import vit_features_steps
from napari_vitrail.progress import drain
from napari_vitrail.spec import FeatureSpec
from napari_vitrail.strokes import Painted

SPEC = FeatureSpec(features="vit", backbone="tiny", sampling="strided", stride=5, tile=64, halo=16)
SHAPE = (90, 70)
PIXELS = np.array([(0, 0), (11, 52), (89, 69), (40, 3)])


@pytest.fixture(scope="module")
def rgb():
    """Return an image of noise."""
    return np.random.default_rng(0).random((*SHAPE, 3), np.float32)


@pytest.fixture(scope="module")
def known(rgb, tiny_backbone):
    """Return its features in every orientation."""
    return views(rgb, SPEC, tiny_backbone)


@pytest.mark.parametrize("flips", ["none", "turn", "paper", "group"])
@pytest.mark.parametrize("cure", ["none", "blank"])
def test_recipes_that_the_product_has_are_the_products(flips, cure, rgb, known, tiny_backbone):
    spec = replace(SPEC, flips=flips, position_cure=cure)
    expected = drain(vit_features_steps(rgb, spec, tiny_backbone)).at(PIXELS)
    own = Cure("own", flips, "noise" if cure == "blank" else "none")
    found = averaged_at(cured_views(known, SHAPE, own, SPEC, tiny_backbone), flips, PIXELS, SHAPE)
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def test_a_mirrored_image_shows_the_pixels_where_they_are_said_to_be():
    image = np.arange(12).reshape(3, 4)
    positions = np.argwhere(image >= 0)
    for axes in ((), (0,), (1,), (0, 1)):
        moved = mirrored(positions, image.shape, axes)
        np.testing.assert_array_equal(np.flip(image, axes)[tuple(moved.T)], image.ravel())


def test_the_group_says_the_same_of_an_image_in_every_orientation(known):
    upright = averaged_at(known, "group", PIXELS, SHAPE)
    for axes in ((0,), (1,), (0, 1)):
        found = averaged_at(known, "group", mirrored(PIXELS, SHAPE, axes), SHAPE, axes)
        np.testing.assert_allclose(found, upright, atol=1e-5 * np.abs(upright).max())


@pytest.mark.parametrize("cure", ALL_CURES, ids=lambda cure: cure.name)
def test_every_cure_keeps_the_shape_and_only_none_keeps_the_values(cure, known, tiny_backbone):
    plain = averaged_at(known, "none", PIXELS, SHAPE)
    found = averaged_at(cured_views(known, SHAPE, cure, SPEC, tiny_backbone), cure.flips, PIXELS, SHAPE)
    assert found.shape == plain.shape
    assert np.isfinite(found).all()
    assert np.array_equal(found, plain) == (cure.name == "none")


def test_copies_of_a_stroke_are_read_in_their_own_copy_and_held_out_together(known):
    grey = np.zeros(SHAPE, np.uint8)
    features = Repeated(SPEC, grey, known[()], np.zeros((*SHAPE, 58), np.float32), views=known, flips="turn")
    strokes = Painted(PIXELS, np.array([1, 1, 2, 2]), np.array([0, 0, 1, 2]))
    twice = repeated(strokes, 2)
    np.testing.assert_array_equal(twice.strokes, [0, 0, 1, 2, 0, 0, 1, 2])
    upright, turned = np.split(features.vit_at(twice.positions), 2)
    np.testing.assert_array_equal(upright, known[()].at(PIXELS))
    np.testing.assert_array_equal(turned, known[0, 1].at(mirrored(PIXELS, SHAPE, (0, 1))))


@pytest.mark.parametrize("side", SIDES)
def test_the_two_largest_classes_are_kept_in_opposite_thirds(side):
    truth = np.random.default_rng(0).choice([1, 2, 4], (30, 60), p=[0.5, 0.1, 0.4])
    restricted = one_sided(truth, side)
    axis, start = SIDES[side][0], {1: 1, -1: 4}[SIDES[side][1]]
    third = truth.shape[axis] // 3
    places = {class_id: np.argwhere(restricted == class_id)[:, axis] for class_id in (1, 4)}
    assert places[start].max() == third - 1
    assert places[5 - start].min() == 2 * third
    np.testing.assert_array_equal(restricted == 2, truth == 2)
    np.testing.assert_array_equal(restricted[restricted > 0], truth[restricted > 0])


def test_a_class_that_its_third_does_not_show_leaves_nothing_to_paint():
    truth = np.where(np.arange(30)[:, None] < 15, 1, 2) * np.ones((30, 30), int)
    assert one_sided(truth, "top/bottom") is not None
    assert one_sided(truth, "bottom/top") is None
    assert one_sided(truth, "left/right") is not None


def strokes(cure, image, iou, features="vit"):
    return {"set": "a", "features": features, "cure": cure, "image": image, "iou": iou}


def test_gains_are_of_the_same_image_and_strokes():
    rows = [
        strokes("none", "x", 0.2), strokes("none", "x", 0.3), strokes("none", "y", 0.7),
        strokes("blank", "x", 0.4), strokes("blank", "x", 0.5), strokes("blank", "y", 0.9),
    ]  # fmt: skip
    lines = stroke_table(rows).splitlines()
    assert lines[2] == "| none | 0.475 | +0.000 | +0.000 |"
    assert lines[3] == "| blank | 0.675, +0.200 (+0.200 to +0.200) | +0.200 | +0.200 |"


def test_a_cure_that_was_not_tried_on_every_set_has_no_mean():
    rows = [strokes("none", "x", 0.2), strokes("none", "x", 0.3) | {"set": "b"}, strokes("blank", "x", 0.4)]
    assert stroke_table(rows).splitlines()[3] == "| blank | 0.400, +0.200 |  |  |  |"


def test_the_probes_table_has_both_kinds_of_place():
    rows = [{"set": "a", "cure": "none", "image": image, "place": 0.75, "from_middle": 0.5} for image in "xy"]
    assert "| none | 0.75 (0.75 to 0.75) | 0.50 (0.50 to 0.50) |" in probe_table(rows)
