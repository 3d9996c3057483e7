"""GrabCut: the border of an object moves to where its colours end."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import binary_erosion

from napari_vitrail.errors import MissingExtra, VitrailWarning
from napari_vitrail.grey_values import to_rgb
from napari_vitrail.image import IntensityRange
from napari_vitrail.progress import Progress, Steps

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST = 5
"""Pixels that each of the two mixtures of five colours needs."""


def check_installed() -> None:
    """Raise MissingExtra if the package that `GrabCut` needs is not there."""
    if find_spec("cv2") is None:
        raise MissingExtra("GrabCut needs OpenCV: pip install 'napari-vitrail[refine]'")


@dataclass(frozen=True)
class GrabCut:
    """Colours of an object and of what surrounds it, learned of its mask; needs the extra ``refine``.

    Pixels deep in the mask are the object's for certain, those far outside are not; of the others, near
    the border, colours decide.

    Attributes
    ----------
    border : int, pixels
        Width of the square by which mask and surroundings are eroded to be certain.
    n_iterations : int

    Raises
    ------
    ValueError
        If a value is below 1.

    References
    ----------
    Rother, Kolmogorov and Blake (2004), "GrabCut"; as Amir et al. (2021) use it for co-segmentation.
    """

    border: int = 7
    n_iterations: int = 5

    def __post_init__(self) -> None:
        for name in ("border", "n_iterations"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")

    def refined_steps(
        self, probabilities: NDArray[np.float32], image: NDArray[np.generic] | None = None
    ) -> Steps[NDArray[np.float32]]:
        """Yield Progress; return probabilities (2, H, W), 0 or 1, of the background and the object.

        Where the object is nowhere or everywhere, or nothing is certainly background, they stay as they
        are, with a warning.

        Raises
        ------
        ValueError
            If there is no image, or there are more than two classes.
        MissingExtra
            If OpenCV is not installed.
        """
        if image is None:
            raise ValueError("image must be given for GrabCut: it learns the colours of the object")
        if len(probabilities) != 2:
            raise ValueError(f"GrabCut tells one object from the rest, 2 classes, got {len(probabilities)}")
        check_installed()
        mask = self._cut(probabilities[1] > probabilities[0], image)
        yield Progress(1, 1, "GrabCut")
        return np.stack([~mask, mask]).astype(np.float32)

    def _cut(self, mask: NDArray[np.bool_], image: NDArray[np.generic]) -> NDArray[np.bool_]:
        import cv2

        square = np.ones((self.border, self.border), bool)
        outside = binary_erosion(~mask, square, border_value=1)
        if np.count_nonzero(outside) < FEWEST or np.count_nonzero(~outside) < FEWEST or not mask.any():
            warnings.warn(
                "GrabCut leaves a mask as it is that is empty, full or without certain background",
                VitrailWarning,
                stacklevel=2,
            )
            return mask
        marks = np.full(mask.shape, cv2.GC_PR_FGD, np.uint8)
        marks[binary_erosion(mask, square, border_value=1)] = cv2.GC_FGD
        marks[outside] = cv2.GC_BGD
        colours = to_rgb(IntensityRange.of([image]).scale(image))
        guide = np.ascontiguousarray(np.rint(255 * colours), np.uint8)
        nowhere, background, thing = (0, 0, 0, 0), np.zeros((1, 65)), np.zeros((1, 65))
        cv2.setRNGSeed(0)  # of the k-means that its mixtures start from
        cv2.grabCut(guide, marks, nowhere, background, thing, self.n_iterations, cv2.GC_INIT_WITH_MASK)
        return np.asarray((marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD))
