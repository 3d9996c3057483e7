"""Photographs warped by known transforms: noisy pairs, a fifth of them wrong, bring them back."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data

from napari_vitrail import fit_alignment, warp_image

SIDE = 512
TURN = np.array([[0.92, -0.28], [0.22, 1.05]])  # 14 degrees, squeezed by an eighth along one side


def turned(points):
    return (points - SIDE / 2) @ TURN.T + SIDE / 2 + np.array([14.0, -9.0])


def bent(points):
    """Return points turned, then moved by up to twenty pixels each way, smoothly."""
    row, column = points.T / SIDE
    waves = [np.sin(2 * np.pi * column + 0.5), np.cos(2 * np.pi * row)]
    return turned(points) + 20 * np.column_stack(waves)


WARPS = {"affine": turned, "thin-plate": bent}
PHOTOGRAPHS = {
    "astronaut": skimage.data.astronaut,
    "camera": skimage.data.camera,
    "coffee": lambda: skimage.data.coffee()[:, 44:556],
}


def photographed(name):
    """Return a photograph with both sides 512 pixels or less."""
    return PHOTOGRAPHS[name]()


def found_pairs(warp, count=80, seed=0):
    """Return points of the fixed and the moving image as a good matcher finds them, and which are right."""
    random = np.random.default_rng(seed)
    moving = random.uniform(0, SIDE - 1, (count, 2))
    fixed = warp(moving) + random.normal(0, 1, (count, 2))
    wrong = random.choice(count, count // 5, replace=False)
    fixed[wrong] = random.uniform(0, SIDE - 1, (len(wrong), 2))
    return moving, fixed, ~np.isin(np.arange(count), wrong)


def exact(warp):
    """Return the warp itself as an alignment, from the fixed image back to the moving one."""
    grid = np.stack(np.meshgrid(*[np.linspace(-100, SIDE + 100, 25)] * 2, indexing="ij"), -1).reshape(-1, 2)
    return fit_alignment(warp(grid), grid, "thin-plate", threshold=None)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", WARPS)
def test_the_median_error_is_below_two_pixels(kind, seed):
    moving, fixed, right = found_pairs(WARPS[kind], seed=seed)
    alignment = fit_alignment(moving, fixed, kind)
    everywhere = np.stack(np.mgrid[8:SIDE:16, 8:SIDE:16], -1).reshape(-1, 2)
    errors = np.linalg.norm(alignment.to_fixed(everywhere) - WARPS[kind](everywhere), axis=1)
    assert np.median(errors) < 2
    assert not alignment.inliers[~right].any()
    assert alignment.inliers[right].mean() > 0.9


@pytest.mark.parametrize("photograph", PHOTOGRAPHS)
@pytest.mark.parametrize("kind", WARPS)
def test_a_warped_photograph_comes_back(kind, photograph):
    fixed_image = photographed(photograph)
    moving_image = warp_image(fixed_image, exact(WARPS[kind]), (SIDE, SIDE))
    moving, fixed, _ = found_pairs(WARPS[kind])
    back = warp_image(moving_image, fit_alignment(moving, fixed, kind), fixed_image.shape)
    inner = np.s_[100:300, 130:380]
    before, after = (
        _likeness(moving_image[inner], fixed_image[inner]),
        _likeness(back[inner], fixed_image[inner]),
    )
    assert after > 0.85
    assert after > before + 0.3


def _likeness(image0, image1):
    """Return how the grey values of two images go together."""
    return np.corrcoef(image0.ravel(), image1.ravel())[0, 1]
