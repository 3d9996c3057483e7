"""Places of two images that show the same, found by the ViT."""

from napari_vitrail.matching._align import CREDIBLE, AlignedImages, align_images, align_steps
from napari_vitrail.matching._find import (
    SALIENCY_THRESHOLD,
    find_correspondences,
    find_steps,
    see_pair,
    see_pair_steps,
    similarity_map,
    transfer_points,
)
from napari_vitrail.matching._imagepair import ImagePair
from napari_vitrail.matching._seen import SeenImage, look_steps, see_image, see_image_steps
from napari_vitrail.matching._slices import see_slices
from napari_vitrail.matching._spec import AMIR_MATCHING, MATCHING, MatchingSpec

__all__ = [
    "AMIR_MATCHING",
    "CREDIBLE",
    "MATCHING",
    "SALIENCY_THRESHOLD",
    "AlignedImages",
    "ImagePair",
    "MatchingSpec",
    "SeenImage",
    "align_images",
    "align_steps",
    "find_correspondences",
    "find_steps",
    "look_steps",
    "see_image",
    "see_image_steps",
    "see_pair",
    "see_pair_steps",
    "see_slices",
    "similarity_map",
    "transfer_points",
]
