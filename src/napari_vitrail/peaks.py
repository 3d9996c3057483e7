"""Where a peak lies between the places at which it was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def past_top(
    before: NDArray[np.floating], top: NDArray[np.floating], after: NDArray[np.floating]
) -> NDArray[Any]:
    """Return by which part of a step the top of a parabola through three values lies past the middle one.

    It is 0 where there is none, and where values are not finite.

    Parameters
    ----------
    before, top, after : float arrays of one shape
        Values a step apart.
    """
    with np.errstate(invalid="ignore"):  # infinite values, which are left out
        bend = np.asarray(before + after - 2 * top)
        half = np.asarray(before - after) / 2
    return np.divide(half, bend, out=np.zeros_like(bend), where=np.isfinite(bend) & (bend < 0))
