"""What a project has to teach: its images, read from their files, and the strokes on each plane."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_vitrail import samples
from napari_vitrail.annotations import Annotation, load_annotations
from napari_vitrail.channels import ChosenChannels, guessed_channels
from napari_vitrail.errors import ProjectError, VitrailWarning
from napari_vitrail.originals import checked_original, read_original
from napari_vitrail.overlay import LINEAR, PlaneOverlay, Viewpoint, overlays
from napari_vitrail.planes import Index, as_picture, plane_pixels
from napari_vitrail.progress import Progress, Steps, drain
from napari_vitrail.world import Frame

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_vitrail.image import Picture
    from napari_vitrail.reference import ImageReference

SAMPLES = {"histology": samples.histology, "coffee": samples.coffee, "coins": samples.coins}
"""Our sample data, by the names that napari knows them by."""


class TrainingPlanes(NamedTuple):
    """Painted planes of images, in the order of a project.

    Attributes
    ----------
    images : list of (H, W) or (H, W, 3) array, or LayeredImage
    labels : list of (H, W) int array
        The strokes on each.
    """

    images: list[Picture]
    labels: list[NDArray[np.integer]]


def training_planes(path: str | os.PathLike[str]) -> TrainingPlanes:
    """Read the painted images of a project: what *Segment* learns from in napari, to the bit.

    Every plane, of the last two axes but for that of the channels, that carries strokes counts; of an image
    with several strokes layers the first one. Channels and further layers are those that the project names.

    Parameters
    ----------
    path : path
        Of a ``.vitrail`` file.

    Returns
    -------
    planes : TrainingPlanes
        To be handed to `fit_classifier`: ``fit_classifier(*training_planes(path), spec)``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ProjectError
        If it is damaged; or an image is not found, cannot be read, or has another shape than it had.
    ValueError
        If it takes the viewer's slider to say to which plane strokes belong.
    """
    return drain(training_planes_steps(path, load_annotations(path).images))


def training_planes_steps(
    path: str | os.PathLike[str], annotations: Sequence[Annotation]
) -> Steps[TrainingPlanes]:
    """Yield Progress after every image; return what `training_planes` returns."""
    project = Path(path).absolute()
    found = TrainingPlanes([], [])
    painted = _one_an_image(annotations)
    known: list[tuple[ImageReference, NDArray[Any]]] = []
    for done, annotation in enumerate(painted):
        yield Progress(done, len(painted), annotation.image.name)
        channels = annotation.channels or guessed_channels(annotation.image)
        pixels = {
            image.name: _original(image, project, known) for image in (annotation.image, *channels.layers)
        }
        try:
            for picture, labels in _planes(annotation, channels, pixels):
                found.images.append(picture)
                found.labels.append(labels)
        except ValueError as error:
            raise ValueError(f"{path}, {annotation.name!r}: {error}") from error
    return found


def _one_an_image(annotations: Sequence[Annotation]) -> list[Annotation]:
    """Return the first strokes on each image, and say which others are left out."""
    first: list[Annotation] = []
    for annotation in annotations:
        taken = next((own for own in first if own.image == annotation.image), None)
        if taken is None:
            first.append(annotation)
        elif len(annotation.strokes.ids):
            warnings.warn(
                f"the strokes {annotation.name!r} are left out: {taken.name!r} come first on the same image, "
                "which learns from one layer of strokes",
                VitrailWarning,
                stacklevel=3,
            )
    return first


def _original(
    image: ImageReference, project: Path, known: list[tuple[ImageReference, NDArray[Any]]]
) -> NDArray[Any]:
    """Return the pixels of an image, read once, and say what is not as it was."""
    for reference, pixels in known:
        if reference == image:
            return pixels
    if image.sample is None:
        original = read_original(image, project)
    else:
        original = checked_original(_sample(image), image, None)
    if original.remark:
        warnings.warn(original.remark, VitrailWarning, stacklevel=3)
    known.append((image, original.pixels))
    return original.pixels


def _sample(image: ImageReference) -> NDArray[Any]:
    plugin, name = image.sample or ("", "")
    if plugin != "napari-vitrail" or name not in SAMPLES:
        raise ProjectError(
            f"the sample {name!r} of {plugin} is known to napari alone: save {image.name!r} as a file there, "
            "and paint on that"
        )
    return SAMPLES[name]().image


def _planes(
    annotation: Annotation, channels: ChosenChannels, pixels: Mapping[str, NDArray[Any]]
) -> Iterator[tuple[Picture, NDArray[np.integer]]]:
    """Yield each painted plane of an image and the strokes on it."""
    image, strokes = annotation.image, annotation.strokes
    sides = _sides(image)
    if channels.level:
        warnings.warn(
            f"{image.name!r} was painted on at level {channels.level} of a pyramid, and is learned from at "
            "full resolution, which its file has",
            VitrailWarning,
            stacklevel=4,
        )
    indices = list(_indices(sides, channels.axis))
    seen = Viewpoint(sides, Frame.of(image.geometry, len(sides)).data_to_world)
    if channels.axis is not None and len(strokes.shape) == len(sides) and strokes.shape[channels.axis] > 1:
        raise ValueError("they tell channels apart, which are now seen together")
    _check_axes(len(strokes.shape), sides, len(indices))
    frame = Frame.of(annotation.geometry, len(strokes.shape))
    read = (overlay.read() for overlay in overlays(frame, strokes.dense(), seen, indices, ()))
    painted = [(index, labels) for index, labels in zip(indices, read, strict=True) if labels.any()]
    there = [index for index, _ in painted]
    further = {layer.name: _seen_layer(layer, pixels[layer.name], seen, there) for layer in channels.layers}
    for number, (index, labels) in enumerate(painted):
        own = plane_pixels(pixels[image.name], index, channels.axis, channels.chosen)
        extra = {name: planes[number].read(LINEAR) for name, planes in further.items()}
        yield as_picture(own, channels.chosen, extra), labels


def _seen_layer(
    layer: ImageReference, pixels: NDArray[Any], seen: Viewpoint, indices: Sequence[Index]
) -> list[PlaneOverlay]:
    """Return a further layer as seen from each plane of an image."""
    sides = _sides(layer)
    if len(sides) > len(seen.sides):
        raise ValueError(
            f"the further layer {layer.name!r} has {len(sides)} axes, the image {len(seen.sides)}: napari's "
            "slider says which plane is meant, and there is none here"
        )
    return overlays(Frame.of(layer.geometry, len(sides)), pixels, seen, indices, ())


def _check_axes(ndim: int, sides: tuple[int, ...], count: int) -> None:
    """Raise ValueError where only a slider says which plane strokes are on."""
    if ndim > len(sides) or (ndim < len(sides) and count > 1):
        raise ValueError(
            f"strokes of {ndim} axes lie on an image of {len(sides)}: napari's slider says which plane is "
            "meant, and there is none here; paint on a layer that the button New has made"
        )


def _sides(image: ImageReference) -> tuple[int, ...]:
    """Return the shape of an image without its colours."""
    return image.shape[:-1] if image.rgb else image.shape


def _indices(sides: tuple[int, ...], axis: int | None) -> Iterator[Index]:
    """Yield the index of each plane of the last two axes but for that of the channels."""
    shown = [own for own in range(len(sides)) if own != axis][-2:]
    counts = [1 if own in shown or own == axis else side for own, side in enumerate(sides)]
    for position in np.ndindex(*counts):
        yield tuple(slice(None) if own in shown else at for own, at in enumerate(position))
