"""How the axes of image files are meant, and the planes that are read so."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from napari_vitrail.errors import SpecMismatch, VitrailWarning
from napari_vitrail.image import LayeredImage, Picture, as_image, channel_name, main_of
from napari_vitrail.imagefile import read_image
from napari_vitrail.planes import grey

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.classify import PixelClassifier
    from napari_vitrail.progress import Steps

Result = TypeVar("Result")


@dataclass(frozen=True)
class Reading:
    """How the axes of image files are meant.

    Attributes
    ----------
    channel_axis : int, optional
        Axis that holds the channels. Needed unless the last axis holds 3 or 4 of them.
    channels : tuple of int, optional
        The one or three to use, seen as grey or as colours.
    stains : tuple of int, optional
        Two or more to use, each also by itself: ``channel 0``, ``channel 2`` ..., see
        `napari_vitrail.LayeredImage.of_channels`. Needs the channel axis.
    stack : bool
        Whether axes before the last two, those of channels aside, count planes.
    extra : tuple of (name, pattern)
        Further images of the same pixels, each a channel by its name. In a pattern ``{stem}`` stands for the
        name of the image without its ending, ``{folder}`` for its folder.
    plane : int, optional
        Of files that hold stacks the one plane to read, counted from 0 through all axes that count planes.
    """

    channel_axis: int | None = None
    channels: tuple[int, ...] | None = None
    stains: tuple[int, ...] | None = None
    stack: bool = False
    extra: tuple[tuple[str, str], ...] = ()
    plane: int | None = None

    def __post_init__(self) -> None:
        if self.stack and self.plane is not None:
            raise ValueError("stack is all planes and plane is one of them: give one of the two")
        if len(self.names) < len(self.stains or ()) + len(self.extra):
            raise ValueError(f"further channels must differ in their names, got {', '.join(self.names)}")
        if self.stains is None:
            return
        if self.channel_axis is None or self.channels is not None:
            raise ValueError("stains need channel_axis, which says where they are, and go without channels")
        if len(set(self.stains)) < 2:
            raise ValueError(f"stains must be two channels or more, got {self.stains}")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the further channels that images are read with, in order."""
        own = [name for name, _ in self.extra]
        return tuple(sorted({*map(channel_name, self.stains or ()), *own}))

    def check_names(self, classifier: PixelClassifier) -> None:
        """Raise SpecMismatch where a classifier was trained with other further channels."""
        trained, given = (
            ", ".join(map(repr, names)) or "none" for names in (classifier.intensity.extra_names, self.names)
        )
        if trained != given:
            raise SpecMismatch(
                f"the classifier was trained with the extra channels {trained}, and {given} are given: "
                "--stains with --channel-axis names channels of the images, --extra NAME=PATTERN further ones"
            )

    def check_files(self, images: Sequence[Path]) -> None:
        """Raise ValueError where several images would share one further image."""
        for name, pattern in self.extra:
            if len(images) > 1 and "{stem}" not in pattern:
                raise ValueError(
                    f"{name}={pattern} names one file for {len(images)} images: write {{stem}} in it for the "
                    "name of each image without its ending"
                )

    def extra_files(self, path: Path) -> list[Path]:
        """Return the files of the further images that belong to an image."""
        return [_beside(pattern, path) for _, pattern in self.extra]

    def without_extra(self, images: Sequence[Path]) -> list[Path]:
        """Return images without those that are further images of others, as they may lie in one folder."""
        extra = {file.resolve() for path in images for file in self.extra_files(path)}
        return [path for path in images if path.resolve() not in extra]

    def read(self, path: Path) -> FilePlanes:
        """Return the planes of an image file as the core takes them; an error names the file.

        Raises
        ------
        OSError
            If there is no file, or it cannot be opened.
        ValueError
            If it is damaged, or its axes are not as they were said to be.
        """
        if self.plane is not None:
            planes = replace(self, stack=True, plane=None).read(path).planes
            if not 0 <= self.plane < len(planes):
                raise ValueError(f"{path}: plane must be 0 to {len(planes) - 1}, got {self.plane}")
            return FilePlanes((), [planes[self.plane]])
        pixels = read_image(path)
        with named(path):
            if not self.stack:
                return self._layered(FilePlanes((), [self._seen(pixels, self.channel_axis)]), path)
            if self.channel_axis is not None:
                pixels = np.moveaxis(pixels, self.channel_axis, -1)
            n_axes = 2 if self.channel_axis is None else 3  # of a plane
            if pixels.ndim <= n_axes:
                raise ValueError(
                    f"a stack must have an axis that counts its planes, got shape {pixels.shape}"
                )
            if self.channel_axis is None and pixels.shape[-1] in (3, 4):
                raise ValueError(
                    f"it looks like colours rather than a stack, its last axis is {pixels.shape[-1]}: of one "
                    "image leave --stack or --plane out, of a stack of colours say --channel-axis -1"
                )
            counts, sides = pixels.shape[:-n_axes], pixels.shape[-n_axes:]
            last = None if self.channel_axis is None else -1
            planes = [self._seen(plane, last) for plane in pixels.reshape(-1, *sides)]
            return self._layered(FilePlanes(counts, planes), path)

    def _layered(self, found: FilePlanes, path: Path) -> FilePlanes:
        """Return the planes of an image file with its further images."""
        further = {name: _extra_planes(name, _beside(pattern, path), found) for name, pattern in self.extra}
        if not further:
            return found
        planes: list[Picture] = []
        for number, plane in enumerate(found.planes):
            own = dict(plane.extra) if isinstance(plane, LayeredImage) else {}
            own |= {name: extra[number] for name, extra in further.items()}
            planes.append(LayeredImage(main_of(plane), own))
        return FilePlanes(found.counts, planes)

    def _seen(self, plane: NDArray[Any], axis: int | None) -> Picture:
        """Return a plane as the core takes it."""
        if self.stains is None:
            return as_image(plane, channel_axis=axis, channels=self.channels)
        channels = np.moveaxis(plane, -1 if axis is None else axis, 0)
        if unknown := [stain for stain in self.stains if not 0 <= stain < len(channels)]:
            raise ValueError(f"stains must be 0 to {len(channels) - 1}, got {unknown}")
        return LayeredImage.of_channels({channel_name(stain): channels[stain] for stain in self.stains})


