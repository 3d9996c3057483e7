"""How frames are seen, and how labels go from one to the next."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np

from napari_vitrail.guidedfilter import GuidedFilter
from napari_vitrail.spec import FeatureSpec

CHOICES = {
    "mode": ("dense", "scribble"),
    "seed": ("occupancy", "nearest"),
    "context": ("patches", "all"),
    "window": ("gaussian", "flat"),
}
SMALLEST_SIDE, LARGEST_SIDE = 64, 2048
FARTHEST_MOTION = 12
"""Patches; twice as far takes four times as long, and four times the memory."""


@dataclass(frozen=True)
class PropagationSpec:
    """Which descriptors frames are seen by, and how labels are passed on among them.

    Attributes
    ----------
    descriptor : FeatureSpec
        Features that frames are compared by.
    side : int or None, pixels
        To which the shorter side of a frame is brought before it is seen, and the longer one to twice as
        much at most; None leaves frames as they are.
    centred : bool
        Places are compared by what sets them apart from the mean of their own frame: what a frame as a whole
        looks like changes as things come and go, and would make all its places seem like some one of another.
    mode : {"dense", "scribble"}
        What 0 means in labels: background, which is passed on like any label; or that nothing is known.
    seed : {"occupancy", "nearest"}
        What a place of a labelled frame passes on: the shares of the labels in the cell round it, or the
        label at its middle.
    n_context : int
        Frames before a frame that vote on its labels, besides the labelled one that it all started from.
    context : {"patches", "all"}
        Which places of those frames vote: those of the patch grid, or all.
    motion : float, patches
        How far along either axis what a frame shows may have moved since the frame before, to be looked for
        where it was, too; 0 looks for it in its place alone.
    radius : float, patches
        How far from either, along each axis, places vote; 0 is any distance.
    window : {"gaussian", "flat"}
        Whether a vote from a distance d weighs ``exp(-d² / (2 radius²))`` as much, or all within the radius
        weigh the same; with a radius of 0 they do in either.
    topk : int
        Places that vote, those whose votes weigh most in all frames.
    temperature : float
        A vote weighs ``exp(cosine / temperature)``.
    vanish_below : float, 0 to 1
        A label that is nowhere surer than this is not there.
    gone_below : float, 0 to 1
        Nor is one of whose surest places fewer than this share look more like places of it, wherever they
        were in the frames that vote, than like others; in mode "dense" more like those of any label than like
        background. 0 asks for nothing.
    scaled : bool
        Labels are scaled to their own range, 0 to 1, in every frame before the surest wins.
    refinement : GuidedFilter or None
        What moves borders to those of the image; its radius is in pixels of the frame as it is seen.

    Raises
    ------
    ValueError
        If a value is out of range.

    References
    ----------
    Caron et al. (2021), "Emerging Properties in Self-Supervised Vision Transformers", evaluation on DAVIS;
    Amir et al. (2021), appendix B.
    """

    descriptor: FeatureSpec = FeatureSpec(features="vit", tile=1024)  # noqa: RUF009  frozen
    side: int | None = 480
    centred: bool = True
    mode: Literal["dense", "scribble"] = "dense"
    seed: Literal["occupancy", "nearest"] = "occupancy"
    n_context: int = 7
    context: Literal["patches", "all"] = "patches"
    motion: float = 4.0
    radius: float = 4.0
    window: Literal["gaussian", "flat"] = "gaussian"
    topk: int = 5
    temperature: float = 0.1
    vanish_below: float = 0.1
    gone_below: float = 0.5
    scaled: bool = False
    refinement: GuidedFilter | None = GuidedFilter()  # noqa: RUF009  frozen

    def __post_init__(self) -> None:
        if self.descriptor.features != "vit":
            raise ValueError(f"descriptor must have features='vit', got {self.descriptor.features!r}")
        if self.side is not None and not SMALLEST_SIDE <= self.side <= LARGEST_SIDE:
            raise ValueError(
                f"side must be {SMALLEST_SIDE} to {LARGEST_SIDE} pixels or None, got {self.side}"
            )
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be {known[0]!r} or {known[1]!r}, got {getattr(self, name)!r}")
        for name, least in {"n_context": 0, "topk": 1}.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be {least} or more, got {getattr(self, name)}")
        if not isinstance(self.refinement, GuidedFilter | None):
            raise ValueError(f"refinement must be a GuidedFilter or None, got {self.refinement}")
        if not 0 <= self.motion <= FARTHEST_MOTION:
            raise ValueError(f"motion must be 0 to {FARTHEST_MOTION} patches, got {self.motion}")
        if not 0 <= self.radius < np.inf:
            raise ValueError(f"radius must be 0 or more and finite, got {self.radius}")
        if not 0 < self.temperature < np.inf:
            raise ValueError(f"temperature must be more than 0 and finite, got {self.temperature}")
        for name in ("vanish_below", "gone_below"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be 0 to 1, got {getattr(self, name)}")

    @property
    def digest(self) -> str:
        """SHA-256 of all settings: equal specs have equal digests on every machine."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


PROPAGATION = PropagationSpec()
"""Labels through a stack or a movie: the winner of ``python -m evals propagate`` (docs/evals.md)."""

DINO_PROPAGATION = PropagationSpec(
    FeatureSpec(features="vit", sampling="strided", stride=14, tile=4096, contrast="fitted"),
    centred=False,
    seed="nearest",
    context="all",
    motion=0.0,
    radius=12.0,
    window="flat",
    vanish_below=0.0,
    gone_below=0.0,
    scaled=True,
    refinement=None,
)
"""Labels patch by patch: the protocol by which DINO was evaluated on DAVIS (Caron et al. 2021)."""
