"""What is written of an image is called by a name of its own."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def natural_order(path: Path) -> tuple[tuple[int, int | str], ...]:
    """Return what sorts files as people do: ``frame_9.png`` before ``frame_10.png``."""
    parts = re.findall(r"[0-9]+|[^0-9]+", str(path).casefold())
    return tuple((0, int(part)) if part.isdecimal() else (1, part) for part in parts)


def output_names(images: Sequence[Path]) -> list[str]:
    """Return a name for each image that no other has, in whatever case its letters are.

    Parameters
    ----------
    images : sequence of Path

    Returns
    -------
    names : list of str
        An image's own name without its ending, behind the folders by which its place differs from that of
        others; with its ending, where images of a folder differ in that alone.

    Raises
    ------
    ValueError
        If two images would still have one name.
    """
    places = [_place(path) for path in images]
    levels = zip(*places, strict=False)
    shared = next((depth for depth, level in enumerate(levels) if len({*level}) > 1), min(map(len, places)))
    folders = ["".join(f"{folder}/" for folder in place[shared:]) for place in places]
    short = [f"{folder}{path.stem}" for folder, path in zip(folders, images, strict=True)]
    often = Counter(map(str.casefold, short))
    names = [
        name if often[name.casefold()] == 1 else f"{folder}{path.name}"
        for name, folder, path in zip(short, folders, images, strict=True)
    ]
    taken: dict[str, Path] = {}
    for name, path in zip(names, images, strict=True):
        other = taken.setdefault(name.casefold(), path)
        if other != path:
            raise ValueError(f"{other} and {path} would both be called {name}: rename one of them")
    return names


def _place(path: Path) -> tuple[str, ...]:
    """Return the folders that an image lies in, a drive without its colon first."""
    first, *folders = path.resolve().parent.parts
    return (first.rstrip(":\\/"), *folders)
