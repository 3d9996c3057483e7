"""What to compute, chosen by how long it may take: Fast, Balanced or Fine."""

from __future__ import annotations

from dataclasses import replace

from napari_vitrail.backbones import backbone_info
from napari_vitrail.spec import DEFAULT_BACKBONE, SEGMENTATION, FeatureSpec

PRESETS = ("Fast", "Balanced", "Fine")
"""See docs/explanation/presets.md for what each is worth."""
_FINE_STRIDE = 4


def preset(name: str, backbone: str = DEFAULT_BACKBONE) -> FeatureSpec:
    """Return the features of a preset.

    Parameters
    ----------
    name : {"Fast", "Balanced", "Fine"}
        Tokens of the patch grid alone, which the plain pass brings; `SEGMENTATION`; or about three times
        as many tokens, for structures of a few pixels.
    backbone : str
        Name of a registered backbone.

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    size = backbone_info(backbone).patch_size
    strides = {"Fast": size, "Balanced": min(SEGMENTATION.stride, size), "Fine": min(_FINE_STRIDE, size)}
    if name not in strides:
        raise ValueError(f"name must be one of {', '.join(PRESETS)}, got {name!r}")
    return replace(SEGMENTATION, backbone=backbone, stride=strides[name])


def preset_of(spec: FeatureSpec) -> str | None:
    """Return the name of the preset that a spec is, whatever its backbone; None if it is none."""
    return next((name for name in PRESETS if preset(name, spec.backbone) == spec), None)
