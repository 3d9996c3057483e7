"""Classical "Weka-style" features: 58 multiscale filter responses for every pixel."""

from __future__ import annotations

from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Plane = NDArray[np.floating]
"""A (H, W) array: one value for every pixel."""

SIGMAS = (1, 2, 4, 8, 16)
"""Nominal scales; as in ImageJ the standard deviation of the Gaussian is 0.4 times the scale."""

CLASSICAL_HALO = 32
"""Pixels around a tile that its classical features depend on.

At least 28, since the Gaussian of scale 16 reaches 26 pixels (4 standard deviations of 6.4) and its
Hessian 2 more; the lines of the membrane reach 9. 32 leaves a margin.
"""

_HESSIAN = ("module", "trace", "determinant", "eigenvalue_0", "eigenvalue_1")
_MEMBRANE = ("mean", "max", "min", "sum", "std", "median")
_SCALE_PAIRS = sorted(combinations(range(len(SIGMAS)), 2), key=lambda pair: pair[1])
_BAND_ROWS = 128  # filtered at once: whole planes would take as much memory again as the features
_BAND_PIXELS = 16_384  # with 30 sums each: the 2 MB stay in the processor's cache


def _channel_names() -> Iterator[str]:
    """Yield the names of the channels in their order."""
    for image in ("raw", *(f"gaussian_{sigma}" for sigma in SIGMAS)):
        yield image
        yield f"{image}_sobel"
        yield from (f"{image}_hessian_{name}" for name in _HESSIAN)
    yield from (f"gaussian_{SIGMAS[j]}_minus_{SIGMAS[i]}" for j, i in _SCALE_PAIRS)
    yield from (f"membrane_{name}" for name in _MEMBRANE)


CLASSICAL_CHANNELS: tuple[str, ...] = tuple(_channel_names())
"""Names of the 58 channels of `classical_features`, in their order."""


def classical_features(grey: ArrayLike) -> NDArray[np.float32]:
    """Return 58 filter responses for every pixel: what trainable Weka segmentation computes.

    Parameters
    ----------
    grey : (H, W) array
        Intensities from 0 to 255, integer or float; H and W at least 2.

    Returns
    -------
    features : (H, W, 58) float32 array
        The channels that `CLASSICAL_CHANNELS` names: the image, its Sobel magnitude and its
        Hessian; the same of five Gaussian scales; differences of those scales; and projections
        over 30 directions of the sums along a line ("membrane").

    Raises
    ------
    ValueError
        If `grey` is not two-dimensional or a side has fewer than 2 pixels.

    Notes
    -----
    A pixel's features depend on pixels up to 28 rows and columns away: compute tiles with a margin
    of `CLASSICAL_HALO`. Beyond its border the image continues with the nearest pixel for Gaussians
    and mirrored for Sobel and lines. The raw channel and its Hessian are on the scale 0 to 255, all
    others on 0 to 1.

    References
    ----------
    Arganda-Carreras et al. (2017), "Trainable Weka Segmentation".
    Docherty et al. (2024), "Upsampling DINOv2 features for unsupervised vision tasks and weakly
    supervised materials segmentation", classical features.
    """
    raw = np.asarray(grey, float)
    if raw.ndim != 2 or min(raw.shape) < 2:
        raise ValueError(
            f"classical features need an image of at least 2 pixels a side, got shape {raw.shape}"
        )
    features = np.empty((*raw.shape, len(CLASSICAL_CHANNELS)), np.float32)
    for top in range(0, len(raw), _BAND_ROWS):
        outer = slice(max(0, top - CLASSICAL_HALO), top + _BAND_ROWS + CLASSICAL_HALO)
        inner = slice(top - outer.start, top - outer.start + _BAND_ROWS)
        _write_band(features[top : top + _BAND_ROWS], raw[outer], inner)
    _write_membrane(features[..., 52:], raw / 255)
    return features


