"""How sure a classifier is of each pixel, and where it is least so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.special import entr

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

MEASURES = ("entropy", "margin")
SPOT = 4.0
"""Standard deviation in pixels of what counts as one spot: single pixels at every border are unsure."""


def uncertainty(probabilities: ArrayLike, measure: str = "entropy") -> NDArray[np.float32]:
    """Compute how unsure a classifier is, from 0 (certain) to 1 (all classes are equally probable).

    Parameters
    ----------
    probabilities : (k, H, W) array
        Of each class, such as `napari_vitrail.class_probabilities` returns.
    measure : {"entropy", "margin"}
        The entropy over that of equal probabilities, or one minus the difference of the two most
        probable classes.

    Returns
    -------
    uncertainty : (H, W) float32

    Raises
    ------
    ValueError
        If there are fewer than two classes, or the measure is unknown.
    """
    known = np.asarray(probabilities, np.float32)
    if known.ndim != 3 or len(known) < 2:
        raise ValueError(f"probabilities must be of two classes or more, (k, H, W), got shape {known.shape}")
    if measure == "entropy":
        return np.asarray(entr(known).sum(axis=0) / np.log(len(known)), np.float32)
    if measure == "margin":
        second, first = np.partition(known, len(known) - 2, axis=0)[-2:]
        return np.asarray(1 - (first - second), np.float32)
    raise ValueError(f"measure must be one of {', '.join(map(repr, MEASURES))}, got {measure!r}")


def most_uncertain(uncertain: ArrayLike, painted: ArrayLike | None = None) -> tuple[int, int]:
    """Find the spot where a stroke would say most.

    Parameters
    ----------
    uncertain : (H, W) array
        See `uncertainty`.
    painted : (H, W) bool array, optional
        Where strokes have said it already: a spot that was painted is not offered again.

    Returns
    -------
    row, column : int
        Middle of the spot of `SPOT` pixels with the largest mean.
    """
    values = np.asarray(uncertain, np.float32)
    if painted is not None:
        values = np.where(painted, 0, values)
    smooth = gaussian_filter(values, SPOT)
    if painted is not None:
        smooth = np.where(gaussian_filter(np.asarray(painted, np.float32), SPOT) > 0.01, -1, smooth)
    row, column = np.unravel_index(smooth.argmax(), smooth.shape)
    return int(row), int(column)
