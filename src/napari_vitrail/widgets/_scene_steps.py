"""The work of finding objects in images: those in view first, each coarsely before it is done in full."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_vitrail.backbones import backbone_info
from napari_vitrail.imports import importing_steps
from napari_vitrail.progress import Progress, Steps, part_of
from napari_vitrail.reading import naming_steps
from napari_vitrail.strokes import inner_strokes
from napari_vitrail.widgets._gallery_images import LayerImage
from napari_vitrail.widgets._network import Network
from napari_vitrail.widgets._scene import Scene, SceneCut
from napari_vitrail.widgets._thumbnails import thumbnail

if TYPE_CHECKING:
    from napari_vitrail.objects import FoundObjects, ObjectsSpec

GROUND, OBJECT = "ground", "object"


def objects_spec(network: Network) -> ObjectsSpec:
    """Return how objects are found by a network, between whose patches others are seen as by the default."""
    from napari_vitrail.objects import OBJECTS

    own = OBJECTS.descriptor
    patch, default = backbone_info(network.backbone).patch_size, backbone_info(own.backbone).patch_size
    stride = max(1, round(own.stride * patch / default))
    return replace(
        OBJECTS,
        descriptor=replace(own, backbone=network.backbone, stride=stride),
        side=network.side,
    )


def scenes_steps(images: Sequence[LayerImage], network: Network) -> Steps[int]:
    """Yield Progress, so far the `Scene` of one image after the other, a coarser one first; return how many.

    Parameters
    ----------
    images : sequence of LayerImage
    network : Network
    """
    yield from importing_steps("napari_vitrail.objects")  # loads torch
    from napari_vitrail.backbones import load_backbone
    from napari_vitrail.objects import find_objects_steps
    from napari_vitrail.store import shared_store

    plain, run = objects_spec(network), object()
    yield Progress(0, 1, "loading the network")
    backbone, store = load_backbone(plain.descriptor.backbone), shared_store()
    for number, image in enumerate(images):
        spec = replace(plain, boxes=replace(plain.boxes, min_area=_min_area(plain, image)))
        picture = image.read()
        found = find_objects_steps(picture, spec, backbone=backbone, store=store)
        as_scene = partial(Scene, image, run=run, small=thumbnail(picture))
        steps = _scene_steps(naming_steps(image.name, found), as_scene)
        yield from part_of(steps, number, len(images))
    return len(images)


def _min_area(spec: ObjectsSpec, image: LayerImage) -> int:
    """Return the smallest area of what gets a box, in pixels of an image that is seen smaller or larger."""
    shrinking = max(image.plane.sides) / (spec.side or max(image.plane.sides))
    return round(spec.boxes.min_area * shrinking**2)


def _scene_steps(steps: Steps[FoundObjects], as_scene: Callable[[FoundObjects], Scene]) -> Steps[None]:
    """Yield Progress, so far a `Scene` whenever objects are found."""
    while True:
        try:
            progress = next(steps)
        except StopIteration as stop:
            yield Progress(1, 1, "objects", as_scene(stop.value))
            return
        yield progress if progress.so_far is None else progress._replace(so_far=as_scene(progress.so_far))


def strokes_steps(
    scenes: Sequence[Scene], scale: float
) -> Steps[tuple[list[tuple[LayerImage, NDArray[np.uint8]]], dict[int, str]]]:
    """Yield Progress; return strokes along the middle of what was found in images, and what labels mean.

    What has the same name is one class. Of what has none each object is a class of its own in one image; in
    several there is no telling which are of a kind, and all objects are one. The ground is always one.
    """
    cuts = [scene.cut(scale) for scene in scenes]
    names = [_stroke_names(cut, one_by_one=len(scenes) == 1) for cut in cuts]
    there = dict.fromkeys(name for own in names for name in own)
    there.pop(GROUND, None)  # which comes last
    numbers = {name: number for number, name in enumerate([*there, GROUND], start=1)}
    made = []
    for done, (scene, cut, own) in enumerate(zip(scenes, cuts, names, strict=True), start=1):
        classes = np.array([numbers[name] for name in own], np.uint8)
        made.append((scene.image, inner_strokes(classes[cut.of_pieces][scene.found.pieces.labels])))
        yield Progress(done, len(scenes), "images")
    return made, {number: name for name, number in numbers.items()}


def _stroke_names(cut: SceneCut, *, one_by_one: bool) -> list[str]:
    """Return by name which class of strokes each class of an image is; nameless objects may be counted."""
    names, count = [], 0
    for label, is_object in zip(cut.labels, cut.proposals.salient.tolist(), strict=True):
        count += is_object and label not in cut.names
        plain = f"{OBJECT} {count}" if one_by_one else OBJECT
        names.append(cut.names.get(label, plain if is_object else GROUND))
    return names