def _write_band(features: NDArray[np.float32], raw: Plane, inner: slice) -> None:
    """Write all channels but those of the membrane for the inner rows of a band."""
    image = raw / 255
    scales = [_gaussian(image, sigma) for sigma in SIGMAS]
    _write(features, 0, (raw, _sobel(image), *_hessian_set(raw)), inner)
    for index, scale in enumerate(scales):
        _write(features, 7 * (index + 1), (scale, _sobel(scale), *_hessian_set(scale)), inner)
    _write(features, 42, (scales[j] - scales[i] for j, i in _SCALE_PAIRS), inner)


def _write(features: NDArray[np.float32], start: int, planes: Iterable[Plane], inner: slice) -> None:
    """Write planes side by side: together, since channels are a long stride apart in memory."""
    group = np.array([plane[inner] for plane in planes], np.float32)
    features[..., start : start + len(group)] = np.moveaxis(group, 0, -1)


def _gaussian(image: Plane, sigma: int) -> Plane:
    """Return the image smoothed at a nominal scale."""
    smooth: Plane = ndimage.gaussian_filter(image, 0.4 * sigma, mode="nearest", truncate=4)
    return smooth


def _sobel(image: Plane) -> Plane:
    """Return the root mean square of both derivatives, with scikit-image's weights."""
    along_y: Plane = ndimage.sobel(image, axis=0, mode="reflect") / 4
    along_x: Plane = ndimage.sobel(image, axis=1, mode="reflect") / 4
    return np.sqrt((along_y**2 + along_x**2) / 2)


def _hessian_set(image: Plane) -> tuple[Plane, ...]:
    """Return module, trace, determinant, eigenvalues (larger first) of the second derivatives."""
    along_y, along_x = np.gradient(image)
    yy, yx = np.gradient(along_y)
    xx = np.gradient(along_x, axis=1)
    trace = yy + xx
    root = np.sqrt(4 * yx**2 + (yy - xx) ** 2)
    module = np.sqrt(yy**2 + yx**2 + xx**2)
    return module, trace, yy * xx - yx**2, (trace + root) / 2, (trace - root) / 2


def _write_membrane(features: NDArray[np.float32], image: Plane) -> None:
    """Write the six projections over the line sums, one band of rows after the other."""
    reach = max(abs(lines).max() for lines in _membrane_lines())
    padded = np.pad(image.astype(np.float32), reach, mode="symmetric")
    height, width = image.shape
    band = max(1, _BAND_PIXELS // width)
    for top in range(0, height, band):
        rows = slice(top, min(top + band, height))
        sums = _line_sums(padded[top : rows.stop + 2 * reach], reach)
        features[rows] = _projections(sums)


def _line_sums(padded: Plane, reach: int) -> Plane:
    """Return (30, rows, columns) sums along the lines through each pixel inside the margin."""
    rows, columns = (side - 2 * reach for side in padded.shape)
    sums = np.zeros((len(_membrane_lines()), rows, columns), padded.dtype)
    for total, line in zip(sums, _membrane_lines(), strict=True):
        for y, x in reach - line:
            total += padded[y : y + rows, x : x + columns]
    return sums


def _projections(sums: Plane) -> Plane:
    """Return (rows, columns, 6): mean, max, min, sum, deviation and median of each pixel's sums."""
    ordered = np.sort(np.moveaxis(sums, 0, -1), axis=-1)
    half = ordered.shape[-1] // 2
    total = ordered.sum(axis=-1)
    median = (ordered[..., half - 1] + ordered[..., half]) / 2
    spread = ordered.std(axis=-1)
    mean = total / ordered.shape[-1]
    return np.stack([mean, ordered[..., -1], ordered[..., 0], total, spread, median], axis=-1)


@cache
def _membrane_lines() -> tuple[NDArray[np.intp], ...]:
    """Return for 0, 6 ... 174 degrees the offsets (n, 2) of the pixels on a line of 19 pixels.

    The rotated kernels hold only zeros and ones: adding shifted images is three times as fast as
    multiplying spectra, and a crop gets the same values to the bit.
    """
    kernel = np.zeros((19, 19))
    kernel[:, 9] = 1
    rotated = (np.rint(ndimage.rotate(kernel, angle, order=3)) for angle in range(0, 180, 6))
    return tuple(np.argwhere(turned) - np.array(turned.shape) // 2 for turned in rotated)
