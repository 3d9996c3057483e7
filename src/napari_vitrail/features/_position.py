"""What features say of where a token is: found on a blank image, and removed."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.spec import FeatureSpec
    from napari_vitrail.tiling import Window

    Key = tuple[int, str, tuple[int, int]]

N_DIRECTIONS = 4
"""Directions that are removed: fewer gain little, and 8 to 32 no more (docs/evals.md)."""
NOISE = 0.1
"""Standard deviation of the blank image's noise. On a constant one features are unlike those of any
picture, and so are their directions: those of noise do more."""
RANK_TOLERANCE = 1e-5
"""Directions with less than this share of the largest singular value are rounding."""

_known: WeakKeyDictionary[Backbone, dict[Key, NDArray[np.float32]]] = WeakKeyDictionary()


def blank_image(shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return a picture of nothing (H, W, 3): mid-grey with weak noise, the same for every call."""
    noise = np.random.default_rng(0).normal(0, NOISE, (*shape, 1))
    return np.repeat(np.clip(0.5 + noise, 0, 1), 3, axis=2).astype(np.float32)


def leading_directions(rows: NDArray[np.floating], count: int) -> NDArray[np.float32]:
    """Return the orthonormal directions (D, k) along which rows (n, D) vary most; k is at most `count`."""
    centred = rows - rows.mean(axis=0, dtype=np.float64)
    _, singular, directions = np.linalg.svd(centred, full_matrices=False)
    kept = np.flatnonzero(singular > RANK_TOLERANCE * max(float(singular[0]), np.finfo(float).tiny))
    return np.ascontiguousarray(directions[kept[:count]].T, np.float32)


def without(directions: NDArray[np.float32], values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return values (..., D) projected on the complement of orthonormal directions (D, k)."""
    return np.asarray(values - (values @ directions) @ directions.T, np.float32)


def position_directions(
    backbone: Backbone, layer: int, facet: str, sides: tuple[int, int]
) -> NDArray[np.float32]:
    """Return the directions of a backbone's features that tell where a token is.

    Parameters
    ----------
    backbone : Backbone
    layer, facet
        See `napari_vitrail.FeatureSpec`.
    sides : (H, W)
        Size of the ViT's input in pixels, on which its position embedding depends.

    Returns
    -------
    directions : (D, k) float32
        Orthonormal; computed once for a backbone, layer, facet and size. k is `N_DIRECTIONS`, or what
        the few tokens of a small image span.
    """
    known = _known.setdefault(backbone, {})
    key = (layer, facet, sides)
    if key not in known:
        blank = blank_image(sides)
        size = backbone.info.patch_size
        tokens = backbone.tokens(
            blank, layer=layer, facet=facet, stride=size, attention=False, dtype="float32"
        ).patches
        known[key] = leading_directions(tokens.reshape(-1, tokens.shape[-1]), N_DIRECTIONS)
    return known[key]


def cured(
    tokens: NDArray[np.float32], window: Window, spec: FeatureSpec, backbone: Backbone
) -> NDArray[np.float32]:
    """Return tokens (n, D + heads) of one tile, cured as the spec asks; attention stays as it is.

    Parameters
    ----------
    tokens : (n, D + heads) float32
    window : (rows, columns) slices in pixels
        What the ViT saw, up to whole patches.
    spec : FeatureSpec
    backbone : Backbone
    """
    if spec.position_cure == "none":
        return tokens
    size = backbone.info.patch_size
    rows, columns = (-(-(part.stop - part.start) // size) * size for part in window)
    directions = position_directions(backbone, spec.layer, spec.facet, (rows, columns))
    features, attention = np.split(tokens, [backbone.info.width], axis=-1)
    return np.concatenate([without(directions, features), attention], axis=-1)
