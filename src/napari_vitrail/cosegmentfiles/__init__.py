"""What the images of a folder share: masks, areas and a gallery, written as files."""

from napari_vitrail.cosegmentfiles._areas import PartArea, part_areas
from napari_vitrail.cosegmentfiles._gallery import Gallery, write_gallery
from napari_vitrail.cosegmentfiles._images import CheckedImage, FailedImage, check_images_steps
from napari_vitrail.cosegmentfiles._masks import ImageFound, write_masks_steps
from napari_vitrail.cosegmentfiles._plan import SetFiles, plan_set
from napari_vitrail.cosegmentfiles._settings import begin_masks, origin_of, settings_of
from napari_vitrail.cosegmentfiles._shared import MOST_PARTS, ObjectLabels, PartLabels, SharedLabels
from napari_vitrail.cosegmentfiles._summary import PartSummary, part_summaries, summary_lines, write_areas

__all__ = [
    "MOST_PARTS",
    "CheckedImage",
    "FailedImage",
    "Gallery",
    "ImageFound",
    "ObjectLabels",
    "PartArea",
    "PartLabels",
    "PartSummary",
    "SetFiles",
    "SharedLabels",
    "begin_masks",
    "check_images_steps",
    "origin_of",
    "part_areas",
    "part_summaries",
    "plan_set",
    "settings_of",
    "summary_lines",
    "write_areas",
    "write_gallery",
    "write_masks_steps",
]
