"""Products of matrices between two questions to the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray


def product(first: NDArray[np.floating], second: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the matrix product (..., n, k) of arrays (..., n, m) and (..., m, k) in single precision.

    Notes
    -----
    By torch and its threads. numpy's product has threads of its own, and either kind goes on spinning for a
    while after its work: taking turns on the same cores, they make a point take three times as long.
    """
    left, right = (torch.from_numpy(np.asarray(values, np.float32)) for values in (first, second))
    found: NDArray[np.float32] = (left @ right).numpy()
    return found
