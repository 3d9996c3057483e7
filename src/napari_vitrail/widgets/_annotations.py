"""Strokes layers as what a project keeps of them, and what a project keeps as layers."""

from __future__ import annotations

import logging
import math
import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer
from napari.utils.colormaps import CyclicLabelColormap, DirectLabelColormap
from zarr.storage import MemoryStore

from napari_vitrail.annotations import LARGEST_ID, Annotation, Annotations, ClassLabel
from napari_vitrail.entries import UNIT
from napari_vitrail.progress import Progress, Steps
from napari_vitrail.reference import ImageReference, pixels_digest
from napari_vitrail.sparse import SparseLabels, sparse_steps
from napari_vitrail.spec import FeatureSpec
from napari_vitrail.widgets._layers import (
    MARK,
    class_colours,
    class_names,
    class_table,
    empty,
    is_result,
    locked_classes,
    strokes_name,
)
from napari_vitrail.widgets._planes import full_resolution

PLAIN_BYTES = 1 << 30
"""Above which strokes are packed in memory."""

log = logging.getLogger(__name__)

Pair = tuple[Labels, Image]
"""A layer of strokes and the image that they are painted on."""

LayerData = tuple[Any, dict[str, Any], str]
"""What napari makes a layer of: data, attributes, kind."""


@dataclass(frozen=True)
class Captured:
    """Strokes on an image as they are now, for a worker to read.

    Attributes
    ----------
    name : str
        Of the strokes layer.
    labels, pixels : array, or lazy array
        Of both layers at full resolution; not copied.
    geometry : mapping
        Of the strokes layer.
    image : ImageReference
        Maybe without the digest, which takes a look at the pixels.
    names : dict of int to str
    locked : set of int
    colormap : label colormap
    """

    name: str
    labels: Any
    pixels: Any
    geometry: Mapping[str, Any]
    image: ImageReference
    names: Mapping[int, str]
    locked: Collection[int]
    colormap: CyclicLabelColormap | DirectLabelColormap


def capture(strokes: Labels, image: Image, digest: str = "") -> Captured:
    """Return what a worker needs to keep the strokes on an image, whose digest may be known."""
    return Captured(
        strokes.name,
        full_resolution(strokes),
        full_resolution(image),
        numbers_of(strokes),
        replace(reference_to(image), digest=digest),
        class_names(strokes),
        locked_classes(strokes),
        strokes.colormap,
    )


def annotations_steps(
    captured: Sequence[Captured], spec: FeatureSpec | None = None, estimator: str | None = None
) -> Steps[Annotations]:
    """Yield Progress; return what was painted.

    Parameters
    ----------
    captured : sequence of Captured
        What the first says of a class holds.
    spec : FeatureSpec, optional
    estimator : str, optional
    """
    images = []
    for each in captured:
        strokes = yield from sparse_steps(each.labels)
        yield Progress(0, 1, "looking at the image")
        image = each.image if each.image.digest else replace(each.image, digest=_digest(each))
        images.append(Annotation(each.name, strokes, image, each.geometry))
    return Annotations(tuple(images), _classes(captured, images), spec, estimator)


def numbers_of(layer: Layer) -> dict[str, Any]:
    """Return where a layer lies in the world, in numbers and words."""
    geometry: dict[str, Any] = {
        name: np.asarray(getattr(layer, name), float).tolist()
        for name in ("scale", "translate", "rotate", "shear")
    }
    geometry["affine"] = np.asarray(layer.affine.affine_matrix, float).tolist()
    geometry["axis_labels"] = list(map(str, layer.axis_labels))
    units = list(map(str, layer.units))
    return geometry | ({"units": units} if all(UNIT.fullmatch(unit) for unit in units) else {})


def reference_to(image: Image) -> ImageReference:
    """Return how to find the image of a layer again; its pixels are not looked at."""
    pixels = full_resolution(image)
    path, sample = image.source.path, image.source.sample
    if MARK in image.metadata:  # from a project: napari takes the project for its source
        path, sample = image.metadata[MARK].get("path"), image.metadata[MARK].get("sample")
    elif sample is not None:
        path = None
    return ImageReference(
        image.name,
        tuple(map(int, pixels.shape)),
        np.dtype(pixels.dtype).name,
        bool(image.rgb),
        path=None if path is None or "://" in str(path) else os.path.abspath(path),
        sample=None if sample is None else (str(sample[0]), str(sample[1])),
        geometry=numbers_of(image),
    )


