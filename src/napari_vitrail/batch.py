"""Files one after the other: images that are read as a classifier sees them, results beside each other."""

from __future__ import annotations

import glob
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from napari_vitrail.backbones import failure_text
from napari_vitrail.errors import ComputeError, MissingExtra, SpecMismatch
from napari_vitrail.imagefile import TIFF_SUFFIXES
from napari_vitrail.progress import Progress, Steps, part_of, without_results
from napari_vitrail.reading import Reading, named
from napari_vitrail.results import Wanted, results_steps, write_results_steps

if TYPE_CHECKING:
    from napari_vitrail.classify import PixelClassifier

IMAGE_SUFFIXES = (*TIFF_SUFFIXES, ".png", ".jpg", ".jpeg")
"""Of the files in a folder that are taken for images."""
_PATTERN = frozenset("*?[")

Outcome = TypeVar("Outcome")


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


def without_made(images: Sequence[Path], folder: Path, made: Sequence[str]) -> tuple[Path, ...]:
    """Return images without results of an earlier run, which a pattern may find too.

    Parameters
    ----------
    images : sequence of Path
    folder : Path
        That everything is written to.
    made : sequence of str
        Folders in it that results which look like images are written to.

    Raises
    ------
    ValueError
        If no image is left, or the folder is a file.
    """
    if folder.is_file():
        raise ValueError(f"output must be a folder, got the file {folder}")
    own = [(folder / name).resolve() for name in made]
    kept = tuple(path for path in images if not any(path.resolve().is_relative_to(each) for each in own))
    if not kept:
        raise ValueError(f"all images lie in {folder}, where results are written: choose another output")
    return kept


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

    def steps_of(number: int) -> Steps[FileDone]:
        return _file_steps(images[number], outputs[number], classifier, wanted, reading, settings)

    return (yield from each_file_steps(images, steps_of, lambda path, error: FileDone(path, (), error)))


def each_file_steps(
    paths: Sequence[Path], steps_of: Callable[[int], Steps[Outcome]], failed: Callable[[Path, str], Outcome]
) -> Steps[list[Outcome]]:
    """Do something with files one after the other; what is wrong with one does not keep the others.

    Parameters
    ----------
    paths : sequence of Path
    steps_of : callable
        Takes the number of a file, and returns the steps that do it.
    failed : callable
        Takes a file and what went wrong, and returns what came of it then.

    Yields
    ------
    progress : Progress
        After each file ``so_far`` is what came of it; nothing else is.

    Raises
    ------
    SpecMismatch, MissingExtra
        Which are true of every file.
    """
    done = []
    for number, path in enumerate(paths):
        try:
            done.append((yield from part_of(without_results(steps_of(number)), number, len(paths))))
        except (SpecMismatch, MissingExtra):
            raise
        except (ValueError, OSError) as error:  # name the file
            done.append(failed(path, str(error)))
        except ComputeError as error:
            done.append(failed(path, f"{path}: {error}"))
        except (RuntimeError, MemoryError) as error:  # torch's lack of memory is a RuntimeError
            done.append(failed(path, f"{path}: {failure_text(error)}"))
        yield Progress(number + 1, len(paths), path.name, done[-1])
    return done


def _file_steps(
    path: Path, paths: dict[str, Path], classifier: PixelClassifier, wanted: Wanted, reading: Reading,
    settings: dict[str, Any],
) -> Steps[FileDone]:  # fmt: skip
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
            return FileDone(path, tuple(paths.values()))
        segmentations, probabilities = zip(*found, strict=True)
        known = None
        if probabilities[0] is not None:
            known = np.stack(probabilities).reshape(*counts, *probabilities[0].shape)
        whole = np.stack(segmentations).reshape(*counts, *segmentations[0].shape)
        yield from write_results_steps(paths, planes, classifier, wanted, whole, known)
    return FileDone(path, tuple(paths.values()))
