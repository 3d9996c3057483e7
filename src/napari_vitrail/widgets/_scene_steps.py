"""The work of finding objects in images: those in view first, each coarsely before it is done in full."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_vitrail.backbones import backbone_info
from napari_vitrail.imports import importing_steps
from napari_vitrail.progress import Progress, Steps, part_of
from napari_vitrail.strokes import inner_strokes
from napari_vitrail.widgets._gallery_images import LayerImage
from napari_vitrail.widgets._network import Network
from napari_vitrail.widgets._scene import Scene

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


def scenes_steps(images: Sequence[LayerImage], network: Network, scale: Callable[[], float]) -> Steps[int]:
    """Yield Progress, so far the `Scene` of one image after the other, a coarser one first; return how many.

    Parameters
    ----------
    images : sequence of LayerImage
    network : Network
    scale : callable
        Returns the scale at which a scene will be shown: what that takes is computed here.
    """
    yield from importing_steps("napari_vitrail.objects")  # loads torch
    from napari_vitrail.backbones import load_backbone
    from napari_vitrail.objects import find_objects_steps
    from napari_vitrail.store import shared_store

    spec, run = objects_spec(network), object()
    yield Progress(0, 1, "loading the network")
    backbone, store = load_backbone(spec.descriptor.backbone), shared_store()
    for number, image in enumerate(images):
        steps = find_objects_steps(image.read(), spec, backbone=backbone, store=store)
        yield from part_of(_scene_steps(image, steps, run, scale), number, len(images))
    return len(images)


def _scene_steps(
    image: LayerImage, steps: Steps[FoundObjects], run: object, scale: Callable[[], float]
) -> Steps[None]:
    """Yield Progress, so far a `Scene` whenever objects are found."""

    def scene(found: FoundObjects) -> Scene:
        own = Scene(image, found, run)
        own.boxes(own.cut(scale()))  # enlarges what every later cut needs
        return own

    while True:
        try:
            progress = next(steps)
        except StopIteration as stop:
            yield Progress(1, 1, "objects", scene(stop.value))
            return
        yield progress if progress.so_far is None else progress._replace(so_far=scene(progress.so_far))


def strokes_steps(
    scenes: Sequence[Scene], scale: float
) -> Steps[tuple[list[tuple[LayerImage, NDArray[np.uint8]]], dict[int, str]]]:
    """Yield Progress; return strokes along the middle of what was found in images, and what labels mean.

    In one image each object is a class of its own; in several there is no telling which are of a kind, and
    all objects are one. The ground is always one.
    """
    made, names = [], {1: OBJECT, 2: GROUND}
    for done, scene in enumerate(scenes, start=1):
        cut = scene.cut(scale)
        is_object = cut.proposals.salient
        if len(scenes) == 1:
            count = int(is_object.sum())
            classes = np.where(is_object, np.cumsum(is_object), count + 1)
            names = {number: f"{OBJECT} {number}" for number in range(1, count + 1)} | {count + 1: GROUND}
        else:
            classes = np.where(is_object, 1, 2)
        areas = classes[cut.of_pieces].astype(np.uint8)[scene.found.pieces.labels]
        made.append((scene.image, inner_strokes(areas)))
        yield Progress(done, len(scenes), "images")
    return made, names
