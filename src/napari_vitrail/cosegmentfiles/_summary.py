"""What came of all images: the areas as a file, and a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_vitrail.files import write_json
from napari_vitrail.picture import Colour, class_colours

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from napari_vitrail.cosegmentation import Curve
    from napari_vitrail.cosegmentfiles._gallery import Gallery
    from napari_vitrail.cosegmentfiles._masks import ImageFound
    from napari_vitrail.cosegmentfiles._plan import SetFiles


class PartSummary(NamedTuple):
    """A part over all images.

    Attributes
    ----------
    id : int
    name : str
    colour : (red, green, blue)
    images : int
        That have it.
    share : float, 0 to 1
        Of an image that has it, on average.
    """

    id: int
    name: str
    colour: Colour
    images: int
    share: float


def part_summaries(images: Sequence[ImageFound], names: Mapping[int, str]) -> list[PartSummary]:
    """Return what there is of each part, whose names are given by id."""
    colours = class_colours(names)
    shares: dict[int, list[float]] = {id_: [] for id_ in sorted(names)}
    for image in images:
        for area in image.areas:
            shares[area.id].append(area.share)
    return [
        PartSummary(id_, names[id_], colours[id_], len(own), float(np.mean(own)) if own else 0.0)
        for id_, own in shares.items()
    ]


def write_areas(files: SetFiles, gallery: Gallery) -> None:
    """Write the areas of each image and part, and what failed, as JSON."""
    told = {
        "parts": [part._asdict() | {"colour": hexadecimal(part.colour)} for part in gallery.parts],
        "images": [_told_image(image, files) for image in gallery.images],
        "failed": [{"image": str(image.path), "error": image.error} for image in gallery.failed],
        "clusters": None if gallery.curve is None else _told_curve(gallery.curve),
    }
    write_json(files.areas, told, indent=1)


def _told_image(found: ImageFound, files: SetFiles) -> dict[str, Any]:
    height, width = found.image.shape
    return {
        "image": str(found.image.path),
        "mask": found.mask.relative_to(files.folder).as_posix(),
        "height": height,
        "width": width,
        "parts": [area._asdict() for area in found.areas],
    }


def _told_curve(curve: Curve) -> dict[str, Any]:
    return {
        "counts": curve.counts.tolist(),
        "distortions": curve.distortions.tolist(),
        "chosen": int(curve.chosen),
    }


def hexadecimal(colour: Colour) -> str:
    """Return a colour as the web writes it."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def summary_lines(parts: Sequence[PartSummary], n_images: int) -> Iterator[str]:
    """Yield the lines of a table for people."""
    width = max(len("part"), *(len(part.name) for part in parts))
    yield f"{'part':<{width}} {'images':>13} {'mean area':>10}"
    for part in parts:
        yield f"{part.name:<{width}} {f'{part.images} of {n_images}':>13} {part.share:>10.1%}"
