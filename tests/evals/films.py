"""A film as DAVIS keeps its own, small and known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from skimage.io import imsave

from evals.videos import DAVIS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def square_film(folder: Path, lefts: Sequence[int], side: int = 32) -> None:
    """Write a film, `square`, of a white square on black, from row 10 on and from those columns on."""
    names = {"frames": folder / DAVIS / "JPEGImages" / "480p" / "square"}
    names["truths"] = folder / DAVIS / "Annotations" / "480p" / "square"
    for own in names.values():
        own.mkdir(parents=True)
    for index, left in enumerate(lefts):
        mask = np.zeros((side + 20, max(lefts) + side + 20), np.uint8)
        mask[10 : 10 + side, left : left + side] = 255
        imsave(names["frames"] / f"{index:05d}.jpg", mask, check_contrast=False)
        imsave(names["truths"] / f"{index:05d}.png", mask, check_contrast=False)
