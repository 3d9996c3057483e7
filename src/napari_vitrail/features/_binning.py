"""Log-binning: a descriptor that knows its neighbourhood, finely near by and coarsely further away."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

if TYPE_CHECKING:
    from numpy.typing import NDArray


def log_bins(values: NDArray[np.floating], hierarchy: int, *, dtype: Any = np.float32) -> NDArray[Any]:
    """Append the descriptors of rings of neighbours to each descriptor.

    Parameters
    ----------
    values : (h, w, D) float array
    hierarchy : int
        Number of rings, at least 1. Ring k holds means of ``3**k`` x ``3**k`` cells, ``3**k`` cells away.
    dtype : data type
        Of the result, which is large: half precision halves it.

    Returns
    -------
    binned : (h, w, D * (1 + 8 * hierarchy)) array
        By ring, then from the upper left to the lower right; the cell itself is the fifth bin of ring 0.
        Where the grid ends, its outermost cells stand for what is missing. Not normalised.

    Raises
    ------
    ValueError
        If `hierarchy` is below 1.

    References
    ----------
    Amir et al. (2021), section 3.3.
    """
    if hierarchy < 1:
        raise ValueError(f"hierarchy must be at least 1, got {hierarchy}")
    rows, columns, width = values.shape
    binned = np.empty((rows, columns, width * (1 + 8 * hierarchy)), dtype)
    start = 0
    for ring in range(hierarchy):
        reach = 3**ring
        means = _means(values, reach)
        for down, right in product((-1, 0, 1), repeat=2):
            if ring and not (down or right):
                continue
            above = np.clip(np.arange(rows) + down * reach, 0, rows - 1)
            beside = np.clip(np.arange(columns) + right * reach, 0, columns - 1)
            binned[:, :, start : start + width] = means[above[:, None], beside]
            start += width
    return binned


def _means(values: NDArray[np.floating], size: int) -> NDArray[np.floating]:
    """Return the mean of the `size` x `size` cells round each; what is beyond the grid is not counted."""
    if size == 1:
        return values
    tensor = torch.from_numpy(np.ascontiguousarray(values, np.float32)).permute(2, 0, 1)[None]
    means = functional.avg_pool2d(tensor, size, 1, size // 2, count_include_pad=False)
    return means[0].permute(1, 2, 0).numpy()