def named_pairs(layers: Iterable[Layer]) -> list[Pair]:
    """Return the strokes that belong to an image by their name, or by that of the project they came with."""
    layers = list(layers)
    images = [layer for layer in layers if isinstance(layer, Image) and not is_result(layer)]
    found: list[Pair] = []
    for labels in layers:
        if isinstance(labels, Labels) and not is_result(labels):
            came_with = [image for image in images if _came_with(labels, image)]
            named = [image for image in images if _are_named_after(labels, image)]
            found += [(labels, image) for image in (*came_with, *named)][:1]
    return found


def is_in_memory(labels: Labels) -> bool:
    """Whether a labels layer is in memory and nowhere else: plain, or packed."""
    store = getattr(labels.data, "store", None)
    return type(labels.data) is np.ndarray or isinstance(store, MemoryStore)


def strokes_data(
    annotation: Annotation, classes: Iterable[ClassLabel], image: str, project: Path | None
) -> LayerData:
    """Return strokes as napari makes a layer of them.

    Parameters
    ----------
    annotation : Annotation
    classes : iterable of ClassLabel
    image : str
        Name of the layer that they belong to.
    project : path or None
        What they are a part of; None if it is not to be taken up with them.

    Raises
    ------
    ValueError
        If there is no memory for them.
    """
    attributes = {
        "name": annotation.name,
        "features": class_table(
            {each.id: each.name for each in classes if each.name},
            {each.id for each in classes if each.locked},
        ),
        "colormap": colormap_of(classes),
        "opacity": 1,
        "metadata": {MARK: {"image": image} | ({} if project is None else {"project": str(project)})},
        **annotation.geometry,
    }
    return _array_of(annotation.strokes), attributes, "labels"


def _array_of(strokes: SparseLabels) -> Any:
    """Return strokes as an array, one that is packed in memory where the plain one would be large."""
    if math.prod(strokes.shape) * strokes.ids.dtype.itemsize <= PLAIN_BYTES or len(strokes.shape) < 3:
        return strokes.dense()
    packed = empty(strokes.shape, strokes.ids.dtype, True)
    for index, plane in strokes.planes():
        packed[index] = plane
    return packed


def image_data(reference: ImageReference, pixels: Any, path: Path | None) -> LayerData:
    """Return an image as napari makes a layer of it, which remembers where it came from."""
    origin = {"path": None if path is None else str(path), "sample": reference.sample}
    attributes = {
        "name": reference.name,
        "rgb": reference.rgb,
        "metadata": {MARK: origin},
        **reference.geometry,
    }
    return pixels, attributes, "image"


def colormap_of(classes: Iterable[ClassLabel]) -> CyclicLabelColormap | DirectLabelColormap:
    """Return label colours in which the classes have theirs, and all other labels some."""
    colours = class_colours().colors.copy()
    chosen: dict[Any, Any] = {each.id: np.asarray(each.colour, np.float32) for each in classes}
    if max(chosen, default=0) < len(colours):
        for label, colour in chosen.items():
            colours[label] = colour
        return CyclicLabelColormap(colors=colours)
    whole: dict[Any, Any] = {None: colours[1], **dict(enumerate(colours)), **chosen}
    return DirectLabelColormap(color_dict=whole)


def _came_with(labels: Labels, image: Image) -> bool:
    """Whether strokes were opened together with an image."""
    marked = labels.metadata.get(MARK, {})
    return "kind" not in marked and marked.get("image") == image.name


def _are_named_after(labels: Labels, image: Image) -> bool:
    """Whether strokes are called as the button New calls those on an image."""
    return re.fullmatch(rf"{re.escape(strokes_name(image))}( \[\d+\])?", labels.name) is not None


def _digest(captured: Captured) -> str:
    """Return the digest of an image; none of one that cannot be read any more, whose strokes matter more."""
    try:
        return pixels_digest(captured.pixels, rgb=captured.image.rgb)
    except (OSError, LookupError, RuntimeError, ValueError) as error:
        log.warning("%s is not looked at: %s", captured.image.name, error)
        return ""


def _classes(captured: Sequence[Captured], images: Sequence[Annotation]) -> tuple[ClassLabel, ...]:
    """Return the classes that are painted or named, as the first layer has them that knows them."""
    known: dict[int, ClassLabel] = {}
    for each, annotation in zip(captured, images, strict=True):
        for label in _labels(annotation.strokes, each.names):
            if label not in known or not known[label].name:
                colour = np.clip(
                    np.asarray(each.colormap.map(np.array([label])), float).reshape(-1, 4)[0], 0, 1
                )
                name, is_locked = each.names.get(label, ""), label in each.locked
                known[label] = ClassLabel(label, name, tuple(colour.tolist()), is_locked)
    return tuple(known[label] for label in sorted(known))


def _labels(strokes: SparseLabels, names: Mapping[int, str]) -> list[int]:
    return [int(label) for label in {*np.unique(strokes.ids).tolist(), *names} if 0 < label <= LARGEST_ID]
