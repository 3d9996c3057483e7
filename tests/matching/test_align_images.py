"""Two images laid over each other without a pair set by hand."""

from dataclasses import replace

import numpy as np
import pytest
from skimage.data import astronaut

from napari_vitrail import MATCHING, MatchingSpec, align_images, align_steps, warp_image

TINY = MatchingSpec(
    replace(MATCHING.descriptor, layer=2, stride=4),
    side=160,
    guide=(2, "token"),
    fine=(0, "token"),
    window=7.0,
)
SHIFT = (9, -14)


def cropped(row, column, side=160):
    return astronaut()[row : row + side, column : column + side]


@pytest.fixture(scope="module")
def fixed():
    return cropped(40, 120)


def test_a_shift_is_found_to_a_fraction_of_a_pixel(fixed, tiny_backbone):
    moving = cropped(40 + SHIFT[0], 120 + SHIFT[1])
    found, pairs = align_images(moving, fixed, "translation", TINY, backbone=tiny_backbone)
    np.testing.assert_allclose(found.matrix[:2, 2], SHIFT, atol=0.2)
    print(len(pairs), found.residuals.mean(), found.inliers.mean())


def test_turned(fixed, tiny_backbone):
    moving = np.rot90(fixed)  # (r, c) of moving shows fixed (c, 159 - r)
    found, pairs = align_images(moving, fixed, "rigid", TINY, backbone=tiny_backbone)
    print(found.to_fixed([[10, 20], [70, 80], [120, 30]]), [[20, 149], [80, 89], [30, 39]])


def test_same(fixed, tiny_backbone):
    found, pairs = align_images(fixed, fixed, "affine", TINY, backbone=tiny_backbone)
    print(len(pairs), found.matrix)
    found, pairs = align_images(
        fixed[:, :, 0], np.repeat(np.repeat(fixed, 2, 0), 2, 1), "thin-plate", TINY, backbone=tiny_backbone
    )
    print(found.to_fixed([[10, 20], [70, 80], [120, 30]]))


def test_black(fixed, tiny_backbone):
    b = np.zeros((160, 160), np.uint8)
    for x, y in ((b, b), (b, fixed), (fixed, cropped(300, 300))):
        try:
            print(align_images(x, y, "affine", TINY, backbone=tiny_backbone))
        except ValueError as e:
            print(e)