def _beside(pattern: str, path: Path) -> Path:
    """Return the file that a pattern names for an image."""
    return Path(pattern.replace("{stem}", path.stem).replace("{folder}", str(path.parent)))


def _extra_planes(name: str, path: Path, found: FilePlanes) -> list[NDArray[Any]]:
    """Return a further image for each plane of an image file: a stack as that is, or one plane for all."""
    pixels = read_image(path)
    sides = main_of(found.planes[0]).shape[:2]
    for shape in ((*found.counts, *sides), sides):
        has_colours = pixels.shape[:-1] == shape and pixels.shape[-1] in (3, 4)
        if pixels.shape == shape or has_colours:
            planes = pixels.reshape(-1, *sides, *pixels.shape[-1:][: int(has_colours)])
            return [grey(planes[number % len(planes)]) for number in range(len(found.planes))]
    raise ValueError(
        f"{path}, the further image {name!r}, must have the image's shape {(*found.counts, *sides)}, "
        f"got {pixels.shape}"
    )


class FilePlanes(NamedTuple):
    """The planes of an image file.

    Attributes
    ----------
    counts : tuple of int
        Shape of the axes that count them; empty where there is one.
    planes : list of (H, W) or (H, W, 3) array, or LayeredImage
    """

    counts: tuple[int, ...]
    planes: list[Picture]


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Let a ValueError say which file it is about."""
    try:
        yield
    except SpecMismatch:
        raise
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def naming_steps(name: str, steps: Steps[Result]) -> Steps[Result]:
    """Run `steps`, and let warnings say what they are about, those too that were given of another before."""
    while True:
        done: list[Result] = []
        with warnings.catch_warnings(record=True) as given:
            warnings.simplefilter("always", VitrailWarning)
            try:
                part = next(steps)
            except StopIteration as stop:
                done.append(stop.value)
        for warning in given:
            is_ours = issubclass(warning.category, VitrailWarning)
            said = f"{name}: {warning.message}" if is_ours else warning.message
            warnings.warn(said, warning.category, stacklevel=2)
        if done:
            return done[0]
        yield part


def shape_of_file(path: Path) -> tuple[int, ...]:
    """Return the shape of a file that could not be taken for an image; none where it cannot be read."""
    try:
        return read_image(path).shape
    except (ValueError, OSError):
        return ()
