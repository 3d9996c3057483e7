"""Open a ``.vitrail`` file as layers: the images that are found, and the strokes on them in any case."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image, Layer

from napari_vitrail.annotations import Annotations, load_annotations
from napari_vitrail.errors import ProjectError
from napari_vitrail.originals import Original, checked_original, read_original
from napari_vitrail.reference import ImageReference, pixels_digest
from napari_vitrail.widgets._annotations import LayerData, Link, image_data, reference_to, strokes_data

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
    opening = _Opening(Path(path).absolute(), list(present))
    annotations = load_annotations(opening.project)
    for annotation in annotations.images:
        link = opening.image(annotation.image, "its strokes are here: open the image yourself")
        channels = annotation.channels
        after = f"open it yourself and choose it under Channels of {annotation.image.name!r}"
        further = [] if channels is None else [opening.image(layer, after) for layer in channels.layers]
        mark = {"link": link, "further": further} | (opening.mark if is_project else {})
        opening.layers.append(strokes_data(annotation, annotations.classes, mark))
    return Opened(annotations, opening.layers, opening.remarks)


class _Opening:
    """One opening of a project: what has been opened so far, and how strokes find it.

    Parameters
    ----------
    project : Path
    present : list of layers
    """

    def __init__(self, project: Path, present: list[Layer]) -> None:
        self.project = project
        self.layers: list[LayerData] = []
        self.remarks: list[str] = []
        self.mark = {"project": str(project), "opening": secrets.token_hex(8)}
        self._present = present
        self._links: list[tuple[ImageReference, Link]] = []

    def image(self, reference: ImageReference, after: str) -> Link:
        """Return how an image is found among the layers; open it, or say why not, unless that was done."""
        known = next((link for own, link in self._links if own == reference), None)
        if known is None:
            known = self._opened(reference, after)
            self._links.append((reference, known))
        return known

    def _opened(self, reference: ImageReference, after: str) -> Link:
        there = next((layer for layer in self._present if is_of(layer, reference)), None)
        if there is not None:
            return there.name, None
        try:
            original = _original(reference, self.project)
        except ProjectError as error:
            self.remarks.append(f"{error}; {after}")
            return reference.name, None
        key = secrets.token_hex(8)
        self.layers.append(image_data(reference, original.pixels, original.path, key))
        self.remarks += [original.remark] if original.remark else []
        return reference.name, key


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


def _original(reference: ImageReference, project: Path) -> Original:
    """Return an image from its file or sample; ProjectError where it is not to be had."""
    if reference.sample is None:
        return read_original(reference, project)
    return checked_original(_sample(reference), reference, None)


def _sample(reference: ImageReference) -> Any:
    """Return the pixels of sample data."""
    from npe2 import PluginManager

    plugin, key = reference.sample or ("", "")
    if plugin not in SAMPLES:
        raise ProjectError(f"the sample {key!r} of {plugin} is not opened on a project's word")
    for name, samples in PluginManager.instance().iter_sample_data():
        for sample in samples:
            if (name, sample.key) == (plugin, key):
                found = [data for data, *rest in sample.open() if np.shape(data) == reference.shape]
                if found:
                    return np.asarray(found[0])
    raise ProjectError(f"there is no sample {key!r} of {plugin} with shape {reference.shape}")
