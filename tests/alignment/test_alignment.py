"""Transforms fitted to pairs whose truth is known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_vitrail import Correspondences, fit_alignment

TURNED = np.array([[0.9, -0.3, 60.0], [0.25, 1.1, -30.0], [0.0, 0.0, 1.0]])
SIDE = 512


def rigid(angle, scale=1.0, shift=(0.0, 0.0)):
    """Return a matrix that turns, scales and then shifts."""
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[cosine, -sine, shift[0]], [sine, cosine, shift[1]], [0, 0, 1]])


def mapped(matrix, points):
    """Return points as a matrix maps them, by the book."""
    homogeneous = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return homogeneous[:, :2] / homogeneous[:, 2:]


def bent(points):
    """Return points moved by up to thirty pixels, smoothly and as no affine transform does."""
    row, column = points.T / SIDE
    return points + 30 * np.column_stack(
        [
            np.sin(2 * np.pi * column) * np.cos(np.pi * row),
            np.cos(2 * np.pi * row + 1) * np.sin(np.pi * column),
        ]
    )


def scattered(count, seed=0):
    return np.random.default_rng(seed).uniform(0, SIDE - 1, (count, 2))


def spoilt(points, noise=1.0, wrong=0.2, seed=1):
    """Return points with noise, and which of them are somewhere else altogether."""
    random = np.random.default_rng(seed)
    points = points + random.normal(0, noise, points.shape)
    outliers = np.zeros(len(points), bool)
    outliers[random.choice(len(points), int(wrong * len(points)), replace=False)] = True
    points[outliers] = random.uniform(0, SIDE - 1, (outliers.sum(), 2))
    return points, outliers


MATRICES = {
    "translation": rigid(0, shift=(12.5, -40)),
    "rigid": rigid(0.4, shift=(-20, 30)),
    "similarity": rigid(-2.0, 0.6, shift=(300, 100)),
    "affine": TURNED,
    "projective": np.array([[1.0, 0.1, 5], [-0.05, 0.9, 8], [2e-4, -3e-4, 1]]),
}
LEAST = {"translation": 1, "rigid": 2, "similarity": 2, "affine": 3, "projective": 4}
SQUARE = np.array([[10.0, 20], [200, 30], [180, 210], [40, 190]])


@pytest.mark.parametrize("kind", MATRICES)
def test_the_matrix_maps_rows_and_columns_of_the_moving_image_to_the_fixed_one(kind):
    points = SQUARE[: LEAST[kind]]
    alignment = fit_alignment(points, mapped(MATRICES[kind], points), kind)
    matrix = alignment.matrix / alignment.matrix[2, 2]
    np.testing.assert_allclose(matrix, MATRICES[kind], atol=1e-6)
    assert alignment.inliers.all()
    np.testing.assert_allclose(alignment.residuals, 0, atol=1e-6)


def test_a_shift_down_is_a_shift_of_rows():
    alignment = fit_alignment([[0, 0], [5, 9]], [[3, 0], [8, 9]], "translation")
    assert alignment.matrix.tolist() == [[1, 0, 3], [0, 1, 0], [0, 0, 1]]
    assert alignment.to_fixed([[1, 1]]).tolist() == [[4, 1]]
    assert alignment.to_moving([[4, 1]]).tolist() == [[1, 1]]


@pytest.mark.parametrize("kind", MATRICES)
def test_to_moving_undoes_to_fixed(kind):
    moving = scattered(30)
    alignment = fit_alignment(moving, mapped(MATRICES[kind], moving), kind)
    np.testing.assert_allclose(alignment.to_moving(alignment.to_fixed(moving)), moving, atol=1e-6)


@pytest.mark.parametrize("kind", MATRICES)
def test_noise_and_a_fifth_of_wrong_pairs_leave_an_error_below_two_pixels(kind):
    moving = scattered(60)
    fixed, wrong = spoilt(mapped(MATRICES[kind], moving))
    alignment = fit_alignment(moving, fixed, kind)
    assert not (alignment.inliers & wrong).any()
    assert (alignment.inliers | wrong).mean() > 0.95
    elsewhere = scattered(500, seed=2)
    errors = np.linalg.norm(alignment.to_fixed(elsewhere) - mapped(MATRICES[kind], elsewhere), axis=1)
    assert np.median(errors) < 1


@pytest.mark.parametrize("seed", range(3))
def test_a_thin_plate_bends_with_the_pairs_and_not_with_their_errors(seed):
    moving = scattered(100, seed)
    fixed, wrong = spoilt(bent(moving), seed=seed)
    alignment = fit_alignment(moving, fixed, "thin-plate")
    assert not (alignment.inliers & wrong).any()
    elsewhere = np.random.default_rng(9).uniform(20, SIDE - 20, (500, 2))
    assert np.median(np.linalg.norm(alignment.to_fixed(elsewhere) - bent(elsewhere), axis=1)) < 1.5
    stiff = fit_alignment(moving, fixed, "affine", threshold=50)
    assert np.median(np.linalg.norm(stiff.to_fixed(elsewhere) - bent(elsewhere), axis=1)) > 10


@pytest.mark.parametrize("seed", range(3))
def test_a_thin_plate_does_not_follow_a_third_of_pairs_that_are_wrong_by_a_little(seed):
    moving = scattered(200, seed)
    fixed, _ = spoilt(bent(moving), wrong=0, seed=seed)
    random = np.random.default_rng(seed)
    wrong = random.random(200) < 0.35
    angle, length = random.uniform(0, 2 * np.pi, 200), random.uniform(10, 35, 200)
    fixed[wrong] += (length * np.array([np.sin(angle), np.cos(angle)])).T[wrong]
    alignment = fit_alignment(moving, fixed, "thin-plate")
    assert alignment.inliers[wrong].mean() < 0.1
    assert alignment.inliers[~wrong].mean() > 0.85
    elsewhere = np.random.default_rng(9).uniform(20, SIDE - 20, (500, 2))
    assert np.median(np.linalg.norm(alignment.to_fixed(elsewhere) - bent(elsewhere), axis=1)) < 2


def test_a_thin_plate_through_exact_pairs_goes_through_them_and_back():
    moving = scattered(150)
    alignment = fit_alignment(moving, bent(moving), "thin-plate", threshold=None)
    np.testing.assert_allclose(alignment.to_fixed(moving), bent(moving), atol=1e-3)
    inside = np.random.default_rng(3).uniform(60, SIDE - 60, (200, 2))
    again = alignment.to_moving(alignment.to_fixed(inside))
    assert np.median(np.linalg.norm(again - inside, axis=1)) < 0.2


def test_a_thin_plate_of_affine_pairs_is_that_affine_transform():
    moving = scattered(40)
    fixed, _ = spoilt(mapped(TURNED, moving), noise=0.5, wrong=0)
    alignment = fit_alignment(moving, fixed, "thin-plate")
    outside = np.array([[-200.0, -200.0], [700.0, 700.0]])
    np.testing.assert_allclose(alignment.to_fixed(outside), mapped(TURNED, outside), atol=2)
    exact = fit_alignment(SQUARE[:3], mapped(TURNED, SQUARE[:3]), "thin-plate")
    np.testing.assert_allclose(exact.to_fixed(outside), mapped(TURNED, outside), atol=1e-3)


def test_residuals_of_a_thin_plate_are_of_one_that_does_not_know_the_pair():
    rows, columns = np.mgrid[0:500:100, 0:500:100]
    moving = np.column_stack([rows.ravel(), columns.ravel()]).astype(float)
    fixed = moving.copy()
    fixed[12] += (0, 8)
    alignment = fit_alignment(moving, fixed, "thin-plate", threshold=100)
    others = np.arange(25) != 12
    without = fit_alignment(moving[others], fixed[others], "thin-plate", threshold=None)
    assert np.linalg.norm(without.to_fixed(moving[12:13]) - fixed[12]) == pytest.approx(8, abs=0.01)
    assert alignment.residuals[12] == pytest.approx(8, rel=0.05)


def test_all_pairs_are_fitted_without_a_threshold():
    fixed, wrong = spoilt(mapped(TURNED, scattered(40)))
    alignment = fit_alignment(scattered(40), fixed, "affine", threshold=None)
    assert alignment.inliers.all()
    assert alignment.residuals[wrong].min() > 5


def test_the_same_seed_gives_the_same_alignment():
    moving = scattered(40)
    fixed, _ = spoilt(bent(moving), wrong=0.4)
    first, second = (fit_alignment(moving, fixed, "affine", threshold=20, random_state=3) for _ in range(2))
    np.testing.assert_array_equal(first.matrix, second.matrix)


def test_twins_among_the_pairs_do_no_harm():
    moving = np.repeat(scattered(20), 2, axis=0)
    for kind in ("rigid", "affine", "thin-plate"):
        alignment = fit_alignment(moving, moving + 3, kind)
        np.testing.assert_allclose(alignment.to_fixed(moving), moving + 3, atol=1e-3)


def test_correspondences_are_fitted_from_either_side():
    found = Correspondences(SQUARE, mapped(TURNED, SQUARE))
    there = fit_alignment(found.points0, found.points1)
    back = fit_alignment(found.points1, found.points0)
    np.testing.assert_allclose(there.matrix @ back.matrix, np.eye(3), atol=1e-9)


def test_nothing_lies_beyond_the_horizon_of_a_projective_alignment():
    matrix = np.array([[1.0, 0, 0], [0, 1, 0], [-0.002, 0, 1]])  # the horizon is row 500
    alignment = fit_alignment(SQUARE, mapped(matrix, SQUARE), "projective")
    near, beyond = alignment.to_fixed([[400.0, 10], [600.0, 10]])
    np.testing.assert_allclose(near, mapped(matrix, np.array([[400.0, 10]]))[0], rtol=1e-4)
    assert np.isnan(beyond).all()


@pytest.mark.parametrize("planes", [(), (4,)])
def test_the_affine_puts_the_moving_layer_on_the_fixed_one_however_they_lie(planes):
    layers = pytest.importorskip("napari.layers")
    alignment = fit_alignment(SQUARE, mapped(TURNED, SQUARE))
    empty, deep = np.zeros((*planes, 8, 8)), (3.0,) * len(planes)
    moving = layers.Image(empty, scale=(*deep, 0.5, 0.25), translate=(*deep, 7, 9), affine=rigid(1.0))
    turn = (
        rigid(0.3)[:2, :2]
        if not planes
        else np.block([[np.eye(1), np.zeros((1, 2))], [np.zeros((2, 1)), rigid(0.3)[:2, :2]]])
    )
    fixed = layers.Image(empty, scale=(*deep, 2, 2), rotate=turn, translate=(*deep, 1, 2), affine=TURNED)
    moving.affine = alignment.layer_affine(moving, fixed)
    for point in ([33.0, 44.0], [0.0, 100.0]):
        there = alignment.to_fixed([point])[0]
        seen = moving.data_to_world([0.0] * len(planes) + point)
        np.testing.assert_allclose(seen[-2:], fixed.data_to_world([0.0] * len(planes) + there.tolist())[-2:])


def test_a_layer_that_is_turned_out_of_its_plane_is_refused():
    alignment = fit_alignment(SQUARE, mapped(TURNED, SQUARE))
    flat = {"ndim": 3, "scale": (1, 1, 1), "translate": (0, 0, 0), "shear": (0, 0, 0), "affine": np.eye(4)}
    tilt = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])  # of planes into rows
    moving = SimpleNamespace(**flat, rotate=np.eye(3))
    with pytest.raises(ValueError, match="fixed must not be turned out of the plane"):
        alignment.layer_affine(moving, SimpleNamespace(**flat, rotate=tilt))


@pytest.mark.parametrize("kind", ["projective", "thin-plate"])
def test_what_a_layer_cannot_show_is_refused_as_its_affine(kind):
    alignment = fit_alignment(SQUARE, SQUARE + 2, kind)
    with pytest.raises(ValueError, match=f"no layer's affine can be {kind}: warp"):
        _ = alignment.affine


@pytest.mark.parametrize(
    ("kind", "count", "others"),
    [
        ("translation", 0, "more pairs"),
        ("rigid", 1, "translation"),
        ("affine", 2, "translation or rigid or similarity"),
        ("projective", 3, "affine or thin-plate"),
        ("thin-plate", 2, "translation or rigid or similarity"),
    ],
)
def test_too_few_pairs_are_told_what_would_do(kind, count, others):
    with pytest.raises(
        ValueError, match=rf"different points in each image for {kind}, got {count}; .*{others}"
    ):
        fit_alignment(SQUARE[:count], SQUARE[:count], kind)


def test_the_same_pair_many_times_is_one():
    with pytest.raises(ValueError, match="3 or more different points in each image for affine, got 2"):
        fit_alignment(np.repeat(SQUARE[:2], 5, axis=0), np.repeat(SQUARE[:2], 5, axis=0))


@pytest.mark.parametrize("kind", ["affine", "projective", "thin-plate"])
def test_points_on_a_line_are_told_what_would_do(kind):
    line = np.column_stack([np.arange(10.0), 2 * np.arange(10.0)])
    with pytest.raises(ValueError, match=f"not lie on one line for {kind}, and do; translation, rigid or"):
        fit_alignment(line, SQUARE[np.arange(10) % 4], kind)
    np.testing.assert_allclose(fit_alignment(line, line + 4, "rigid").matrix[:2, 2], 4)


def test_four_pairs_of_which_three_are_on_a_line_give_no_projective_transform():
    points = np.array([[0.0, 0], [10, 10], [20, 20], [0, 30]])
    other = np.array([[0.0, 0], [10, 12], [20, 20], [0, 30]])
    with pytest.raises(ValueError, match="projective"):
        fit_alignment(points, other, "projective")


def test_pairs_that_do_not_agree_are_an_error():
    with pytest.raises(ValueError, match=r"agree on one similarity transform within 2 pixels.*threshold"):
        fit_alignment(scattered(12), scattered(12, seed=5), "similarity", threshold=2)


def test_nan_is_named_with_its_row():
    points = SQUARE.copy()
    points[2, 1] = np.nan
    with pytest.raises(ValueError, match=r"fixed must be finite.*row 2"):
        fit_alignment(SQUARE, points)


def test_misuse_says_what_was_asked():
    with pytest.raises(ValueError, match="as many points, got 4 and 3"):
        fit_alignment(SQUARE, SQUARE[:3])
    with pytest.raises(ValueError, match="unknown kind 'warp'; known: translation, rigid"):
        fit_alignment(SQUARE, SQUARE, "warp")
    with pytest.raises(ValueError, match="threshold must be more than 0"):
        fit_alignment(SQUARE, SQUARE, threshold=-1)
    with pytest.raises(ValueError, match=r"moving must be \(n, 2\)"):
        fit_alignment(np.zeros((4, 3)), SQUARE)
    with pytest.raises(ValueError, match="at most 1000 pairs"):
        fit_alignment(scattered(1001), scattered(1001), "thin-plate")
