"""From images to dense features; torch stops here."""

from napari_vitrail.features._binning import BinnedGrid
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
from napari_vitrail.features._known import KnownTokens, TokenStore
from napari_vitrail.features._lattice import query_lattice
from napari_vitrail.features._nearest import Nearest, nearest_both_ways, nearest_cells
from napari_vitrail.features._pca import pca_colours
from napari_vitrail.features._pixels import PixelFeatures, classical_width, pixel_features_steps, seen_pixels
from napari_vitrail.features._plan import Plan, plan_features
from napari_vitrail.features._product import product
from napari_vitrail.features._projection import Projection
from napari_vitrail.features._saliency import attention_density, saliency
from napari_vitrail.features._similarity import DescriptorGrid, Descriptors, unit_rows
from napari_vitrail.features._token_map import TokenMap, majority, token_map, token_map_steps
from napari_vitrail.features._tokens import held_share
from napari_vitrail.features._vit import enlarged_pixels, vit_features_steps
from napari_vitrail.features._window import vote_in_window

__all__ = [
    "CLASSICAL_CHANNELS",
    "CLASSICAL_HALO",
    "BinnedGrid",
    "DescriptorGrid",
    "Descriptors",
    "KnownTokens",
    "Nearest",
    "PixelFeatures",
    "Plan",
    "Projection",
    "TokenMap",
    "TokenStore",
    "attention_density",
    "attention_maps",
    "classical_features",
    "classical_width",
    "enlarged_pixels",
    "extract_features",
    "extract_features_steps",
    "features_at",
    "held_share",
    "majority",
    "nearest_both_ways",
    "nearest_cells",
    "pca_colours",
    "pixel_features_steps",
    "plan_features",
    "product",
    "query_lattice",
    "saliency",
    "seen_pixels",
    "token_map",
    "token_map_steps",
    "unit_rows",
    "vit_features_steps",
    "vote_in_window",
]
