"""Pairs of points that show the same in two images, and the files they come from and go to."""

from napari_vitrail.pairs._bigwarp import load_bigwarp, save_bigwarp
from napari_vitrail.pairs._files import (
    PairStatus,
    SavedPairs,
    load_napari_points,
    load_pairs,
    save_napari_points,
    save_pairs,
)
from napari_vitrail.pairs._pairs import UNKNOWN, Correspondences, as_points
from napari_vitrail.pairs._points import SavedPoints, load_points

__all__ = [
    "UNKNOWN",
    "Correspondences",
    "PairStatus",
    "SavedPairs",
    "SavedPoints",
    "as_points",
    "load_bigwarp",
    "load_napari_points",
    "load_pairs",
    "load_points",
    "save_bigwarp",
    "save_napari_points",
    "save_pairs",
]
