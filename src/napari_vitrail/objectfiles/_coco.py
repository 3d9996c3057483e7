"""The boxes of all images in the form of the COCO data set."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from napari_vitrail.files import write_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_vitrail.objectfiles._record import FileFound, FoundBox, FoundPlane

OBJECT = "object"
"""The category of all boxes of which nobody has said what they show."""


def write_coco(path: Path, found: Sequence[FileFound]) -> None:
    """Write boxes and the pixels they are of; what failed is told too.

    A plane of a stack is an image, whose ``plane`` says which. Beside what the format asks for an annotation
    has its ``score`` and the ``label`` of its class in the label image, 0 for all objects together. Classes
    that have a name are categories of their own, the same for all that are called the same.
    """
    planes = [plane for file in found for plane in file.planes]
    names = dict.fromkeys([OBJECT, *(name for plane in planes for name in plane.names.values())])
    categories = {name: id_ for id_, name in enumerate(names, start=1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for file in found:
        for plane in file.planes:
            images.append(_image(len(images) + 1, file.image, plane))
            for box in plane.boxes:
                category = categories[plane.names.get(box.class_id, OBJECT)]
                annotations.append(_annotation(len(annotations) + 1, images[-1], category, box))
    told = {
        "info": {"description": "objects found by napari-vitrail", "version": version("napari-vitrail")},
        "licenses": [],
        "categories": [{"id": id_, "name": name, "supercategory": ""} for name, id_ in categories.items()],
        "images": images,
        "annotations": annotations,
        "failed": [{"file_name": file.image.as_posix(), "error": file.error} for file in found if file.error],
    }
    write_json(path, told)


def _image(id_: int, path: Path, plane: FoundPlane) -> dict[str, Any]:
    height, width = plane.shape
    told = {"id": id_, "file_name": path.as_posix(), "width": width, "height": height}
    return told if plane.plane is None else told | {"plane": plane.plane}


def _annotation(id_: int, image: dict[str, Any], category: int, box: FoundBox) -> dict[str, Any]:
    y0, x0, y1, x1 = box.corners
    told = {
        "id": id_,
        "image_id": image["id"],
        "category_id": category,
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "area": box.area,
        "iscrowd": 0,
        "segmentation": {"size": [image["height"], image["width"]], "counts": box.runs},
        "score": box.score,
        "label": box.class_id,
    }
    return told | {"status": box.status} if box.status else told
