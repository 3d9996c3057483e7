"""How much a network looks at each place: its CLS attention, scaled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SALIENT_HEADS = {"vit_small_patch8_224.dino": [0, 2, 4, 5]}
"""Heads that look at objects, where others look at the background: Amir et al. (2021), released code."""


def saliency(attention: NDArray[np.floating], backbone: str) -> NDArray[np.float32]:
    """Return the mean attention (h, w) over heads, scaled to 0 to 1; zeros where it is the same everywhere.

    Parameters
    ----------
    attention : (h, w, heads) float array
        Of the last block's CLS token.
    backbone : str
        Some of the heads count alone where `SALIENT_HEADS` names them, else all.

    References
    ----------
    Amir et al. (2021), section 4.1.
    """
    heads = SALIENT_HEADS.get(backbone, slice(None))
    mean = attention[..., heads].astype(np.float32).mean(axis=-1)
    low, high = float(mean.min()), float(mean.max())
    if high <= low:
        return np.zeros_like(mean)
    return np.asarray((mean - low) / (high - low), np.float32)


def attention_density(attention: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return how many times more than the mean place of the image each place is attended to (h, w).

    Every head counts alike, however much of its attention the CLS token and the registers get; the mean
    is 1. A head that attends to no place at all does not count; ones where none does.

    Parameters
    ----------
    attention : (h, w, heads) float array
        Of the last block's CLS token.
    """
    heads = attention.astype(np.float32)
    mean = heads.mean(axis=(0, 1))
    if not mean.any():
        return np.ones(heads.shape[:2], np.float32)
    return np.asarray((heads[..., mean > 0] / mean[mean > 0]).mean(axis=-1), np.float32)
