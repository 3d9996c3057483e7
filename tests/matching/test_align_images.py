"""Two images laid over each other without a pair set by hand."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.interpolate import RBFInterpolator
from scipy.ndimage import map_coordinates
from skimage import data

from napari_vitrail import MATCHING, MatchingSpec, align_images, align_steps, drain

TINY = MatchingSpec(
    replace(MATCHING.descriptor, layer=2, stride=4),
    side=160,
    guide=(2, "token"),
    fine=(0, "token"),
    window=7.0,
)
SHIFT = (9, -14)


def cropped(row, column, side=160):
    """Return a part (side, side, 3) of a photograph."""
    return data.astronaut()[row : row + side, column : column + side]


@pytest.fixture(scope="module")
def fixed():
    """Return an image (160, 160, 3) with something everywhere."""
    return cropped(40, 130)


def test_a_shift_is_found_to_a_fraction_of_a_pixel(fixed, tiny_backbone):
    moving = cropped(40 + SHIFT[0], 130 + SHIFT[1])
    found, pairs = align_images(moving, fixed, "translation", TINY, backbone=tiny_backbone)
    np.testing.assert_allclose(found.matrix[:2, 2], SHIFT, atol=0.3)
    assert len(pairs) == len(found.residuals) > 40
    assert found.inliers.mean() > 0.9
    np.testing.assert_allclose(np.median(pairs.points0 - pairs.points1, axis=0), SHIFT, atol=0.5)


def test_grey_colour_and_size_may_differ(fixed, tiny_backbone):
    wide = np.repeat(np.repeat(fixed, 2, axis=0), 2, axis=1)
    found, _ = align_images(fixed[:, :, 0], wide, "thin-plate", TINY, backbone=tiny_backbone)
    points = np.array([[20, 30], [70, 80], [100, 30]])
    np.testing.assert_allclose(found.to_fixed(points), 2 * points + 0.5, atol=3)


@pytest.mark.slow
def test_images_may_be_turned_by_any_angle(fixed, tiny_backbone):
    moving = np.rot90(fixed)  # (r, c) of it shows (c, 159 - r)
    found, _ = align_images(moving, fixed, "rigid", TINY, backbone=tiny_backbone)
    points = np.array([[20, 30], [70, 80], [100, 30]])
    truth = np.column_stack([points[:, 1], 159 - points[:, 0]])
    np.testing.assert_allclose(found.to_fixed(points), truth, atol=1)


def test_pairs_that_are_spread_agree_where_any_does(fixed, tiny_backbone):
    moving = cropped(40 + SHIFT[0], 130 + SHIFT[1])
    aligned = align_images(moving, fixed, "translation", TINY, backbone=tiny_backbone)
    assert aligned.is_credible
    rows = aligned.spread_rows(12)
    assert len(set(rows.tolist())) == 12
    assert np.ptp(aligned.pairs.points0[rows], axis=0).min() > 80
    half = np.arange(len(aligned.pairs)) % 2 == 0
    doubtful = aligned._replace(alignment=replace(aligned.alignment, inliers=half))
    assert doubtful.alignment.inliers[doubtful.spread_rows(12)].all()
    few = aligned._replace(
        alignment=replace(aligned.alignment, inliers=np.arange(len(half)) < len(half) // 3)
    )
    assert not few.is_credible
    assert len(aligned.spread_rows(10_000)) == len(aligned.pairs)


def test_an_image_lies_on_itself(fixed, tiny_backbone):
    found, pairs = align_images(fixed, fixed, spec=TINY, backbone=tiny_backbone)
    np.testing.assert_allclose(found.to_fixed([[64, 64]]), [[64, 64]], atol=0.3)
    assert np.median(found.residuals) < 0.3
    assert (pairs.similarity > 0.5).all()


@pytest.mark.parametrize("level", [0, 130])
def test_an_image_of_nothing_lies_nowhere(fixed, tiny_backbone, level):
    nothing = np.full((96, 120), level, np.uint8)
    for other in (nothing, fixed):
        steps = align_steps(nothing, other, spec=TINY, backbone=tiny_backbone)
        with pytest.raises(ValueError, match=r"the images must have 12 or more places in common .* got \d;"):
            drain(steps)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "elastic"}, "unknown kind 'elastic'; known: translation, rigid"),
        ({"spec": replace(TINY, fine=None)}, "spec must have a guide and a fine layer"),
        ({"spec": replace(TINY, guide=None)}, "spec must have a guide and a fine layer"),
    ],
)
def test_what_cannot_be_aligned_is_refused_before_anything_is_computed(options, message):
    with pytest.raises(ValueError, match=message):
        align_images(np.zeros((9, 9)), np.zeros((9, 9)), **options)


SIDE = 512
EVERYWHERE = np.stack(np.mgrid[8:SIDE:16, 8:SIDE:16], axis=-1).reshape(-1, 2).astype(float)


def turned(points):
    """Return points turned by 23 degrees, scaled by 0.9 and sheared by 0.05, about the middle."""
    angle = np.deg2rad(23)
    turn = 0.9 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (points - SIDE / 2) @ (turn @ [[1, 0.05], [0, 1]]).T + SIDE / 2 + [12, -7]


def bent(points):
    """Return points moved by a thin plate through 5 x 5 places, each moved by up to 20 pixels either way."""
    line = np.linspace(0, SIDE - 1, 5)
    places = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
    moves = np.random.default_rng(101).uniform(-20, 20, places.shape)
    return points + RBFInterpolator(places, moves, kernel="thin_plate_spline", degree=1)(points)


def copied(image, warp):
    """Return the image that shows at a point what the given one shows where `warp` takes it."""
    places = warp(np.indices((SIDE, SIDE)).reshape(2, -1).T.astype(float)).T
    planes = [map_coordinates(plane, places, order=1) for plane in np.moveaxis(np.atleast_3d(image), 2, 0)]
    return np.stack(planes, axis=-1).reshape(SIDE, SIDE, -1).squeeze()


PHOTOGRAPHS = {
    "astronaut": data.astronaut,
    "histology": data.immunohistochemistry,
    "cell": lambda: data.cell()[74:586, 19:531],
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "warp", "kind"),
    [
        ("histology", turned, "affine"),
        ("cell", turned, "affine"),
        ("cell", bent, "thin-plate"),
        ("astronaut", bent, "thin-plate"),
    ],
)
def test_a_warped_photograph_is_aligned_to_less_than_two_pixels(name, warp, kind, real_backbone):
    photograph = PHOTOGRAPHS[name]()
    found, pairs = align_images(copied(photograph, warp), photograph, kind, backbone=real_backbone)
    truth = warp(EVERYWHERE)
    inside = ((truth >= 0) & (truth <= SIDE - 1)).all(axis=1)
    errors = np.linalg.norm(found.to_fixed(EVERYWHERE) - truth, axis=1)[inside]
    assert np.median(errors) < 2
    missed = np.linalg.norm(warp(pairs.points1) - pairs.points0, axis=1)
    assert np.median(missed) < 1
