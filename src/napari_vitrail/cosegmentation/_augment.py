"""A small set of images made larger: random cut-outs of each image and of its mirror image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.cosegmentation._seen import see_set_steps
from napari_vitrail.image import as_image, main_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.cosegmentation._seen import Images, SeenSet
    from napari_vitrail.cosegmentation._spec import CosegmentationSpec
    from napari_vitrail.features import TokenStore
    from napari_vitrail.image import LayeredImage
    from napari_vitrail.progress import Steps

KEPT = 0.95
"""Of each side, in a cut-out: as published."""


@dataclass(frozen=True)
class Augmented(Sequence["ArrayLike | LayeredImage"]):
    """Images, and after them `n_crops` random cut-outs of each and as many of its mirror image.

    Cut-outs are made when they are asked for, and are the same each time.

    Attributes
    ----------
    images : sequence of images
        See `napari_vitrail.see_set`.
    n_crops : int
    random_state : int
    """

    images: Images
    n_crops: int
    random_state: int = 0

    def __len__(self) -> int:
        return len(self.images) * (1 + 2 * self.n_crops)

    def __getitem__(self, index: int) -> ArrayLike | LayeredImage:  # type: ignore[override]  # no slices
        own = len(self.images)
        if index < own:
            return self.images[index]
        if index >= len(self):
            raise IndexError(index)
        which, turn = divmod(index - own, 2 * self.n_crops)
        pixels = main_of(as_image(self.images[which]))
        return _cut_out(pixels[:, ::-1] if turn >= self.n_crops else pixels, (self.random_state, index))


def see_augmented_steps(
    images: Images, n_crops: int, spec: CosegmentationSpec, *, random_state: int,
    backbone: Backbone | None = None, device: str = "auto", store: TokenStore | None = None,
) -> Steps[SeenSet]:  # fmt: skip
    """Yield Progress; return what `see_set` returns, with further views of each image to learn of.

    Parameters
    ----------
    images, spec, backbone, device, store
        See `napari_vitrail.see_set`.
    n_crops : int
        Random cut-outs of each image, and of its mirror image.
    random_state : int
        Of where they are cut out.
    """
    if n_crops < 0:
        raise ValueError(f"n_crops must be at least 0, got {n_crops}")
    if not n_crops:
        return (yield from see_set_steps(images, spec, backbone=backbone, device=device, store=store))
    augmented = Augmented(images, n_crops, random_state)
    seen = yield from see_set_steps(augmented, spec, backbone=backbone, device=device, store=store)
    own = len(images)
    return replace(seen, pictures=seen.pictures[:own], views=seen.pictures[own:])


def _cut_out(pixels: NDArray[np.generic], seed: tuple[int, int]) -> NDArray[np.generic]:
    """Return the part of an image that is 0.95 of its height and width, at a random place."""
    rng = np.random.default_rng(seed)
    sides = [max(1, int(KEPT * side)) for side in pixels.shape[:2]]
    top, left = (
        int(rng.integers(whole - side + 1)) for whole, side in zip(pixels.shape, sides, strict=False)
    )
    return pixels[top : top + sides[0], left : left + sides[1]]
