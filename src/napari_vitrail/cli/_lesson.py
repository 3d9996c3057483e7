"""What ``vitrail train`` is to learn: from images and labels, or from a project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from napari_vitrail.cli._images import image_of, labels_of, reading_of
from napari_vitrail.cli._spec import spec_of
from napari_vitrail.spec import SEGMENTATION

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence
    from pathlib import Path

    from napari_vitrail.progress import Steps
    from napari_vitrail.spec import FeatureSpec


class Lesson(NamedTuple):
    """What is to be learned, from what; see `napari_vitrail.fit_classifier`."""

    images: list[Any]
    labels: list[Any]
    spec: FeatureSpec
    estimator: str | None
    class_names: dict[int, str]


def file_lesson(options: Namespace) -> Lesson:
    """Return what images and labels in files are to teach."""
    _check_pairs(options.images, options.labels or [])
    reading_of(options).check_files(options.images)
    images = [image_of(path, options) for path in options.images]
    labels = [labels_of(path, image) for path, image in zip(options.labels, images, strict=True)]
    return Lesson(images, labels, spec_of(options), options.estimator, {})


def project_lesson_steps(options: Namespace) -> Steps[Lesson]:
    """Yield Progress; return what a project is to teach, but for what the options say otherwise."""
    from napari_vitrail.annotations import load_annotations
    from napari_vitrail.training import training_planes_steps

    [path] = options.images
    given = (options.labels, options.channels, options.stains, options.extra)
    if any(given) or options.channel_axis is not None:
        raise ValueError(
            f"{path} names its own strokes and channels: leave --labels, --channel-axis, --channels, "
            "--stains and --extra out"
        )
    project = load_annotations(path)
    if not project.images:
        raise ValueError(f"{path} holds no strokes, only a classifier: train takes a project with strokes")
    planes = yield from training_planes_steps(path, project.images)
    return Lesson(
        planes.images,
        planes.labels,
        spec_of(options, project.spec or SEGMENTATION),
        options.estimator or project.estimator,
        {each.id: each.name for each in project.classes if each.name},
    )


def is_project(options: Namespace) -> bool:
    """Whether train was given a project; ValueError where it was given more."""
    projects = [path for path in options.images if path.suffix.lower() == ".vitrail"]
    if projects and len(options.images) > 1:
        raise ValueError(
            f"train takes one project alone, or images and --labels; got {projects[0]} and "
            f"{len(options.images) - 1} more"
        )
    return bool(projects)


def _check_pairs(images: Sequence[Path], labels: Sequence[Path]) -> None:
    if len(images) != len(labels):
        raise ValueError(
            f"train needs one labels file for each image, got {len(images)} images and {len(labels)} labels"
        )
