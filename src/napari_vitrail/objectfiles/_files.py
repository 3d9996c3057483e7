"""Images one after the other: what is in each, written beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.batch import each_file_steps
from napari_vitrail.image import main_of
from napari_vitrail.imagefile import tiff_axes, write_png, write_tiff
from napari_vitrail.objectfiles._picture import objects_picture
from napari_vitrail.objectfiles._record import FileFound
from napari_vitrail.objectfiles._regions import described
from napari_vitrail.objects import find_objects_steps
from napari_vitrail.progress import Progress, Steps, part_of
from napari_vitrail.reading import named, naming_steps, shape_of_file

if TYPE_CHECKING:
    from pathlib import Path

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.features import TokenStore
    from napari_vitrail.image import Picture
    from napari_vitrail.objectfiles._plan import ObjectFiles
    from napari_vitrail.objectfiles._record import FoundPlane
    from napari_vitrail.objectfiles._settings import Settings
    from napari_vitrail.objectfiles._wanted import ObjectsWanted
    from napari_vitrail.objects import ObjectProposals
    from napari_vitrail.reading import FilePlanes, Reading


def find_files_steps(
    files: ObjectFiles, wanted: ObjectsWanted, reading: Reading, settings: Settings, *,
    backbone: Backbone, store: TokenStore | None = None, resume: bool = False,
) -> Steps[list[FileFound]]:  # fmt: skip
    """Find the objects of files; what is wrong with one does not keep the others.

    Parameters
    ----------
    files : ObjectFiles
    wanted : ObjectsWanted
    reading : Reading
    settings : Settings
        Of the same.
    backbone : Backbone
    store : FeatureStore, optional
    resume : bool
        Whether to leave images of which an earlier run with the same settings has written everything.

    Yields
    ------
    progress : Progress
        After each file ``so_far`` is its `FileFound`.
    """

    def steps_of(number: int) -> Steps[FileFound]:
        earlier = settings.earlier(files, number) if resume else None
        if earlier is not None:
            return earlier
        for stale in (files.record(number), files.labels(number), files.mask(number)):
            stale.unlink(missing_ok=True)  # that no one takes them for what this run finds
        found = yield from _file_steps(files, number, wanted, reading, backbone, store)
        settings.write_record(files, number, found)
        return found

    files.folder.mkdir(parents=True, exist_ok=True)
    settings.write(files.settings)
    failed = lambda path, error: FileFound(path, error=error)  # noqa: E731
    return (yield from each_file_steps(files.images, steps_of, failed))


def _file_steps(
    files: ObjectFiles, number: int, wanted: ObjectsWanted, reading: Reading, backbone: Backbone,
    store: TokenStore | None,
) -> Steps[FileFound]:  # fmt: skip
    path = files.images[number]
    yield Progress(0, 1, f"reading {path.name}")
    counts, planes = _read(path, reading)
    found: list[FoundPlane] = []
    labels, masks, written = [], [], [files.labels(number), files.mask(number)]
    with named(path):
        for index, plane in enumerate(planes):
            name = f"{path} plane {index}" if counts else str(path)
            steps = naming_steps(name, _proposals_steps(plane, wanted, backbone, store))
            proposals = yield from part_of(steps, index, len(planes))
            found.append(described(proposals, index if counts else reading.plane))
            labels.append(proposals.labels.astype(np.min_scalar_type(proposals.n_classes)))
            masks.append(proposals.mask.astype(np.uint8))
            written.append(files.overlay(number, index if counts else None))
            objects = np.where(proposals.mask, proposals.labels, 0)
            write_png(written[-1], objects_picture(main_of(plane), objects, found[-1].boxes))
    for file, arrays in zip(written, (labels, masks), strict=False):
        whole = np.stack(arrays).reshape(*counts, *arrays[0].shape)  # the widest type of all planes
        write_tiff(file, whole, tiff_axes(whole.ndim))
    return FileFound(path, tuple(written), tuple(found))


def _read(path: Path, reading: Reading) -> FilePlanes:
    try:
        return reading.read(path)
    except ValueError as error:
        said_nothing = not reading.stack and reading.plane is None and reading.channel_axis is None
        shape = shape_of_file(path) if said_nothing else ()
        if len(shape) < 3:
            raise
        raise ValueError(
            f"{path} must be one image, grey or with 3 or 4 channels last, got shape {shape}: take all "
            "planes of a stack with --stack, one with --plane, other channels with --channel-axis and "
            "--channels"
        ) from error


def _proposals_steps(
    image: Picture, wanted: ObjectsWanted, backbone: Backbone, store: TokenStore | None
) -> Steps[ObjectProposals]:
    """Yield Progress; return the objects of an image at the cut of the spec, refined where that is wanted."""
    steps = find_objects_steps(
        image, wanted.spec, random_state=wanted.random_state, backbone=backbone, store=store, coarse=False
    )
    if wanted.refinement is None:
        return (yield from steps).cut()
    found = yield from part_of(steps, 0, 2)
    return (yield from part_of(found.refined_steps(image, wanted.refinement), 1, 2))
