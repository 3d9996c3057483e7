"""Stacks, slice by slice."""

from dataclasses import replace

import numpy as np
import pytest
from skimage.data import camera

from napari_vitrail import MATCHING, ImagePair, MatchingSpec, see_image, see_slices

SPEC = MatchingSpec(
    replace(MATCHING.descriptor, layer=2),
    side=112, bins=1, guide=(1, "token"), fine=None,
)  # fmt: skip
POINTS = np.array([[30.0, 40.0], [60.0, 72.0], [85.0, 30.0]])


@pytest.fixture(scope="module")
def stack():
    """Return a stack (12, 112, 112) of uint16 in which a picture moves by a pixel from slice to slice."""
    picture = camera().astype(np.uint16) * 100
    return np.stack([picture[90 + z : 202 + z, 180:292] for z in range(12)])


class Lazy:
    """A stack that notes which slices are read."""

    def __init__(self, stack):
        self.shape, self._stack, self.read = stack.shape, stack, []

    def __getitem__(self, z):
        self.read.append(z)
        return self._stack[z]


def test_slices_of_the_range_are_seen_in_order(stack, tiny_backbone):
    seen = dict(see_slices(stack, SPEC, z_range=slice(2, 9, 3), backbone=tiny_backbone))
    assert list(seen) == [2, 5, 8]
    assert all(one.shape == (112, 112) for one in seen.values())


def test_a_slice_is_read_when_it_is_asked_for(stack, tiny_backbone):
    lazy = Lazy(stack)
    slices = see_slices(lazy, SPEC, z_range=slice(4, 7), backbone=tiny_backbone)
    assert lazy.read == []
    assert next(slices)[0] == 4
    assert lazy.read == [4]


def test_points_go_from_an_image_to_slices(stack, tiny_backbone):
    reference = see_image(stack[4], SPEC, backbone=tiny_backbone)
    for _, seen in see_slices(stack, SPEC, z_range=slice(4, 6), backbone=tiny_backbone):
        found = ImagePair(reference, seen).transfer(POINTS)
        assert np.median(np.linalg.norm(found.points1 - POINTS, axis=1)) < 8


def test_colour_stacks_are_seen(stack, tiny_backbone):
    colour = np.repeat((stack[:2, ..., None] // 256).astype(np.uint8), 3, axis=3)
    assert [z for z, _ in see_slices(colour, SPEC, z_range=slice(-1, None), backbone=tiny_backbone)] == [1]


@pytest.mark.parametrize(
    ("shape", "z_range", "message"),
    [
        ((8, 9), slice(None), r"stack must be \(Z, H, W\), .* got shape \(8, 9\)"),
        ((2, 3, 8, 9), slice(None), r"got shape \(2, 3, 8, 9\)"),
        ((8, 9, 3), slice(None), r"got shape \(8, 9, 3\), which is one image; use see_image"),
        ((5, 8, 9), slice(5, 9), r"z_range must hold one of 5 slices at least, got slice\(5, 9, None\)"),
    ],
)
def test_what_is_no_stack_is_refused_at_once(shape, z_range, message):
    with pytest.raises(ValueError, match=message):
        see_slices(np.zeros(shape), z_range=z_range)
