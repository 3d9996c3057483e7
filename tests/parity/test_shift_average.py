"""Docherty et al. (2024), Algorithm 1, pixel by pixel in plain loops."""

from dataclasses import replace

import numpy as np
import pytest

from napari_vitrail.backbones import BackboneInfo
from napari_vitrail.backbones._vit import Tokens
from napari_vitrail.features import vit_features_steps
from napari_vitrail.grid import Grid
from napari_vitrail.progress import drain
from napari_vitrail.spec import FeatureSpec

SPEC = FeatureSpec(features="vit", sampling="strided", stride=2, shift_distance=2)
PAPER_FLIPS = [(False, False), (True, False), (False, False), (False, True)]  # (horizontal, vertical)
GROUP_FLIPS = [(False, False), (True, False), (False, True), (True, True)]
MOORE = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]
NEUMANN = [(-1, 0), (0, -1), (0, 1), (1, 0)]


class Corners:
    """A backbone that is not equivariant: a token is its patch's first pixel, brighter further right."""

    info = BackboneInfo("corners", "toy", 4, 3, 1, 1, 0, 4, 0, "none", "none")

    device = "cpu"

    def tokens(self, image, *, layer, facet, stride, attention, dtype):
        values = corner_tokens(image, stride)
        return Tokens(values, values[0, 0], None)

    def batch_tokens(self, images, **options):
        return [self.tokens(image, **options) for image in images]


def corner_tokens(image, stride):
    rows = 1 + (image.shape[0] - 4) // stride
    columns = 1 + (image.shape[1] - 4) // stride
    values = np.zeros((rows, columns, 3), np.float32)
    for i in range(rows):
        for j in range(columns):
            values[i, j] = image[stride * i, stride * j] * (1 + j)
    return values


def read(image, y, x, border):
    """Return a pixel of the image continued beyond its border."""
    height, width = image.shape[:2]
    if border == "wrap":
        return image[y % height, x % width]
    y, x = abs(y), abs(x)
    return image[y if y < height else 2 * (height - 1) - y, x if x < width else 2 * (width - 1) - x]


def algorithm_1(image, directions, flips, border, reach):
    height, width = image.shape[:2]
    total = np.zeros((height, width, 3))
    counted = np.zeros((height, width, 1))
    shifts = [(0, 0)] + [(k * dy, k * dx) for k in range(1, reach + 1) for dy, dx in directions]
    for dy, dx in shifts:
        shifted = np.array(
            [[read(image, y - dy, x - dx, border) for x in range(width)] for y in range(height)]
        )
        for horizontal, vertical in flips:
            copy = shifted[:: -1 if vertical else 1, :: -1 if horizontal else 1]
            tokens = corner_tokens(copy, 2)
            for y in range(height):
                for x in range(width):
                    at_y, at_x = y + dy, x + dx  # where this pixel is after the shift ...
                    if border == "wrap":
                        at_y, at_x = at_y % height, at_x % width
                    if not (0 <= at_y < height and 0 <= at_x < width):
                        continue  # it left the copy: not counted
                    at_y = height - 1 - at_y if vertical else at_y  # ... and after the flip
                    at_x = width - 1 - at_x if horizontal else at_x
                    i = min(max(int(np.floor((at_y - 1.5) / 2 + 0.5)), 0), tokens.shape[0] - 1)
                    j = min(max(int(np.floor((at_x - 1.5) / 2 + 0.5)), 0), tokens.shape[1] - 1)
                    total[y, x] += tokens[i, j]
                    counted[y, x] += 1
    return total / counted


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("border", ["reflect", "wrap"])
@pytest.mark.parametrize(
    ("shifts", "directions"),
    [("none", []), ("neumann", NEUMANN), ("moore", MOORE)],
    ids=["none", "neumann", "moore"],
)
@pytest.mark.parametrize(
    ("flips", "kinds"),
    [("none", [(False, False)]), ("paper", PAPER_FLIPS), ("group", GROUP_FLIPS)],
    ids=["none", "paper", "group"],
)
def test_averages_are_algorithm_1(batch, border, shifts, directions, flips, kinds):
    image = np.random.default_rng(0).random((10, 12, 3), np.float32)
    spec = replace(SPEC, shifts=shifts, flips=flips, border=border, interpolation="nearest", batch=batch)
    features = drain(vit_features_steps(image, spec, Corners()))
    ours = features.on(Grid.of_pixels((10, 12)), interpolation="nearest").values
    np.testing.assert_allclose(ours, algorithm_1(image, directions, kinds, border, reach=2), rtol=1e-5)
