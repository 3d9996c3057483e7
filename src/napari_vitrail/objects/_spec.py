"""How an image is seen for its objects, and how those are told from the ground."""

from __future__ import annotations

from dataclasses import dataclass

from napari_vitrail.objects._boxes import BoxRule
from napari_vitrail.objects._cuts import NormalisedCuts
from napari_vitrail.objects._density import DenseClusters
from napari_vitrail.spec import FeatureSpec

SMALLEST_SIDE, LARGEST_SIDE = 64, 2048


@dataclass(frozen=True)
class ObjectsSpec:
    """Which descriptors an image is seen by, and how its objects are found among them.

    Attributes
    ----------
    descriptor : FeatureSpec
        Features that pieces are made of.
    side : int or None, pixels
        To which the longer side of an image is brought before it is seen; None leaves it as it is.
    how : NormalisedCuts or DenseClusters
        How objects are told from the ground: by what several cuts agree on, or as published.
    merge_scale : float, 0 or more
        Pieces are of one class if they are closer than so many times the semantic distance.
    n_classes : int or None
        The number of classes where it is known; `merge_scale` then does not count.
    boxes : BoxRule

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    descriptor: FeatureSpec = FeatureSpec(features="vit")  # noqa: RUF009  frozen
    side: int | None = 448
    how: NormalisedCuts | DenseClusters = NormalisedCuts()  # noqa: RUF009  frozen
    merge_scale: float = 1.0
    n_classes: int | None = None
    boxes: BoxRule = BoxRule()  # noqa: RUF009  frozen

    def __post_init__(self) -> None:
        if self.descriptor.features != "vit":
            raise ValueError(f"descriptor must have features='vit', got {self.descriptor.features!r}")
        if self.side is not None and not SMALLEST_SIDE <= self.side <= LARGEST_SIDE:
            raise ValueError(
                f"side must be {SMALLEST_SIDE} to {LARGEST_SIDE} pixels or None, got {self.side}"
            )
        if not self.merge_scale >= 0:
            raise ValueError(f"merge_scale must be 0 or more, got {self.merge_scale}")
        if self.n_classes is not None and self.n_classes < 1:
            raise ValueError(f"n_classes must be at least 1, or None, got {self.n_classes}")


OBJECTS = ObjectsSpec()
"""Objects of one image: the winner of ``python -m evals objects`` (docs/evals.md)."""

DOCHERTY_OBJECTS = ObjectsSpec(
    FeatureSpec(
        features="vit",
        backbone="vit_small_patch14_reg4_dinov2.lvd142m",
        sampling="strided",
        stride=4,
        shifts="moore",
        shift_distance=2,
        flips="paper",
        interpolation="nearest",
        tile=4096,
        contrast="fitted",
    ),
    side=518,
    how=DenseClusters(),
    boxes=BoxRule(wholes="largest"),
)
"""Objects as published: Docherty et al. (2024), Algorithm 2; refine its labels with `DenseCRF`.

Where their code departs from their paper, or misplaces features, it does not: that is done by
``DenseClusters(metric="euclidean")``, ``BoxRule(duplicate="superbox")``, and ``placement="stretch"``,
``border="wrap"`` and ``fit="crop"`` of the descriptor.
"""
