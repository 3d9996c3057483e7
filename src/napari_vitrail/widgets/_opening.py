"""Open a ``.vitrail`` file as layers: the images that are found, and the strokes on them in any case."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image, Layer

from napari_vitrail.annotations import Annotations, load_annotations
from napari_vitrail.imagefile import read_image
from napari_vitrail.reference import ImageReference, pixels_digest, places
from napari_vitrail.widgets._annotations import LayerData, image_data, reference_to, strokes_data

SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp", ".npy")
"""Of images that are opened on a project's word: their readers run nothing that a file says."""
SAMPLES = ("napari", "napari-vitrail")
"""Plugins whose sample data are opened on a project's word."""


@dataclass(frozen=True)
class Opened:
    """A project as layers.

    Attributes
    ----------
    annotations : Annotations
    layers : list of layer data
        Images below the strokes on them.
    remarks : list of str
        What is not as it was when the project was saved.
    """

    annotations: Annotations
    layers: list[LayerData]
    remarks: list[str]


def opened(path: str | Path, present: Iterable[Layer] = (), *, is_project: bool = True) -> Opened:
    """Return the layers of a project.

    Parameters
    ----------
    path : path
        Of the ``.vitrail`` file.
    present : iterable of layers
        Those of a viewer: images that are among them are not opened again.
    is_project : bool
        Whether the strokes are marked as parts of it, so that what was learned is loaded with them.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ProjectError
        If it is damaged, or refused for safety.
    ValueError
        If there is no memory for the strokes.
    """
    project, present = Path(path).absolute(), list(present)
    annotations = load_annotations(project)
    layers: list[LayerData] = []
    remarks: list[str] = []
    seen: list[ImageReference] = []
    for annotation in annotations.images:
        reference = annotation.image
        there = next((layer for layer in present if is_of(layer, reference)), None)
        if reference not in seen and there is None:
            image, remark = _image(reference, project)
            layers += [] if image is None else [image]
            remarks += [remark] if remark else []
        seen.append(reference)
        name = reference.name if there is None else there.name
        mark = project if is_project else None
        layers.append(strokes_data(annotation, annotations.classes, name, mark))
    return Opened(annotations, layers, remarks)


def is_of(layer: Layer, reference: ImageReference) -> bool:
    """Whether a layer shows the image that is meant: from the same place, or of the same looks."""
    if not isinstance(layer, Image):
        return False
    own = reference_to(layer)
    if (own.shape, own.dtype, own.rgb) != (reference.shape, reference.dtype, reference.rgb):
        return False
    if reference.path is not None or reference.sample is not None:
        return (own.path, own.sample) == (reference.path, reference.sample)
    pixels = layer.data
    if type(pixels) is not np.ndarray or not reference.digest:  # lazy data are not looked at meanwhile
        return own.name == reference.name
    return pixels_digest(pixels, rgb=own.rgb) == reference.digest


def _image(reference: ImageReference, project: Path) -> tuple[LayerData | None, str]:
    """Return an image as layer data, None where it is not found; and what is to be said of it."""
    if reference.sample is not None:
        pixels, remark, path = *_sample(reference), None
    else:
        pixels, remark, path = _read(reference, project)
    if pixels is None:
        return None, remark
    if pixels.shape != reference.shape:
        return None, (
            f"{path or reference.name} has shape {pixels.shape}, and had {reference.shape} when it was "
            f"painted on as {reference.name!r}; open the image as you did then"
        )
    if reference.digest and pixels_digest(pixels, rgb=reference.rgb) != reference.digest:
        remark = f"the pixels of {path or reference.name} have changed since they were painted on"
    return image_data(reference, pixels, path), remark


def _read(reference: ImageReference, project: Path) -> tuple[Any, str, Path | None]:
    """Return the pixels of an image from its file; None, and why, where there is none to read."""
    after = "; its strokes are here: open the image yourself"
    if reference.path is None:
        return None, f"{reference.name!r} was never in a file{after}", None
    looked = places(reference, project)
    path = next((place for place in looked if place.exists()), None)
    if path is None:
        where = " nor ".join(map(str, looked)) or "any place on this machine"
        return None, f"the image {reference.name!r} is neither at {where}{after}", None
    if path.suffix.lower() not in SUFFIXES:
        return (
            None,
            f"{path} is not opened on a project's word, being {path.suffix or 'a folder'}{after}",
            path,
        )
    try:
        npy = path.suffix.lower() == ".npy"
        return (np.load(path, allow_pickle=False) if npy else read_image(path)), "", path
    except (OSError, ValueError) as error:
        return None, f"the image {reference.name!r} cannot be read: {error}{after}", path


def _sample(reference: ImageReference) -> tuple[Any, str]:
    """Return the pixels of sample data; None, and why, where they are not to be had."""
    from npe2 import PluginManager

    plugin, key = reference.sample or ("", "")
    after = f"open it from File > Open Sample; the strokes on {reference.name!r} are here"
    if plugin not in SAMPLES:
        return None, f"the sample {key!r} of {plugin} is not opened on a project's word; {after}"
    for name, samples in PluginManager.instance().iter_sample_data():
        for sample in samples:
            if (name, sample.key) == (plugin, key):
                found = [data for data, *rest in sample.open() if np.shape(data) == reference.shape]
                if found:
                    return np.asarray(found[0]), ""
    return None, f"there is no sample {key!r} of {plugin} with shape {reference.shape}; {after}"
