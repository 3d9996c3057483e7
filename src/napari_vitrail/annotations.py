"""What was painted, and on which images: the part of a ``.vitrail`` file that opens without torch."""

from __future__ import annotations

import importlib.metadata
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from napari_vitrail.archive import (
    DESCRIPTION,
    ESTIMATOR,
    FORMAT_VERSION,
    TENSORS,
    read_archive,
    strokes_member,
    write_archive,
)
from napari_vitrail.channels import ChosenChannels, channels_entry, channels_of
from napari_vitrail.cleanup import ChosenCleanUp, cleanup_entry, cleanup_of
from napari_vitrail.entries import Geometry, as_choice, as_geometry, as_numbers, as_text, as_whole
from napari_vitrail.errors import ProjectError
from napari_vitrail.reference import ImageReference, reference_entry, reference_of
from napari_vitrail.sparse import SparseLabels
from napari_vitrail.spec import Estimator, FeatureSpec

LARGEST_ID = 65535

MISFIT = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What is raised where the parts of a description are not what they should be."""


@dataclass(frozen=True)
class ClassLabel:
    """What a label means.

    Attributes
    ----------
    id : int
        As painted, from 1.
    name : str
    colour : tuple of four float, 0 to 1
        Red, green, blue, opacity.
    locked : bool
        Whether what is painted with it is neither painted over nor erased.
    """

    id: int
    name: str
    colour: tuple[float, ...]
    locked: bool = False


@dataclass(frozen=True)
class Annotation:
    """Strokes on an image.

    Attributes
    ----------
    name : str
        Of their layer.
    strokes : SparseLabels
    image : ImageReference
    geometry : mapping
    channels : ChosenChannels or None
        Of the image; None where the file does not say, as in those of earlier versions.
    """

    name: str
    strokes: SparseLabels
    image: ImageReference
    geometry: Geometry = field(default_factory=dict)
    channels: ChosenChannels | None = None


@dataclass(frozen=True)
class Annotations:
    """What was painted on some images, what the classes are, and what was to be learned from it.

    Attributes
    ----------
    images : tuple of Annotation
    classes : tuple of ClassLabel
    spec : FeatureSpec or None
        The features that were chosen, maybe ``auto``.
    estimator : str or None
        Name of the one that was chosen; None leaves it to the core.
    clean_up : ChosenCleanUp or None
        Of the results; None where the file does not say, as in those of earlier versions.
    """

    images: tuple[Annotation, ...] = ()
    classes: tuple[ClassLabel, ...] = ()
    spec: FeatureSpec | None = None
    estimator: str | None = None
    clean_up: ChosenCleanUp | None = None


def load_annotations(path: str | os.PathLike[str]) -> Annotations:
    """Read what was painted from a ``.vitrail`` file, and leave its classifier alone.

    Strokes are therefore not lost with a classifier that cannot be opened.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ProjectError
        If it is damaged or newer than this version can read.
    """
    description, members = read_archive(path, without=(ESTIMATOR, TENSORS))
    return annotations_of(description, members, path)


def annotations_of(
    description: Mapping[str, Any], members: Mapping[str, bytes], path: str | os.PathLike[str]
) -> Annotations:
    """Return the annotations in a description and the members beside it, checked."""
    try:
        settings, entries = description["settings"], description["images"]
        clean_up = description.get("clean_up")
        if not isinstance(entries, list):
            raise TypeError(f"its images must be a list, got {entries!r:.60}")
        known = {ESTIMATOR, TENSORS, *map(strokes_member, range(len(entries)))}
        if not set(members) <= known:
            raise ValueError(f"{', '.join(sorted(set(members) - known))} belongs to no image")
        return Annotations(
            tuple(_annotation(entry, members[strokes_member(at)], path) for at, entry in enumerate(entries)),
            _classes(description["classes"]),
            None if settings is None else FeatureSpec.from_dict(settings["spec"]),
            None if settings is None else _estimator(settings["estimator"]),
            None if clean_up is None else cleanup_of(clean_up),
        )
    except ProjectError:
        raise
    except MISFIT as error:
        raise ProjectError(f"{path} is damaged: its strokes cannot be read: {error}") from error


def save_annotations(path: str | os.PathLike[str], annotations: Annotations) -> None:
    """Write what was painted to a ``.vitrail`` file, without a classifier; see `save_project`.

    Parameters
    ----------
    path : path
    annotations : Annotations

    Raises
    ------
    ProjectError
        If it would not be loaded again. Nothing is written then.
    """
    write_described(path, *written(annotations, path))


def written(
    annotations: Annotations, path: str | os.PathLike[str]
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the description and the other members that hold annotations in a file, checked."""
    description = _described(annotations, Path(os.path.abspath(path)).parent)
    members = {strokes_member(at): each.strokes.to_npz() for at, each in enumerate(annotations.images)}
    as_read = json.loads(json.dumps(description))
    annotations_of(as_read, members, f"{path} is not saved, as it could not be loaded: it")
    return description, members


def write_described(
    path: str | os.PathLike[str], description: Mapping[str, Any], members: Mapping[str, bytes]
) -> None:
    """Write a description and the members that belong to it."""
    whole = {
        "format_version": FORMAT_VERSION,
        "napari_vitrail": importlib.metadata.version("napari-vitrail"),
        **description,
    }
    write_archive(path, {DESCRIPTION: json.dumps(whole, indent=2).encode(), **members})


def _described(annotations: Annotations, folder: Path) -> dict[str, Any]:
    settings = None
    if annotations.spec is not None:
        settings = {"spec": annotations.spec.to_dict(), "estimator": annotations.estimator}
    return {
        "settings": settings,
        "clean_up": None if annotations.clean_up is None else cleanup_entry(annotations.clean_up),
        "classes": [
            {"id": each.id, "name": each.name, "colour": list(each.colour), "locked": each.locked}
            for each in annotations.classes
        ],
        "images": [
            {
                "strokes": {"name": each.name, "geometry": dict(each.geometry)},
                "image": reference_entry(each.image, folder),
                "channels": None if each.channels is None else channels_entry(each.channels, folder),
            }
            for each in annotations.images
        ],
        "classifier": None,
    }


def _annotation(entry: Mapping[str, Any], data: bytes, path: str | os.PathLike[str]) -> Annotation:
    name = as_text(entry["strokes"]["name"])
    strokes = SparseLabels.from_npz(data, f"{path}, {name!r},")
    geometry = as_geometry(entry["strokes"]["geometry"], len(strokes.shape))
    image, channels = reference_of(entry["image"]), entry.get("channels")
    return Annotation(
        name, strokes, image, geometry, None if channels is None else channels_of(channels, image)
    )


def _classes(entries: list[Mapping[str, Any]]) -> tuple[ClassLabel, ...]:
    if not isinstance(entries, list):
        raise TypeError(f"its classes must be a list, got {entries!r:.60}")
    classes = tuple(
        ClassLabel(
            as_whole(entry["id"], 1, LARGEST_ID),
            as_text(entry["name"]),
            tuple(as_numbers(entry["colour"], (4,))),
            as_choice(entry.get("locked", False)),
        )
        for entry in entries
    )
    ids = [each.id for each in classes]
    if len(set(ids)) < len(ids) or not all(0 <= part <= 1 for each in classes for part in each.colour):
        raise ValueError("its classes must differ and have colours from 0 to 1")
    return classes


def _estimator(name: str | None) -> str | None:
    if name is not None and name not in get_args(Estimator):
        raise ValueError(f"unknown estimator {name!r:.60}; known: {', '.join(get_args(Estimator))}")
    return name
