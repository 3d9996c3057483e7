"""Save what was found in images as the command line does: labels, masks, overlays, boxes, classes."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image
from numpy.typing import NDArray

from napari_vitrail.files import files_written_aside, written_aside
from napari_vitrail.image import main_of
from napari_vitrail.imagefile import tiff_axes, write_png, write_tiff
from napari_vitrail.progress import Progress, Steps, part_of
from napari_vitrail.widgets._gallery_images import LayerImage
from napari_vitrail.widgets._part_layers import part_colours
from napari_vitrail.widgets._planes import position_of
from napari_vitrail.widgets._save_files import SaveFiles
from napari_vitrail.widgets._scene import Scene, SceneCut
from napari_vitrail.widgets._scenes import Scenes

if TYPE_CHECKING:
    from napari_vitrail.objectfiles import FileFound, FoundPlane, ObjectFiles

_HINT = (
    "Write what was found into a folder, at this detail, as vitrail objects does: labels, masks and overlays "
    "of each image; boxes.json (COCO), boxes.csv and classes.csv of all. Rejected boxes are left out"
)


class SaveObjects(SaveFiles):
    """A button that asks for a folder and writes files into it, beside all else that may be computed.

    Parameters
    ----------
    scenes : Scenes
    """

    def __init__(self, scenes: Scenes) -> None:
        self._scenes = scenes
        question = "Choose a folder for labels and boxes"
        super().__init__("Save ...", _HINT, question, (scenes.shown, scenes.changed))

    def _obstacle(self) -> str:
        return "" if self._scenes.here else self._scenes.obstacle()

    def _write(self, folder: Path) -> None:
        steps = saved_steps(self._scenes.here, self._scenes.scale, self._scenes.least_score, folder)
        self._job.run(steps, on_done=partial(_report, folder), title="Writing files")


def _report(folder: Path, found: Sequence[FileFound]) -> str:
    n_boxes = sum(len(plane.boxes) for file in found for plane in file.planes)
    images = f"{len(found)} image{'' if len(found) == 1 else 's'}"
    boxes = f"{n_boxes} box{'' if n_boxes == 1 else 'es'}"
    return f"labels of {images} and {boxes} are in {folder}."


def saved_steps(
    scenes: Sequence[Scene], scale: float, least_score: float, folder: Path
) -> Steps[list[FileFound]]:
    """Yield Progress; write what was found in images into a folder, all or nothing; return it as it is said.

    Raises
    ------
    ValueError
        If an image would be replaced, or labels or masks that no earlier save has written.
    """
    from napari_vitrail.objectfiles import write_boxes, write_classes, write_coco

    layers = list(dict.fromkeys(scene.image.layer for scene in scenes))
    named = _files(layers, folder)
    found, settings = [], {}
    with files_written_aside(folder) as aside:
        files = replace(named, folder=aside)
        for number, layer in enumerate(layers):
            own = [scene for scene in scenes if scene.image.layer is layer]
            steps = part_of(_layer_steps(files, number, own, scale, least_score), number, len(layers))
            found.append((yield from steps))
            settings[files.names[number]] = _settings(own[-1], scale)
        write_coco(files.coco, found)
        write_boxes(files.boxes, found)
        write_classes(files.classes, found)
        with written_aside(files.settings) as path:
            path.write_text(json.dumps({"images": settings}, indent=1), encoding="utf-8")
        yield Progress(1, 1, "files")  # the last moment to cancel: then earlier files are replaced
    for number in range(len(layers)):
        named.record(number).unlink(missing_ok=True)  # of the command, which these files are not by any more
    return found


def _files(layers: Sequence[Image], folder: Path) -> ObjectFiles:
    """Return the files of images that are layers: those come from files, perhaps several from one."""
    from napari_vitrail.objectfiles import ObjectFiles, check_ours

    paths = [layer.source.path for layer in layers]
    often = Counter(paths)
    images = [
        Path(path if path and often[path] == 1 else layer.name)
        for path, layer in zip(paths, layers, strict=True)
    ]
    files = ObjectFiles(tuple(images), tuple(_names(layers)), folder)
    check_ours(files, [Path(path) for path in paths if path])
    return files


def _names(layers: Iterable[Image]) -> list[str]:
    """Return a name for the files of each layer, that none else has in whatever case its letters are."""
    names: list[str] = []
    for layer in layers:
        name = plain = re.sub(r"[^\w .-]", "_", layer.name).strip(" .") or "image"
        count = 1
        while name.casefold() in {own.casefold() for own in names}:
            count += 1
            name = f"{plain} {count}"
        names.append(name)
    return names


def _settings(scene: Scene, scale: float) -> dict[str, object]:
    """Return how the objects of an image were found, in plain values."""
    from napari_vitrail.backbones import load_backbone
    from napari_vitrail.objectfiles import ObjectsWanted, Settings
    from napari_vitrail.reading import Reading

    spec = replace(scene.found.spec, merge_scale=scale)
    info = load_backbone(spec.descriptor.backbone).info
    return Settings.of(ObjectsWanted(spec), Reading(), info).told


def _layer_steps(
    files: ObjectFiles, number: int, scenes: Sequence[Scene], scale: float, least_score: float
) -> Steps[FileFound]:
    """Yield Progress; write what was found in the planes of a layer; return it as it is said."""
    from napari_vitrail.objectfiles import FileFound, objects_picture

    shape = scenes[0].image.plane.shape
    labels, mask = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    planes = []
    for done, scene in enumerate(sorted(scenes, key=lambda scene: position_of(scene.image.plane.index))):
        yield Progress(done, len(scenes), scene.image.name)
        cut, index = scene.cut(scale), scene.image.plane.index
        objects = cut.table(with_ground=False)[scene.found.pieces.labels]
        labels[index] = cut.table(with_ground=True)[scene.found.pieces.labels]
        mask[index] = objects > 0
        planes.append(
            described_as_shown(scene, cut, objects, least_score)._replace(plane=_number(scene.image))
        )
        colours = part_colours({*cut.labels, *(box.class_id for box in planes[-1].boxes)} - {0})
        picture = files.overlay(number, planes[-1].plane)
        seen = main_of(scene.image.read())
        write_png(picture, objects_picture(seen, objects, planes[-1].boxes, colours))
    write_tiff(files.labels(number), labels, tiff_axes(labels.ndim))
    write_tiff(files.mask(number), mask, tiff_axes(mask.ndim))
    return FileFound(files.images[number], (), tuple(planes))


def _number(image: LayerImage) -> int | None:
    """Return the number of a plane, through all axes that count planes; None where there is but one."""
    sides = zip(image.plane.index, image.plane.shape, strict=True)
    counts = [size for at, size in sides if not isinstance(at, slice)]
    return int(np.ravel_multi_index(position_of(image.plane.index), counts)) if counts else None


def described_as_shown(
    scene: Scene, cut: SceneCut, objects: NDArray[np.uint8], least_score: float
) -> FoundPlane:
    """Return what was found in an image as files say it, with the labels, names and boxes of its layers."""
    from napari_vitrail.objectfiles import described, drawn_box

    found, labels = described(cut.proposals, None), (0, *cut.labels)
    classes = tuple(
        each._replace(id=labels[each.id], name=cut.names.get(labels[each.id], "")) for each in found.classes
    )
    known = {(labels[box.class_id], box.corners): box for box in found.boxes}
    boxes = []
    for own in scene.boxes(cut, least_score):
        box = known.get((own.label, own.corners)) or drawn_box(objects, own.label, own.corners, own.score)
        if box is not None and own.status != "rejected":
            boxes.append(box._replace(class_id=own.label, score=own.score, status=own.status))
    return found._replace(classes=classes, boxes=tuple(boxes))
