"""Strokes layers as what a project keeps of them, and what a project keeps as layers."""

from __future__ import annotations

import logging
import math
import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer
from napari.utils.colormaps import CyclicLabelColormap, DirectLabelColormap
from zarr.storage import MemoryStore

from napari_vitrail.annotations import LARGEST_ID, Annotation, Annotations, ClassLabel
from napari_vitrail.channels import ChosenChannels
from napari_vitrail.cleanup import ChosenCleanUp
from napari_vitrail.entries import UNIT
from napari_vitrail.progress import Progress, Steps
from napari_vitrail.reference import ImageReference, pixels_digest
from napari_vitrail.sparse import SparseLabels, sparse_steps
from napari_vitrail.spec import FeatureSpec
from napari_vitrail.widgets._image_plane import Channels
from napari_vitrail.widgets._layers import (
    MARK,
    class_colours,
    class_names,
    class_table,
    is_result,
    locked_classes,
    strokes_name,
)
from napari_vitrail.widgets._packed import empty
from napari_vitrail.widgets._planes import full_resolution

PLAIN_BYTES = 1 << 30
"""Above which strokes are packed in memory."""

_SUBJECT = f"{MARK} subject"  # beside the mark, which says what a layer of ours is

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Subject:
    """What strokes were painted on: an image that is not in the viewer now.

    Attributes
    ----------
    image : ImageReference
    channels : ChosenChannels or None
        What of it, and which other images, were looked at together.
    """

    image: ImageReference
    channels: ChosenChannels | None = None


Pair = tuple[Labels, Image]
"""A layer of strokes and the image that they are painted on."""

Painting = tuple[Labels, Image | Subject]
"""A layer of strokes and what they are painted on, whether that is in the viewer or not."""

Link = tuple[str, str | None]
"""The name of an image layer, and the key of one that was opened with the strokes that belong to it."""

LayerData = tuple[Any, dict[str, Any], str]
"""What napari makes a layer of: data, attributes, kind."""


@dataclass(frozen=True)
class Captured:
    """Strokes on an image as they are now, for a worker to read.

    Attributes
    ----------
    name : str
        Of the strokes layer.
    labels : array, or lazy array
        At full resolution; not copied.
    geometry : mapping
        Of the strokes layer.
    image : ImageReference
        Maybe without the digest, which takes a look at the pixels.
    channels : ChosenChannels or None
        Likewise.
    pixels : mapping of str to array
        Of the image and of further layers, by name, as far as they are in the viewer.
    names : dict of int to str
    locked : set of int
    colormap : label colormap
    """

    name: str
    labels: Any
    geometry: Mapping[str, Any]
    image: ImageReference
    channels: ChosenChannels | None
    pixels: Mapping[str, Any]
    names: Mapping[int, str]
    locked: Collection[int]
    colormap: CyclicLabelColormap | DirectLabelColormap


def capture(
    strokes: Labels,
    image: Image | Subject,
    channels: Channels | None = None,
    digest_of: Callable[[Image], str] = lambda _: "",
) -> Captured:
    """Return what a worker needs to keep the strokes on an image.

    Parameters
    ----------
    strokes : Labels
    image : Image or Subject
    channels : Channels, optional
        Of an image that is in the viewer; None leaves them to whoever opens it.
    digest_of : callable, optional
        Returns the digest of an image that was looked at before, else nothing.
    """
    here = () if isinstance(image, Subject) else (image, *(() if channels is None else channels.layers))
    on = image if isinstance(image, Subject) else subject_of(image, channels, digest_of)
    return Captured(
        strokes.name,
        full_resolution(strokes),
        numbers_of(strokes),
        on.image,
        on.channels,
        {layer.name: full_resolution(layer) for layer in here},
        class_names(strokes),
        locked_classes(strokes),
        strokes.colormap,
    )


def subject_of(
    image: Image, channels: Channels | None, digest_of: Callable[[Image], str] = lambda _: ""
) -> Subject:
    """Return how to find an image again, and the other images that are looked at with it."""
    chosen = None
    if channels is not None:
        layers = tuple(replace(reference_to(layer), digest=digest_of(layer)) for layer in channels.layers)
        chosen = ChosenChannels(channels.axis, channels.chosen, layers, channels.level)
    return Subject(replace(reference_to(image), digest=digest_of(image)), chosen)


def annotations_steps(
    captured: Sequence[Captured], spec: FeatureSpec | None = None, estimator: str | None = None,
    clean_up: ChosenCleanUp | None = None,
) -> Steps[Annotations]:  # fmt: skip
    """Yield Progress; return what was painted.

    Parameters
    ----------
    captured : sequence of Captured
        What the first says of a class holds.
    spec : FeatureSpec, optional
    estimator : str, optional
    clean_up : ChosenCleanUp, optional
    """
    images = []
    for each in captured:
        strokes = yield from sparse_steps(each.labels)
        yield Progress(0, 1, "looking at the image")
        image, channels = _looked_at(each.image, each.pixels), each.channels
        if channels is not None:
            layers = tuple(_looked_at(layer, each.pixels) for layer in channels.layers)
            channels = replace(channels, layers=layers)
        images.append(Annotation(each.name, strokes, image, each.geometry, channels))
    return Annotations(tuple(images), _classes(captured, images), spec, estimator, clean_up)


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


def strokes_data(annotation: Annotation, classes: Iterable[ClassLabel], mark: Mapping[str, Any]) -> LayerData:
    """Return strokes as napari makes a layer of them.

    Parameters
    ----------
    annotation : Annotation
    classes : iterable of ClassLabel
    mark : mapping
        What is to be remembered of where they came from, and of the image that they belong to.

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
        "metadata": {MARK: dict(mark), _SUBJECT: Subject(annotation.image, annotation.channels)},
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


def image_data(reference: ImageReference, pixels: Any, path: Path | None, key: str) -> LayerData:
    """Return an image as napari makes a layer of it, which remembers where it came from.

    By the key the strokes that were opened with it know it, whatever it is called here.
    """
    origin = {"path": None if path is None else str(path), "sample": reference.sample, "key": key}
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


def link_leads_to(link: Link, image: Image) -> bool:
    """Whether an image is the one that was opened with strokes; or was there then, or came later."""
    name, key = link
    return image.metadata.get(MARK, {}).get("key") == key if key is not None else image.name == name


def subject_known(strokes: Labels) -> Subject | None:
    """Return what strokes were painted on, as far as it was noted when that was opened or removed."""
    found: Subject | None = strokes.metadata.get(_SUBJECT)
    return found


def note_subject(strokes: Labels, subject: Subject) -> None:
    """Note what strokes are painted on: it is about to leave the viewer."""
    strokes.metadata[_SUBJECT] = subject


def _came_with(labels: Labels, image: Image) -> bool:
    """Whether strokes were opened together with an image."""
    marked = labels.metadata.get(MARK, {})
    return "link" in marked and link_leads_to(marked["link"], image)


def _are_named_after(labels: Labels, image: Image) -> bool:
    """Whether strokes are called as the button New calls those on an image."""
    return re.fullmatch(rf"{re.escape(strokes_name(image))}( \[\d+\])?", labels.name) is not None


def _looked_at(image: ImageReference, pixels: Mapping[str, Any]) -> ImageReference:
    """Return an image with its digest; without, if it cannot be read any more: its strokes matter more."""
    if image.digest or image.name not in pixels:
        return image
    try:
        return replace(image, digest=pixels_digest(pixels[image.name], rgb=image.rgb))
    except (OSError, LookupError, RuntimeError, ValueError) as error:
        log.warning("%s is not looked at: %s", image.name, error)
        return image


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
