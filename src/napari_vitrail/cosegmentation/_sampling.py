"""A sample of what many images hold, evenly spread over all of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def spread(sizes: Sequence[int], most: int) -> list[NDArray[np.intp]]:
    """Return which items of several lists make up a sample of all: so many, or all where there are fewer.

    The lists are cut, one after the other, into stretches of equal length, and of each stretch an item is
    drawn, always the same. Every so-manieth would not do: in images of one size it may lie in the same column
    of all of them, and of more images than items are wanted it is the first of each.

    Parameters
    ----------
    sizes : sequence of int
        Number of items of each list.
    most : int

    Returns
    -------
    chosen : list of (n,) int arrays
        Ascending, one for each list.
    """
    total = sum(sizes)
    if total <= most:
        return [np.arange(size) for size in sizes]
    drawn = np.random.default_rng(0).random(most)
    items = ((np.arange(most) + drawn) * (total / most)).astype(np.intp)
    ends = np.cumsum(sizes)
    shares = np.split(items, np.searchsorted(items, ends[:-1]))
    return [own - (end - size) for own, end, size in zip(shares, ends, sizes, strict=True)]
