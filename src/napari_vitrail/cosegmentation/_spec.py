"""How images are seen for co-segmentation, and how what they share is told from the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from napari_vitrail.cosegmentation._consensus import Consensus
from napari_vitrail.cosegmentation._votes import Votes
from napari_vitrail.spec import FeatureSpec

SMALLEST_SIDE, LARGEST_SIDE = 64, 2048
Edge = Literal["longer", "shorter"]
Saliency = Literal["density", "scaled", "coarse"]

KEYS = FeatureSpec(features="vit", layer=11, facet="key")
"""Keys of the last block of a network with 12, by dense queries at stride 7."""


@dataclass(frozen=True)
class CosegmentationSpec:
    """Which descriptors images are seen by, and how the object that they share is found among them.

    Attributes
    ----------
    descriptor : FeatureSpec
        Features whose clusters are the parts of the images.
    side : int, pixels
        To which the longer or shorter side of an image is brought before it is seen.
    edge : {"longer", "shorter"}
    saliency : {"density", "scaled", "coarse"}
        How much the network looks at a place: all heads alike, 1 being the mean of the image (``density``);
        or the mean over heads from 0 to 1 (``scaled``), at half the size and patch by patch (``coarse``).
    n_components : int
        Principal components of the set's descriptors that are kept; 0 keeps them as they are.
    outlier_similarity : float, -1 to 1, or None
        Images whose CLS descriptor is less similar to the mean of all have no part in it and an empty mask;
        None lets all images take part.
    how : Consensus or Votes
        How the shared object is found: by what clusterings of several sizes agree on, or as published.
    whitening : float, 0 to 1
        How far the principal components of the object's descriptors are brought to one variance before it
        falls into parts: 0 leaves descriptors as they are, as published; with 1 all components count alike.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    descriptor: FeatureSpec = KEYS
    side: int = 448
    edge: Edge = "longer"
    saliency: Saliency = "density"
    n_components: int = 64
    outlier_similarity: float | None = None
    how: Consensus | Votes = Consensus()  # noqa: RUF009  frozen
    whitening: float = 0.5

    def __post_init__(self) -> None:
        if self.descriptor.features != "vit":
            raise ValueError(f"descriptor must have features='vit', got {self.descriptor.features!r}")
        if not SMALLEST_SIDE <= self.side <= LARGEST_SIDE:
            raise ValueError(f"side must be {SMALLEST_SIDE} to {LARGEST_SIDE} pixels, got {self.side}")
        for name, kind in (("edge", Edge), ("saliency", Saliency)):
            if getattr(self, name) not in get_args(kind):
                allowed = ", ".join(map(repr, get_args(kind)))
                raise ValueError(f"{name} must be one of {allowed}, got {getattr(self, name)!r}")
        if self.n_components < 0:
            raise ValueError(f"n_components must be at least 0, got {self.n_components}")
        if not 0 <= self.whitening <= 1:
            raise ValueError(f"whitening must be 0 to 1, got {self.whitening}")
        if self.outlier_similarity is not None and not -1 <= self.outlier_similarity <= 1:
            raise ValueError(f"outlier_similarity must be -1 to 1 or None, got {self.outlier_similarity}")


COSEGMENTATION = CosegmentationSpec()
"""Co-segmentation: the winner of ``python -m evals coseg`` (docs/evals.md)."""

AMIR_COSEGMENTATION = CosegmentationSpec(
    FeatureSpec(
        features="vit",
        backbone="vit_small_patch8_224.dino",
        layer=11,
        facet="key",
        sampling="strided",
        stride=4,
        placement="stretch",
        interpolation="nearest",
        fit="crop",
        tile=4096,
        contrast="fitted",
    ),
    side=320,
    edge="shorter",
    saliency="coarse",
    n_components=0,
    how=Votes(),
    whitening=0,
)
"""Co-segmentation as published: Amir et al. (2021), section 4.2; refine its masks with `GrabCut`."""
