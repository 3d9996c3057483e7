"""Save what the images of a folder share, as the command line does: masks, areas and a gallery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_warning
from numpy.typing import NDArray

from napari_vitrail.files import files_written_aside
from napari_vitrail.progress import Progress, Steps
from napari_vitrail.widgets._found import Found, Seen
from napari_vitrail.widgets._gallery_images import FileImage
from napari_vitrail.widgets._naming import Naming
from napari_vitrail.widgets._part_layers import part_colours
from napari_vitrail.widgets._save_files import SaveFiles
from napari_vitrail.widgets._sharing import Sharing

if TYPE_CHECKING:
    from napari_vitrail.cosegmentation import CosegmentationSpec
    from napari_vitrail.cosegmentfiles import FailedImage, ImageFound

_HINT = (
    "Write a mask of each image, areas.json and a gallery, index.html, into a folder, as vitrail cosegment "
    "does; names, merged and deleted parts are as in the table. When all is written files of an earlier save "
    "are replaced; masks of other images stay"
)
_LAYERS = "the images are layers, and napari saves layers itself: File > Save Selected Layers"


class SaveFound(SaveFiles):
    """A button that asks for a folder and writes files into it, beside all else that may be computed.

    Parameters
    ----------
    sharing : Sharing
    """

    def __init__(self, sharing: Sharing) -> None:
        self._sharing = sharing
        question = "Choose a folder for masks and gallery"
        super().__init__("Save masks and gallery ...", _HINT, question, (sharing.shown,))

    def _obstacle(self) -> str:
        found = self._sharing.found
        if found is None:
            return self._sharing.found_obstacle()
        if not self._sharing.naming.kept:
            return "there is no part"
        return "" if all(isinstance(image, FileImage) for image in found.seen.images) else _LAYERS

    def _write(self, folder: Path) -> None:
        if self._sharing.found is not None:
            steps = saved_steps(self._sharing.found, self._sharing.naming, folder)
            self._job.run(steps, on_done=partial(_report, folder), title="Writing files")


def _report(folder: Path, outcome: tuple[Sequence[ImageFound], Sequence[FailedImage]]) -> str:
    done, failed = outcome
    if failed:
        show_warning(f"{len(failed)} images were left out:\n" + "\n".join(image.error for image in failed))
    return f"{len(done)} mask{'' if len(done) == 1 else 's'}, areas.json and index.html are in {folder}."


@dataclass(frozen=True)
class NamedLabels:
    """The parts that were found, as they are called and merged now.

    Attributes
    ----------
    found : Found
    naming : Naming
    numbers : sequence of int
        Which images of the set are written, one after the other.
    """

    found: Found
    naming: Naming
    numbers: Sequence[int]

    @property
    def names(self) -> Mapping[int, str]:
        """Names of the labels."""
        return self.naming.all_names()

    def labels_steps(self, index: int) -> Steps[NDArray[np.uint8]]:
        """Yield Progress; return the labels (H, W) of an image that is written."""
        yield Progress(0, 1, "masks")
        return self.naming.applied(self.found.parts.labels(self.numbers[index]))


def saved_steps(
    found: Found, naming: Naming, folder: Path
) -> Steps[tuple[list[ImageFound], list[FailedImage]]]:
    """Yield Progress; write what image files share into a folder, all or nothing; return what came of them.

    Raises
    ------
    ValueError
        If the folder is where the images are masks of an earlier save.
    """
    from napari_vitrail.cosegmentfiles import (
        Gallery,
        begin_masks,
        check_images_steps,
        origin_of,
        part_summaries,
        plan_set,
        settings_of,
        write_areas,
        write_gallery,
        write_masks_steps,
    )
    from napari_vitrail.reading import Reading

    paths = [image.path for image in found.seen.images if isinstance(image, FileImage)]
    planned, reading, spec = plan_set(paths, folder), Reading(), _spec(found)
    numbers = {path: number for number, path in enumerate(paths)}
    info = found.seen.descriptors.backbone.info
    with files_written_aside(folder) as aside:
        files = replace(planned, folder=aside)
        checked, unread = yield from check_images_steps(files, reading)
        labels = NamedLabels(found, naming, [numbers[image.path] for image in checked])
        settings = settings_of(
            checked,
            reading,
            spec,
            info,
            random_state=0,
            refinement=str(None),
            parts=_told_parts(found, naming),
        )
        begin_masks(files, settings, resume=False)
        done, unwritten = yield from write_masks_steps(labels, checked, files)
        colours = part_colours(naming.kept)
        parts = [part._replace(colour=colours[part.id]) for part in part_summaries(done, labels.names)]
        curve = None if found.voted is None else found.voted.curve
        failed = [*_left_out(found.seen), *unread, *unwritten]
        gallery = Gallery(done, parts, failed, curve, origin_of(spec, info, None))
        write_areas(files, gallery)
        write_gallery(files.gallery, gallery)
        yield Progress(1, 1, "files")  # the last moment to cancel: then earlier files are replaced
    return done, [*unread, *unwritten]


def _spec(found: Found) -> CosegmentationSpec:
    """Return how the object was found."""
    spec = found.seen.descriptors.spec
    return spec if found.wish.how is None else replace(spec, how=found.wish.how)


def _told_parts(found: Found, naming: Naming) -> Any:
    """Return what the command line is asked for to get the same masks, or what it cannot be asked for."""
    asked = found.wish.n_parts if found.wish.n_parts > 1 else None
    if naming.labels == Naming.fresh(found.parts.n_parts).labels:
        return asked
    return {"parts": asked, "labels": naming.labels}


def _left_out(seen: Seen) -> list[FailedImage]:
    """Return which files could not be read when the others were looked at."""
    from napari_vitrail.cosegmentfiles import FailedImage

    return [FailedImage(image.path, error) for image, error in seen.left_out if isinstance(image, FileImage)]
