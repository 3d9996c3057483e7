"""Grey values of plain arrays: which become 0 and 1, and colours and greys of what was scaled so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LOW_PERCENTILE, HIGH_PERCENTILE = 0.1, 99.9
STRETCHED_PERCENTILES = (0.5, 99.5)
PERCENTILE_SAMPLE = 1_000_000
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def grey_range(images: Sequence[NDArray[np.generic]], rule: str) -> tuple[float, float]:
    """Return the grey values of some images that become 0 and 1, under a rule of `FeatureSpec.intensity`."""
    if rule == "dtype" and len({image.dtype for image in images}) > 1:
        kinds = ", ".join(sorted({str(image.dtype) for image in images}))
        raise ValueError(f"intensity='dtype' needs images of one data type, got {kinds}")
    if rule == "dtype" or (rule == "auto" and all(image.dtype == np.uint8 for image in images)):
        return type_range(np.result_type(*images))
    sample = np.concatenate([finite_sample(image) for image in images])
    if not sample.size:
        raise ValueError("image holds no finite value")
    low, high = np.percentile(sample, [LOW_PERCENTILE, HIGH_PERCENTILE])
    if low == high:  # nearly all pixels agree: the few that differ are what there is to see
        low, high = sample.min(), sample.max()
    return float(low), float(high)


def type_range(dtype: np.dtype[Any]) -> tuple[float, float]:
    """Return the grey values of a data type that are black and white."""
    if dtype.kind not in "ui":
        return 0.0, 1.0  # the convention for float and boolean images
    limits = np.iinfo(dtype)
    return float(limits.min), float(limits.max)


def finite_sample(image: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return the finite values of about a million pixels, evenly spread: percentiles need no more."""
    pixels = image.reshape(-1, *image.shape[2:])
    values = pixels[:: max(1, len(pixels) // PERCENTILE_SAMPLE)].astype(np.float64).ravel()
    return values[np.isfinite(values)]


def stretched(scaled: NDArray[np.float32], whole: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return an image scaled to 0..1 with the 0.5 and 99.5 percentiles of all of it at 0 and 1, clipped.

    All channels are stretched alike, so that colours stay. An image without contrast, a grey level of
    256 or less, is left as it is: there is only noise to be stretched.
    """
    low, high = np.percentile(finite_sample(whole), STRETCHED_PERCENTILES)
    if high - low <= 1 / 255:
        return scaled
    return np.clip((scaled - np.float32(low)) / np.float32(high - low), 0, 1)


def to_rgb(scaled: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (H, W, 3) of an image scaled to 0..1; grey is repeated."""
    return scaled if scaled.ndim == 3 else np.repeat(scaled[..., None], 3, axis=2)


def to_grey(scaled: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return (H, W) uint8 of an image scaled to 0..1: 0.299 R + 0.587 G + 0.114 B, rounded."""
    grey = scaled @ LUMA if scaled.ndim == 3 else scaled
    return np.rint(grey * 255).astype(np.uint8)
