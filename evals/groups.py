"""Photographs that show one kind of object each, and where it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage.io import imread

from evals.datasets import Array, data_folder

Mask = NDArray[np.bool_]
UNTOUCHED = ("Bicycle", "Boat", "Bus", "Cat", "Cow", "Horse", "Monitor", "Plant", "Sofa", "Train")
"""Groups of PASCAL on which nothing of ours was chosen."""


@dataclass(frozen=True)
class Group:
    """Photographs of one kind of object, read when they are asked for, and where it is.

    Attributes
    ----------
    name : str
    images, truths : list of Path
    """

    name: str
    images: list[Path]
    truths: list[Path]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Array:
        return imread(self.images[index])

    def truth(self, index: int) -> Mask:
        """Return where the object is in a photograph."""
        mask = imread(self.truths[index])
        return (mask if mask.ndim == 2 else mask[..., 0]) > 127

    def part(self, chosen: slice) -> Group:
        """Return the group of some of its photographs."""
        return Group(self.name, self.images[chosen], self.truths[chosen])


def _pascal() -> Iterator[Group]:
    folder = data_folder() / "pascal_coseg"
    for own in sorted((folder / "images").iterdir()):
        images = sorted(own.glob("*.jpg"))
        yield Group(own.name, images, [folder / "masks" / own.name / f"{path.stem}.png" for path in images])


def _single(name: str, kind: str) -> Iterator[Group]:
    folder = data_folder() / name
    images = sorted((folder / "images").glob(f"*.{kind}"))
    yield Group(name, images, [folder / "masks" / f"{path.stem}.png" for path in images])


SHARED: dict[str, Callable[[], Iterator[Group]]] = {
    "pascal_coseg": _pascal,
    "weizmann_horses": lambda: _single("weizmann_horses", "jpg"),
    "msrc_cow": lambda: _single("msrc_cow", "png"),
}
