"""Smoothing of class probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_vitrail.progress import Progress, Steps

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Smoothing:
    """Let every pixel ask its neighbours: a Gaussian over the probabilities of each class.

    Attributes
    ----------
    sigma : float, pixels
        Standard deviation; more than 0.
    """

    sigma: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.sigma < np.inf:
            raise ValueError(f"sigma must be more than 0 and finite, got {self.sigma}")

    def refined_steps(
        self, probabilities: NDArray[np.float32], image: NDArray[np.generic] | None = None
    ) -> Steps[NDArray[np.float32]]:
        """Yield Progress after every class; return smoothed probabilities (k, H, W). No image is needed."""
        smooth = np.empty_like(probabilities)
        for index, own in enumerate(probabilities):
            gaussian_filter(own, self.sigma, output=smooth[index], mode="nearest")
            yield Progress(index + 1, len(probabilities), "smoothing")
        return smooth
