"""Transforms that lay one image over another, fitted to pairs of points."""

from napari_vitrail.alignment._consensus import LEAST_PAIRS, AlignmentKind
from napari_vitrail.alignment._fit import Alignment, fit_alignment
from napari_vitrail.alignment._thinplate import MOST_POINTS
from napari_vitrail.alignment._warping import warp_image

__all__ = ["LEAST_PAIRS", "MOST_POINTS", "Alignment", "AlignmentKind", "fit_alignment", "warp_image"]
