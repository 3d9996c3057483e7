"""Features as colours: the three leading principal components, shared by any number of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_vitrail.features._projection import Projection

if TYPE_CHECKING:
    from napari_vitrail.grid import FeatureGrid

FITTED_TOKENS = 10_000
"""Tokens that the components are fitted on at most; the others are only projected."""
STRETCHED_PERCENTILES = (1, 99)


def pca_colours(features: Sequence[FeatureGrid], *, random_state: int = 0) -> list[NDArray[np.uint8]]:
    """Return features as colours: like colours are like features, in all of the images.

    Parameters
    ----------
    features : sequence of FeatureGrid
        Of one or several images. They share one basis and one stretch, so that colours compare.
    random_state : int
        Chooses the tokens that the components are fitted on where there are many.

    Returns
    -------
    colours : list of (h, w, 3) uint8 array
        Red, green and blue are the first, second and third principal component between their 1st and
        99th percentiles. A component without any spread, or that does not exist, is 0.

    Raises
    ------
    ValueError
        If there is no image, or if the features of two images differ in number.

    References
    ----------
    Amir et al. (2021), "Deep ViT Features as Dense Visual Descriptors", Fig. 3.
    """
    check_same_width(features)
    rows = sampled([grid.values.reshape(-1, grid.width) for grid in features], FITTED_TOKENS, random_state)
    projection = Projection.of(rows, 3)
    low, high = np.percentile(projection(rows), STRETCHED_PERCENTILES, axis=0)
    rounding = np.finfo(np.float32).eps * np.linalg.norm(rows, axis=1).max()
    span = np.where(high - low > rounding, high - low, np.inf)
    return [_stretched(projection(grid.values), low, span) for grid in features]


def check_same_width(features: Sequence[FeatureGrid]) -> None:
    """Raise ValueError where features do not compare."""
    widths = {grid.width for grid in features}
    if len(widths) != 1:
        raise ValueError(
            "features must be of one or more images and equally many for each, "
            f"got {', '.join(map(str, sorted(widths))) or 'none'}"
        )


def sampled(parts: Sequence[NDArray[np.floating]], n_rows: int, random_state: int) -> NDArray[np.float32]:
    """Return at most `n_rows` rows (n, d) out of some arrays of rows, chosen at random, in their order."""
    return picked_rows(parts, chosen(sum(map(len, parts)), n_rows, random_state))


def picked_rows(parts: Sequence[NDArray[np.floating]], numbers: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return rows (n, d) out of some arrays by their numbers in all of them, which ascend."""
    starts = np.cumsum([0, *map(len, parts)])
    within = [
        numbers[(numbers >= start) & (numbers < start + len(part))] - start
        for part, start in zip(parts, starts[:-1], strict=True)
    ]
    picked = [part[own] for part, own in zip(parts, within, strict=True)]  # never all of them
    return np.concatenate(picked).astype(np.float32, copy=False)


def chosen(count: int, at_most: int, random_state: int) -> NDArray[np.intp]:
    """Return at most so many of the numbers 0 to ``count - 1``, at random, in ascending order."""
    if count <= at_most:
        return np.arange(count)
    return np.sort(np.random.default_rng(random_state).choice(count, at_most, replace=False))


def _stretched(
    components: NDArray[np.float32], low: NDArray[np.float64], span: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Return up to three components (h, w, k) as bytes (h, w, 3)."""
    scaled = np.clip((components - low) / span, 0, 1)
    colours = np.zeros((*components.shape[:2], 3), np.uint8)
    colours[..., : scaled.shape[-1]] = np.rint(scaled * 255)
    return colours
