"""Image files on the command line: how their axes are meant, and the files read so."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_vitrail.image import Picture
    from napari_vitrail.reading import Reading


def add_channels(parser: ArgumentParser) -> None:
    """Let the channels be chosen that are seen together."""
    parser.add_argument(
        "--channel-axis", type=int, metavar="AXIS", help="axis of the channels, if not the last"
    )
    parser.add_argument(
        "--channels", type=int, nargs="+", metavar="N",
        help="the one or three to use, from 0, as grey or as colours",
    )  # fmt: skip


def add_stains(parser: ArgumentParser) -> None:
    """Let channels be chosen that are also seen each by itself."""
    parser.add_argument(
        "--stains", type=int, nargs="+", metavar="N",
        help="two channels or more to use, each also by itself, as when channels are chosen in napari",
    )  # fmt: skip


def add_extra(parser: ArgumentParser) -> None:
    """Let further images of the same pixels be named."""
    parser.add_argument(
        "--extra", type=_named_pattern, action="append", default=[], metavar="NAME=PATTERN",
        help="a further image of the same pixels as each image, as when further layers are chosen in napari: "
        "the name of the layer, and where its file is, with {stem} for the name of the image without its "
        "ending and {folder} for its folder, as in 'depth={folder}/{stem}_depth.tif'; may be repeated",
    )  # fmt: skip


def _named_pattern(word: str) -> tuple[str, str]:
    name, _, pattern = word.partition("=")
    if not (name and pattern):
        raise ArgumentTypeError(f"expected NAME=PATTERN, got {word!r}")
    return name, pattern


def reading_of(options: Namespace) -> Reading:
    """Return how the axes of image files are meant."""
    from napari_vitrail.reading import Reading

    return Reading(
        options.channel_axis,
        None if options.channels is None else tuple(options.channels),
        tuple(options.stains) if getattr(options, "stains", None) else None,
        getattr(options, "stack", False),
        tuple(getattr(options, "extra", ())),
        getattr(options, "plane", None),
    )


def image_of(path: Path, options: Namespace) -> Picture:
    """Return an image file as the core wants it; an error names the file."""
    [image] = reading_of(options).read(path).planes
    return image


def labels_of(path: Path, image: Picture) -> NDArray[Any]:
    """Return a labels file that fits an image; an error names the file."""
    from napari_vitrail.imagefile import read_image
    from napari_vitrail.reading import named
    from napari_vitrail.strokes import as_labels

    labels = read_image(path)
    with named(path):
        return as_labels(labels, image.shape)


def extra_files(options: Namespace) -> list[Path]:
    """Return the files of the further images of all images."""
    return [file for path in options.images for file in reading_of(options).extra_files(path)]
