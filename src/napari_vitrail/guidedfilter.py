"""Borders of classes moved to the edges of the image: the guided filter."""

from __future__ import annotations

from dataclasses import dataclass
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
        guide = np.moveaxis(to_rgb(IntensityRange.of([image]).scale(image)), -1, 0)
        if (guide == guide[:1]).all():
            guide = guide[:1]  # grey: one plane says as much as three, in a fourth of the time
        mean = self._means(guide)
        inverse = np.linalg.inv(self._covariance(guide, mean))
        refined = np.empty_like(probabilities)
        for index, own in enumerate(probabilities):
            refined[index] = self._followed(own, guide, mean, inverse)
            yield Progress(index + 1, len(probabilities), "guided filter")
        return np.clip(refined, 0, 1, out=refined)

    def _covariance(self, guide: NDArray[np.float32], mean: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the covariance (H, W, c, c) of colours in every window."""
        count = len(guide)
        covariance = np.empty((*guide.shape[1:], count, count), np.float32)
        for i in range(count):
            for j in range(i, count):
                own = self._means(guide[i] * guide[j]) - mean[i] * mean[j]
                covariance[..., i, j] = covariance[..., j, i] = own
        return covariance + self.softness * np.eye(count, dtype=np.float32)

    def _followed(
        self, own: NDArray[np.float32], guide: NDArray[np.float32], mean: NDArray[np.float32],
        inverse: NDArray[np.float32],
    ) -> NDArray[np.float32]:  # fmt: skip
        """Return one class (H, W), in each window a linear function of the colours."""
        level = self._means(own)
        together = self._means(guide * own) - mean * level
        slopes = np.einsum("hwij,jhw->ihw", inverse, together)
        offset = level - (slopes * mean).sum(axis=0)
        found: NDArray[np.float32] = (self._means(slopes) * guide).sum(axis=0) + self._means(offset)
        return found

    def _means(self, planes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the means of planes (..., H, W) in the window round every pixel."""
        return uniform_filter(planes, 2 * self.radius + 1, axes=(-2, -1), mode="reflect")
