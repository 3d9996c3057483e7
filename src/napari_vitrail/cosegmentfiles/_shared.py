"""What a set of images shares, as labels of each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_vitrail.cosegmentation import CoSegmentation, PartSegmentation
    from napari_vitrail.framefiles import FileImages
    from napari_vitrail.progress import Steps
    from napari_vitrail.refinement import Refinement


class SharedLabels(Protocol):
    """Labels of each image of a set."""

    @property
    def names(self) -> Mapping[int, str]:
        """Names of the parts by their ids, from 1."""

    def labels_steps(self, index: int) -> Steps[NDArray[np.uint8]]:
        """Yield Progress; return the labels (H, W) of an image, 0 for what is of no part."""


@dataclass(frozen=True)
class ObjectLabels:
    """The object that images share, with the id 1.

    Attributes
    ----------
    found : CoSegmentation
    images : FileImages
        Those of the set: refinement asks for their colours.
    refinement : GrabCut, DenseCRF or None
    """

    found: CoSegmentation
    images: FileImages
    refinement: Refinement | None = None

    names: ClassVar[Mapping[int, str]] = {1: "object"}

    def labels_steps(self, index: int) -> Steps[NDArray[np.uint8]]:
        """Yield Progress; return the labels (H, W) of an image."""
        mask = self.found.mask(index)
        if self.refinement is not None and mask.any():
            steps = self.found.refined_mask_steps(index, self.images[index], self.refinement)
            mask = yield from steps
        return mask.astype(np.uint8)


MOST_PARTS = 255
"""That fit into a mask of 8 bits."""


@dataclass(frozen=True)
class PartLabels:
    """The parts of the object that images share.

    Attributes
    ----------
    parts : PartSegmentation
    images : FileImages
        Those of the set: refinement asks for their colours.
    refinement : GrabCut, DenseCRF or None
    """

    parts: PartSegmentation
    images: FileImages
    refinement: Refinement | None = None

    @property
    def names(self) -> Mapping[int, str]:
        """Names of the parts by their ids; of one part, which no image has, where there are none."""
        return {part: f"part {part}" for part in range(1, max(self.parts.n_parts, 1) + 1)}

    def labels_steps(self, index: int) -> Steps[NDArray[np.uint8]]:
        """Yield Progress; return the labels (H, W) of an image."""
        labels = self.parts.labels(index)
        if self.refinement is not None and labels.any():
            steps = self.parts.refined_labels_steps(index, self.images[index], self.refinement)
            labels = yield from steps
        return labels.astype(np.uint8)
