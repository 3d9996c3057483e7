"""How places of two images are matched: one frozen description, our default and the paper's."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from napari_vitrail.backbones import backbone_info
from napari_vitrail.spec import FeatureSpec

SMALLEST_SIDE, LARGEST_SIDE = 64, 2048
_IN_ONE_PIECE = ("shifts", "flips", "position_cure", "attention", "magnification")
"""Fields of a spec that dense queries of a whole image know nothing of."""


LAST_KEYS = FeatureSpec(features="vit", layer=11, facet="key")
"""Keys of the last block of a network with 12, by dense queries at stride 7."""


@dataclass(frozen=True)
class MatchingSpec:
    """Which descriptors are compared, who has a say in it, and where the answer is made exact.

    Attributes
    ----------
    descriptor : FeatureSpec
        Of the places that are compared. Each image is seen in one piece, whatever the spec's tiles.
    side : int, pixels
        The longer side at which an image is seen; it is enlarged or shrunk to that.
    bins : int
        Rings of neighbours whose descriptors are appended, the log-binning of Amir et al. (2021); 0 is none.
        Of the guide's tokens both are asked, binned alike and plain.
    guide : (layer, facet) or None
        Of the tokens whose best buddies tell how the images lie to each other, see
        `napari_vitrail.matching._agreement`. None trusts the descriptors alone.
    fine : (layer, facet) or None
        Of an early block, which tells better where a thing is than what it is. Asked in a window round
        the match, and believed where asking back leads home.
    window : float, pixels of the seen image
        How far from the match the fine layer may look.

    Raises
    ------
    ValueError
        If a value is out of range, or needs dense queries and the descriptor has none.
    """

    descriptor: FeatureSpec = LAST_KEYS
    side: int = 518
    bins: int = 2
    guide: tuple[int, str] | None = (9, "token")
    fine: tuple[int, str] | None = (3, "token")
    window: float = 14.0

    def __post_init__(self) -> None:
        if self.descriptor.features != "vit":
            raise ValueError(f"descriptor must have features='vit', got {self.descriptor.features!r}")
        if not SMALLEST_SIDE <= self.side <= LARGEST_SIDE:
            raise ValueError(f"side must be {SMALLEST_SIDE} to {LARGEST_SIDE} pixels, got {self.side}")
        if self.bins < 0:
            raise ValueError(f"bins must be at least 0, got {self.bins}")
        if self.window <= 0:
            raise ValueError(f"window must be above 0 pixels, got {self.window}")
        for name in ("guide", "fine"):
            self._check_source(name)
        if self.uses_queries:
            self._check_queries()

    def _check_source(self, name: str) -> None:
        source = getattr(self, name)
        if source is None:
            return
        if not self.uses_queries:
            raise ValueError(f"{name} needs a descriptor with sampling='queries'; set it to None")
        replace(self.descriptor, layer=source[0], facet=source[1])  # says what is wrong with either

    def _check_queries(self) -> None:
        defaults = {item.name: item.default for item in fields(FeatureSpec)}
        for name in _IN_ONE_PIECE:
            value = getattr(self.descriptor, name)
            if value != defaults[name]:
                raise ValueError(
                    f"descriptor must have {name}={defaults[name]!r} with sampling='queries', got {value!r}"
                )

    def for_backbone(self, name: str) -> MatchingSpec:
        """Return the same with another network, asked in blocks as deep in it, in proportion.

        The last block stays the last; the stride stays the same part of a patch.

        Parameters
        ----------
        name : str
            See `napari_vitrail.list_backbones`.
        """
        old, new = backbone_info(self.descriptor.backbone), backbone_info(name)

        def as_deep(layer: int) -> int:
            return round((layer % old.depth + 1) * new.depth / old.depth) - 1

        return replace(
            self,
            descriptor=replace(
                self.descriptor,
                backbone=name,
                layer=as_deep(self.descriptor.layer),
                stride=max(round(self.descriptor.stride * new.patch_size / old.patch_size), 1),
            ),
            guide=self.guide and (as_deep(self.guide[0]), self.guide[1]),
            fine=self.fine and (as_deep(self.fine[0]), self.fine[1]),
        )

    @property
    def uses_queries(self) -> bool:
        """Whether descriptors can be asked for at any place."""
        return self.descriptor.sampling == "queries"


MATCHING = MatchingSpec()
"""Matching of places: the winner of ``python -m evals keypoints`` (docs/evals.md)."""

AMIR_MATCHING = MatchingSpec(
    FeatureSpec(
        features="vit",
        backbone="vit_small_patch8_224.dino",
        layer=9,
        facet="key",
        sampling="strided",
        stride=4,
        fit="crop",
        tile=4096,
        halo=0,
        contrast="fitted",
    ),
    side=224,
    bins=2,
    guide=None,
    fine=None,
)
"""Descriptors for correspondences as published: Amir et al. (2021), section 4; their images are square."""
