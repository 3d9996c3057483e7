"""A backbone whose answers can be worked out by hand."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from napari_vitrail.backbones import BackboneInfo
from napari_vitrail.backbones._vit import Tokens


class ToyContext(NamedTuple):
    """What the toy remembers of an image."""

    image: np.ndarray
    margin: int
    tokens: Tokens
    grid: tuple[int, int]


class ToyBackbone:
    """A token is the mean colour of the patch's central pixels: one, or four where the size is even.

    It does not care where a patch is, so shifting or flipping the image does the same to its tokens.
    """

    def __init__(self, patch_size: int) -> None:
        self.info = BackboneInfo("toy", "toy", patch_size, 3, 1, 1, 0, 4, 0, "none", "none")
        self.device = "cpu"

    def _token(self, patch):
        middle = slice((self.info.patch_size - 1) // 2, self.info.patch_size // 2 + 1)
        return patch[middle, middle].mean(axis=(0, 1))

    def tokens(self, image, *, layer, facet, stride, attention, dtype):
        size = self.info.patch_size
        corners = [range(0, side - size + 1, stride) for side in image.shape[:2]]
        values = [[self._token(image[y : y + size, x : x + size]) for x in corners[1]] for y in corners[0]]
        patches = np.array(values, np.float32)
        return Tokens(patches, patches[0, 0], patches[..., :1] if attention else None)

    def batch_tokens(self, images, **options):
        return [self.tokens(image, **options) for image in images]

    def context(self, image, *, margin, layer, facet, attention, dtype):
        size, inner = self.info.patch_size, slice(margin, -margin)
        sides = [side - 2 * margin for side in image.shape[:2]]
        assert not any(side % size for side in sides)
        tokens = self.tokens(
            image[inner, inner], layer=layer, facet=facet, stride=size, attention=attention, dtype=dtype
        )
        return ToyContext(image, margin, tokens, (sides[0] // size, sides[1] // size))

    def query(self, context, corners, *, layer, facet, dtype):
        size = self.info.patch_size
        image, margin = context.image, context.margin
        rows = [self._token(image[y : y + size, x : x + size]) for y, x in np.asarray(corners) + margin]
        values = np.array(rows, np.float32).reshape(-1, 3)
        return values, values[:, :1] if context.tokens.attention is not None else None


@pytest.fixture
def toy():
    """Return a function that makes a toy backbone of a patch size."""
    return ToyBackbone
