from collections import Counter

import numpy as np
import pytest

from napari_vitrail.features._transforms import Compose, Flip, Shift, flips, shifts, views
from napari_vitrail.spec import FeatureSpec

SHIFTS = [Shift(1, -2), Shift(-3, 0), Shift(0, 2), Shift(2, 2, "wrap"), Shift(-1, 3, "wrap")]
FLIPS = [Flip(0), Flip(1), Compose((Flip(0), Flip(1)))]
SINGLE = [Compose(()), *SHIFTS, *FLIPS]
PAIRS = [Compose((first, second)) for first in SINGLE for second in SINGLE]


@pytest.fixture
def noise():
    """Return 9 x 8 pixels of noise without a zero, so that zero means unknown."""
    return 1 + np.random.default_rng(0).random((9, 8), np.float32)


@pytest.mark.parametrize("transform", [*SINGLE, *PAIRS], ids=str)
def test_invert_undoes_apply_or_says_that_it_cannot_know(transform, noise):
    back = transform.invert(transform.apply(noise))
    known = back != 0
    np.testing.assert_array_equal(back[known], noise[known])
    assert known[3:6, 3:5].all() or isinstance(transform, Compose)


@pytest.mark.parametrize("flip", FLIPS, ids=str)
@pytest.mark.parametrize("shift", SHIFTS, ids=str)
def test_of_a_shift_and_a_flip_the_inside_is_known(shift, flip, noise):
    transform = Compose((shift, flip))
    np.testing.assert_array_equal(transform.invert(transform.apply(noise))[3:6, 3:5], noise[3:6, 3:5])


@pytest.mark.parametrize("transform", [Shift(2, 2, "wrap"), *FLIPS], ids=str)
def test_wraps_and_flips_know_everything(transform, noise):
    np.testing.assert_array_equal(transform.invert(transform.apply(noise)), noise)


@pytest.mark.parametrize("border", ["reflect", "wrap"])
def test_what_was_at_y_x_is_at_y_plus_dy_x_plus_dx(noise, border):
    shifted = Shift(2, -3, border).apply(noise)
    assert shifted[4 + 2, 5 - 3] == noise[4, 5]


def test_what_enters_is_the_image_reflected():
    row = np.array([[1, 2, 3, 4]])
    assert Shift(0, 2).apply(row).tolist() == [[3, 2, 1, 2]]
    assert Shift(0, -2).apply(row).tolist() == [[3, 4, 3, 2]]


def test_what_enters_may_be_the_other_side():
    assert Shift(0, 1, "wrap").apply(np.array([[1, 2, 3]])).tolist() == [[3, 1, 2]]


def test_what_left_the_image_is_unknown():
    row = np.array([[1.0, 2, 3, 4]])
    assert Shift(0, 1).invert(Shift(0, 1).apply(row)).tolist() == [[1, 2, 3, 0]]
    assert Shift(0, -1).invert(Shift(0, -1).apply(row)).tolist() == [[0, 2, 3, 4]]


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (3, 1), (2, 2)], ids=str)
@pytest.mark.parametrize("shift", [Shift(dy, dx) for dy in (-4, -2, 0, 3) for dx in (-3, 0, 1, 4)], ids=str)
def test_a_shift_beyond_a_tiny_image_knows_nothing_that_it_does_not(shift, shape):
    image = 1 + np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    shifted = shift.apply(image)
    assert shifted.shape == shape
    back = shift.invert(shifted)
    expected = np.zeros(shape, np.float32)
    for row, column in np.ndindex(shape):
        if 0 <= row + shift.dy < shape[0] and 0 <= column + shift.dx < shape[1]:
            expected[row, column] = image[row, column]
    np.testing.assert_array_equal(back, expected)


@pytest.mark.parametrize("transform", SINGLE, ids=str)
def test_colours_and_features_travel_together(transform):
    image = np.random.default_rng(0).random((6, 7, 3), np.float32)
    moved = transform.apply(image)
    for channel in range(3):
        np.testing.assert_array_equal(moved[..., channel], transform.apply(image[..., channel]))
        np.testing.assert_array_equal(
            transform.invert(moved)[..., channel], transform.invert(moved[..., channel])
        )


@pytest.mark.parametrize("transform", [*SINGLE, PAIRS[13]], ids=str)
def test_nothing_is_changed_in_place(transform, noise):
    before = noise.copy()
    transform.invert(transform.apply(noise))
    np.testing.assert_array_equal(noise, before)


def test_compose_undoes_the_last_step_first(noise):
    both = Compose((Shift(0, 2, "wrap"), Flip(1)))
    np.testing.assert_array_equal(both.apply(noise), np.flip(np.roll(noise, 2, axis=1), axis=1))
    np.testing.assert_array_equal(both.invert(both.apply(noise)), noise)


@pytest.mark.parametrize(
    ("kind", "distance", "count"),
    [("none", 2, 1), ("neumann", 1, 5), ("moore", 1, 9), ("moore", 2, 17), ("moore", 4, 33)],
)
def test_as_many_shifts_as_the_paper_has(kind, distance, count):
    made = shifts(kind, distance)
    assert len(made) == len(set(made)) == count
    assert made[0] == (0, 0)


def test_neumann_neighbours_share_an_edge():
    assert set(shifts("neumann", 1)[1:]) == {(-1, 0), (1, 0), (0, -1), (0, 1)}


def test_shifts_are_balanced():
    made = shifts("moore", 3)[1:]
    assert sum(dy for dy, _ in made) == sum(dx for _, dx in made) == 0
    assert Counter(max(abs(dy), abs(dx)) for dy, dx in made) == {1: 8, 2: 8, 3: 8}


@pytest.mark.parametrize(
    ("kind", "weights"),
    [("none", [1]), ("turn", [0.5] * 2), ("paper", [0.5, 0.25, 0.25]), ("group", [0.25] * 4)],
)
def test_flips_weigh_as_in_the_paper(kind, weights):
    made = np.array([weight for _, weight in flips(kind)])
    assert (made / made.sum()).tolist() == weights


def test_a_turn_is_by_half_a_circle():
    image = np.arange(6.0).reshape(2, 3)
    _, view = views(FeatureSpec(flips="turn"))
    transform = view.transform("reflect")
    np.testing.assert_array_equal(transform.apply(image), np.rot90(image, 2))
    np.testing.assert_array_equal(transform.invert(transform.apply(image)), image)


def test_every_shift_meets_every_flip():
    made = views(FeatureSpec(shifts="moore", shift_distance=2, flips="paper"))
    assert len(made) == 51
    assert sum(view.weight for view in made) == 68


def test_a_spec_without_averages_has_the_image_alone():
    [view] = views(FeatureSpec())
    image = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(view.transform("reflect").apply(image), image)
    assert view.weight == 1


def test_a_view_is_shifted_and_then_flipped():
    [*_, view] = views(FeatureSpec(shifts="neumann", shift_distance=2, flips="group"))
    assert (view.shift, view.flips) == ((2, 0), (True, True))
    assert view.transform("wrap") == Compose((Shift(2, 0, "wrap"), Flip(0), Flip(1)))
