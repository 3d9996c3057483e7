"""From images to dense features; torch stops here."""

from napari_vitrail.features._classical import (
    CLASSICAL_CHANNELS,
    CLASSICAL_HALO,
    classical_features,
)
from napari_vitrail.features._extract import (
    attention_maps,
    extract_features,
    extract_features_steps,
    features_at,
)
from napari_vitrail.features._vit import vit_features_steps

__all__ = [
    "CLASSICAL_CHANNELS",
    "CLASSICAL_HALO",
    "attention_maps",
    "classical_features",
    "extract_features",
    "extract_features_steps",
    "features_at",
    "vit_features_steps",
]
