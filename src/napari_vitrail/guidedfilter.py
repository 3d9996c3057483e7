"""Borders of classes moved to the edges of the image: the guided filter."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import uniform_filter

from napari_vitrail.grey_values import to_rgb
from napari_vitrail.image import IntensityRange
from napari_vitrail.progress import Progress, Steps

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class GuidedFilter:
    """Let probabilities follow the colours of the image, as a plane of them in every small window.

    Attributes
    ----------
    radius : int, pixels
        Half the side of a window.
    softness : float
        Variance of the colours, 0 to 1, below which a window is taken for plain and only averaged.

    Raises
    ------
    ValueError
        If the radius is below 1, or the softness not above 0.

    References
    ----------
    He, Sun and Tang (2013), "Guided Image Filtering", section 3 with the colour guide of section 5.
    """

    radius: int = 8
    softness: float = 1e-3

    def __post_init__(self) -> None:
        if self.radius < 1:
            raise ValueError(f"radius must be at least 1, got {self.radius}")
        if not 0 < self.softness < np.inf:
            raise ValueError(f"softness must be more than 0 and finite, got {self.softness}")

    def refined_steps(
        self, probabilities: NDArray[np.float32], image: NDArray[np.generic] | None = None
    ) -> Steps[NDArray[np.float32]]:
        """Yield Progress after every class; return probabilities (k, H, W) that end where colours do.

        Raises
        ------
        ValueError
            If there is no image.
        """
        if image is None:
            raise ValueError("image must be given for GuidedFilter: borders go where its colours change")
        guide = self.guided_by(image)
        refined = np.empty_like(probabilities)
        for index, own in enumerate(probabilities):
            refined[index] = guide.followed(own)
            yield Progress(index + 1, len(probabilities), "guided filter")
        return refined

    def guided_by(self, image: NDArray[np.generic]) -> Guide:
        """Return what an image (H, W) or (H, W, 3) has to say, for any number of classes."""
        colours = np.moveaxis(to_rgb(IntensityRange.of([image]).scale(image)), -1, 0)
        if (colours == colours[:1]).all():
            colours = colours[:1]  # grey: one plane says as much as three, in less time
        colours = np.ascontiguousarray(colours)
        side = 2 * self.radius + 1
        mean = _means(colours, side)
        count = len(colours)
        covariance = np.empty((count, count, *colours.shape[1:]), np.float32)
        for i, j in combinations_with_replacement(range(count), 2):
            covariance[i, j] = covariance[j, i] = _means(colours[i] * colours[j], side) - mean[i] * mean[j]
        for i in range(count):
            covariance[i, i] += self.softness
        return Guide(colours, mean, _inverse(covariance), side)


@dataclass(frozen=True, eq=False)
class Guide:
    """The colours of an image, and how they vary in the windows round its pixels.

    Attributes
    ----------
    colours, mean : (c, H, W) float32
        Of each pixel, and the mean of its window.
    inverse : (c, c, H, W) float32
        Of the covariance in the window.
    side : int, pixels
        Of a window.
    """

    colours: NDArray[np.float32]
    mean: NDArray[np.float32]
    inverse: NDArray[np.float32]
    side: int

    @property
    def reach(self) -> int:
        """Pixels round what a class has, beyond which it stays 0: three times the radius."""
        return self.side + self.side // 2

    def within(self, window: tuple[slice, slice]) -> Guide:
        """Return what a window of the image has to say."""
        part = (..., *window)
        return Guide(self.colours[part], self.mean[part], self.inverse[part], self.side)

    def followed(self, own: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return one class (H, W), in each window a linear function of the colours; 0 to 1."""
        level = _means(own, self.side)
        together = _means(self.colours * own, self.side) - self.mean * level
        slopes = np.einsum("ijhw,jhw->ihw", self.inverse, together)
        offset = level - (slopes * self.mean).sum(axis=0)
        found = (_means(slopes, self.side) * self.colours).sum(axis=0) + _means(offset, self.side)
        return np.clip(found, 0, 1)


def _means(planes: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Return the means of planes (..., H, W) in the window round every pixel."""
    means: NDArray[np.float32] = uniform_filter(planes, side, axes=(-2, -1), mode="reflect")
    return means


def _inverse(covariance: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the inverse (c, c, H, W) of a symmetric matrix at each pixel, of one colour or of three.

    By Cramer's rule, plane by plane: numpy's inverse, a call of LAPACK for each pixel, takes several times as
    long. In double precision, since cofactors are small differences of large products.
    """
    count = len(covariance)
    if count == 1:
        return np.reciprocal(covariance)
    first = [_cofactor(covariance, 0, j) for j in range(count)]
    determinant = sum(own * plane for own, plane in zip(covariance[0], first, strict=True))
    inverse = np.empty_like(covariance)
    for i, j in combinations_with_replacement(range(count), 2):
        inverse[i, j] = inverse[j, i] = (_cofactor(covariance, i, j) if i else first[j]) / determinant
    return inverse


def _cofactor(matrix: NDArray[np.float32], i: int, j: int) -> NDArray[np.float64]:
    """Return the cofactor (H, W) of 3 by 3 matrices (3, 3, H, W): rows and columns go round."""
    (a, b), (c, d) = ((matrix[i - row, j - 2], matrix[i - row, j - 1]) for row in (2, 1))
    return np.multiply(a, d, dtype=np.float64) - np.multiply(b, c, dtype=np.float64)
