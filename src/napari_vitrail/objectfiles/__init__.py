"""What is in each image of a folder: labels, masks, boxes and overlays, written as files."""

from napari_vitrail.objectfiles._coco import write_coco
from napari_vitrail.objectfiles._files import find_files_steps
from napari_vitrail.objectfiles._picture import objects_picture
from napari_vitrail.objectfiles._plan import ObjectFiles, check_ours, plan_objects
from napari_vitrail.objectfiles._record import FileFound, FoundBox, FoundClass, FoundPlane
from napari_vitrail.objectfiles._regions import described, drawn_box
from napari_vitrail.objectfiles._settings import Settings
from napari_vitrail.objectfiles._summary import summary_lines
from napari_vitrail.objectfiles._tables import write_boxes, write_classes
from napari_vitrail.objectfiles._wanted import ObjectsWanted

__all__ = [
    "FileFound",
    "FoundBox",
    "FoundClass",
    "FoundPlane",
    "ObjectFiles",
    "ObjectsWanted",
    "Settings",
    "check_ours",
    "described",
    "drawn_box",
    "find_files_steps",
    "objects_picture",
    "plan_objects",
    "summary_lines",
    "write_boxes",
    "write_classes",
    "write_coco",
]
