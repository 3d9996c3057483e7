"""Files one after the other: images that are read as a classifier sees them, results beside each other."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_vitrail.errors import CHEAPER, ComputeError, MissingExtra, SpecMismatch
from napari_vitrail.image import LayeredImage, Picture, as_image, channel_name, main_of
from napari_vitrail.imagefile import TIFF_SUFFIXES, read_image
from napari_vitrail.planes import grey
from napari_vitrail.progress import Progress, Steps, part_of
from napari_vitrail.results import Wanted, results_steps, write_results_steps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.classify import PixelClassifier

IMAGE_SUFFIXES = (*TIFF_SUFFIXES, ".png", ".jpg", ".jpeg")
"""Of the files in a folder that are taken for images."""
_PATTERN = frozenset("*?[")


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
    """

    channel_axis: int | None = None
    channels: tuple[int, ...] | None = None
    stains: tuple[int, ...] | None = None
    stack: bool = False
    extra: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
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


class FileDone(NamedTuple):
    """What came of a file.

    Attributes
    ----------
    image : Path
    written : tuple of Path
        Empty where it could not be segmented.
    error : str
        Why not; empty where it could.
    """

    image: Path
    written: tuple[Path, ...]
    error: str = ""


def find_images(names: Sequence[str | Path]) -> list[Path]:
    """Return the files that some names stand for.

    Parameters
    ----------
    names : sequence of str or path
        Of files, of folders, whose images are taken, or patterns such as ``plate/*.tif``; ``**`` stands
        for folders in folders.

    Returns
    -------
    files : list of Path
        In order of their names for each folder and pattern; a file that is named twice is there once.

    Raises
    ------
    ValueError
        If a folder holds no image, or a pattern matches none.
    """
    found: dict[Path, None] = {}
    for name in map(str, names):
        path = Path(name)
        if path.is_dir():
            own = sorted(file for file in path.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
        elif is_pattern(name):
            own = sorted(file for file in map(Path, glob.glob(name, recursive=True)) if file.is_file())
        else:
            own = [path]  # what is wrong with it is said when it is read
        if not own:
            raise ValueError(f"{name} holds no image ({', '.join(IMAGE_SUFFIXES)})")
        found.update(dict.fromkeys(own))
    return list(found)


def is_pattern(name: str) -> bool:
    """Whether a name stands for the files that match it, and is not that of a file itself."""
    return bool(_PATTERN & set(name)) and not Path(name).exists()


def plan_outputs(
    images: Sequence[Path], wanted: Wanted, folder: Path, inputs: Sequence[Path] = ()
) -> list[dict[str, Path]]:
    """Return which files will be written of each image, see `Wanted.paths`.

    Raises
    ------
    ValueError
        If two images would be written to one file, or an image or another of the `inputs` be replaced.
    """
    outputs = [wanted.paths(path, folder) for path in images]
    taken: dict[Path, Path] = {}
    for image, paths in zip(images, outputs, strict=True):
        output = paths["segmentation.tif"]
        if output in taken:
            raise ValueError(f"{taken[output]} and {image} would both be written to {output}")
        taken[output] = image
    check_spared([path for own in outputs for path in own.values()], [*images, *inputs])
    return outputs


def check_spared(outputs: Sequence[Path], inputs: Sequence[Path]) -> None:
    """Raise ValueError where an output would replace an input."""
    read = {path.resolve() for path in inputs}
    for output in outputs:
        if output.resolve() in read:
            raise ValueError(f"{output} is an input and is not overwritten; choose another output")


def segment_files_steps(
    images: Sequence[Path],
    outputs: Sequence[dict[str, Path]],
    classifier: PixelClassifier,
    wanted: Wanted,
    reading: Reading,
    **settings: Any,
) -> Steps[list[FileDone]]:
    """Segment files; what is wrong with one does not keep the others.

    Parameters
    ----------
    images : sequence of Path
    outputs : sequence of dict
        Of `plan_outputs`.
    classifier : PixelClassifier
    wanted : Wanted
    reading : Reading
    **settings
        Backbone, device and store, see `napari_vitrail.segment`.

    Yields
    ------
    progress : Progress
        After each file ``so_far`` is its `FileDone`.

    Raises
    ------
    SpecMismatch, MissingExtra
        Where the classifier cannot segment any image of this kind here.
    """
    done = []
    for number, (path, paths) in enumerate(zip(images, outputs, strict=True)):
        try:
            steps = _file_steps(path, paths, classifier, wanted, reading, settings)
            yield from part_of(steps, number, len(images))
            done.append(FileDone(path, tuple(paths.values())))
        except (SpecMismatch, MissingExtra):
            raise  # true of every image
        except (ValueError, OSError, ComputeError) as error:
            done.append(FileDone(path, (), str(error)))
        except (RuntimeError, MemoryError) as error:  # torch's lack of memory is a RuntimeError
            done.append(FileDone(path, (), f"{path}: {str(error) or 'out of memory'}{CHEAPER}"))
        yield Progress(number + 1, len(images), path.name, done[-1])
    return done


def _file_steps(
    path: Path, paths: dict[str, Path], classifier: PixelClassifier, wanted: Wanted, reading: Reading,
    settings: dict[str, Any],
) -> Steps[None]:  # fmt: skip
    yield Progress(0, 1, f"reading {path.name}")
    counts, planes = reading.read(path)
    if wanted.volumes and not counts:
        raise ValueError(f"{path}: volumes are found in stacks: add stack, or leave volumes out")
    found = []
    with named(path):
        for number, plane in enumerate(planes):
            steps = results_steps(plane, classifier, wanted, **settings)
            found.append((yield from part_of(steps, number, len(planes))))
        if not counts:
            yield from write_results_steps(paths, planes, classifier, wanted, *found[0])
            return
        segmentations, probabilities = zip(*found, strict=True)
        known = None
        if probabilities[0] is not None:
            known = np.stack(probabilities).reshape(*counts, *probabilities[0].shape)
        whole = np.stack(segmentations).reshape(*counts, *segmentations[0].shape)
        yield from write_results_steps(paths, planes, classifier, wanted, whole, known)


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Let a ValueError say which file it is about."""
    try:
        yield
    except SpecMismatch:
        raise
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
