"""Images one after the other, each matched with the reference, which is seen once."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_vitrail.alignment import Alignment, fit_alignment
from napari_vitrail.batch import each_file_steps
from napari_vitrail.errors import VitrailWarning
from napari_vitrail.image import main_of
from napari_vitrail.imagefile import write_png
from napari_vitrail.matchfiles._picture import pairs_picture
from napari_vitrail.matchfiles._written import write_alignment, write_pairs, write_warped
from napari_vitrail.matching import CREDIBLE, ImagePair, SeenImage, align_steps, find_steps, see_image_steps
from napari_vitrail.pairs import Correspondences
from napari_vitrail.progress import Progress, Steps, drain, part_of, without_results

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.image import Picture
    from napari_vitrail.matchfiles._reading import MatchReading
    from napari_vitrail.matchfiles._wanted import MatchWanted
    from napari_vitrail.matching import MatchingSpec


class Reference(NamedTuple):
    """What all images are matched with.

    Attributes
    ----------
    path : Path
    image : (H, W) or (H, W, 3) array, or LayeredImage
    spec : MatchingSpec
    backbone : Backbone
    seen : SeenImage or None
        None where images are aligned: each is then looked at together with the reference.
    """

    path: Path
    image: Picture
    spec: MatchingSpec
    backbone: Backbone
    seen: SeenImage | None = None


class FileMatched(NamedTuple):
    """What came of an image.

    Attributes
    ----------
    image : Path
    written : tuple of Path
    pairs : Correspondences
        Empty where the image could not be matched.
    alignment : Alignment or None
        None where none was wanted, or none could be fitted.
    error : str
        What went wrong; empty where nothing did. Pairs that were found are written all the same.
    """

    image: Path
    written: tuple[Path, ...] = ()
    pairs: Correspondences = Correspondences.none()
    alignment: Alignment | None = None
    error: str = ""


def reference_steps(
    path: Path, reading: MatchReading, wanted: MatchWanted, spec: MatchingSpec, backbone: Backbone
) -> Steps[Reference]:
    """Yield Progress; return the reference, as the network sees it.

    Raises
    ------
    OSError, ValueError
        If it cannot be read, or points that are to be found in other images lie outside it.
    """
    yield Progress(0, 1, f"reading {path.name}")
    image = reading.read(path)
    if wanted.points is not None:
        _check_inside(path, main_of(image).shape, wanted)
    seen = None if wanted.is_aligned else (yield from _seen_steps(image, spec, backbone))
    return Reference(path, image, spec, backbone, seen)


def match_files_steps(
    reference: Reference,
    images: Sequence[Path],
    outputs: Sequence[dict[str, Path]],
    reading: MatchReading,
    wanted: MatchWanted,
) -> Steps[list[FileMatched]]:
    """Match files with a reference; what is wrong with one does not keep the others.

    Parameters
    ----------
    reference : Reference
        Of `reference_steps`.
    images : sequence of Path
    outputs : sequence of dict
        Of `MatchWanted.paths`, for each image.
    reading : MatchReading
    wanted : MatchWanted

    Yields
    ------
    progress : Progress
        After each file ``so_far`` is its `FileMatched`.
    """

    def steps_of(number: int) -> Steps[FileMatched]:
        return _file_steps(reference, images[number], outputs[number], reading, wanted)

    return (yield from each_file_steps(images, steps_of, lambda path, error: FileMatched(path, error=error)))


def _file_steps(
    reference: Reference, path: Path, paths: dict[str, Path], reading: MatchReading, wanted: MatchWanted
) -> Steps[FileMatched]:
    yield Progress(0, 1, f"reading {path.name}")
    image = reading.read(path)
    pairs = yield from _pairs_steps(reference, path, image, wanted)
    ids = np.arange(len(pairs)) if wanted.points is None else wanted.points.ids
    alignment, error = _fitted(pairs, path, wanted)
    missing = {"alignment", "warped"} if alignment is None else set()
    paths = {what: file for what, file in paths.items() if what not in missing}
    write_pairs(paths, pairs, ids, wanted)
    if alignment is not None:
        write_alignment(paths["alignment"], alignment, ids, reference.path, path)
    if alignment is not None and wanted.warp:
        yield Progress(1, 1, f"warping {path.name}")
        write_warped(paths["warped"], path, reading, alignment, main_of(reference.image).shape)
    if wanted.picture:
        write_png(paths["picture"], _drawn(reference, path, image, pairs, ids, alignment))
    return FileMatched(path, tuple(paths.values()), pairs, alignment, error)


def _seen_steps(image: Picture, spec: MatchingSpec, backbone: Backbone) -> Steps[SeenImage]:
    """Yield Progress; return an image that was seen. The first, coarse answer is of no use here."""
    return (yield from without_results(see_image_steps(image, spec, backbone=backbone)))


def _pairs_steps(
    reference: Reference, path: Path, image: Picture, wanted: MatchWanted
) -> Steps[Correspondences]:
    """Yield Progress; return the partners of given points, or pairs that are found.

    Raises
    ------
    ValueError
        If there are none. It names the file.
    """
    if reference.seen is None:
        return (yield from _verified_steps(reference, path, image, wanted))
    seen = yield from part_of(_seen_steps(image, reference.spec, reference.backbone), 0, 2)
    pair = ImagePair(reference.seen, seen)
    if wanted.points is not None:
        return (yield from part_of(pair.transfer_steps(wanted.points.points), 1, 2))
    yield Progress(1, 2, "pairs")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "no correspondences", VitrailWarning)
        try:
            return drain(find_steps(pair, n_pairs=wanted.n_pairs))
        except VitrailWarning as warning:
            raise ValueError(f"{path}: {warning}") from warning


def _verified_steps(
    reference: Reference, path: Path, image: Picture, wanted: MatchWanted
) -> Steps[Correspondences]:
    """Yield Progress; return pairs that say how an image lies on the reference, spread over it."""
    assert wanted.kind is not None
    steps = align_steps(
        image, reference.image, wanted.kind, reference.spec,
        threshold=wanted.threshold, backbone=reference.backbone,
    )  # fmt: skip
    try:
        aligned = yield from steps
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return aligned.pairs[aligned.spread_rows(wanted.n_pairs or len(aligned.pairs))]


def _fitted(pairs: Correspondences, path: Path, wanted: MatchWanted) -> tuple[Alignment | None, str]:
    """Return the alignment, if one is wanted and the pairs tell it, and what is wrong with it."""
    if wanted.kind is None:
        return None, ""
    try:
        found = fit_alignment(pairs.points1, pairs.points0, wanted.kind, threshold=wanted.threshold)
    except ValueError as error:
        return None, f"{path}: the pairs are written, but tell no {wanted.kind} transform: {error}"
    if wanted.is_aligned and found.inliers.mean() < CREDIBLE:
        return found, (
            f"{path}: all is written, but only {found.inliers.sum()} of {len(pairs)} pairs agree: the images "
            f"may have nothing in common, or be bent otherwise than a {wanted.kind} transform can"
        )
    return found, ""


def _drawn(
    reference: Reference, path: Path, image: Picture, pairs: Correspondences, ids: NDArray[np.int64],
    alignment: Alignment | None,
) -> NDArray[np.uint8]:  # fmt: skip
    """Return the picture of an image beside the reference; outliers are grey."""
    return pairs_picture(
        main_of(reference.image), main_of(image), pairs, ids=ids,
        dull=None if alignment is None else ~alignment.inliers,
        titles=(reference.path.name, path.name),
        note=_note(len(pairs), alignment),
    )  # fmt: skip


def _note(count: int, alignment: Alignment | None) -> str:
    if alignment is None:
        return f"{count} pairs"
    return f"{alignment.inliers.sum()} of {count} pairs agree"


def _check_inside(path: Path, shape: tuple[int, ...], wanted: MatchWanted) -> None:
    """Raise ValueError where a point to be found elsewhere is not in the reference."""
    assert wanted.points is not None
    points, ids = wanted.points
    outside = np.flatnonzero(((points < -0.5) | (points > np.array(shape[:2]) - 0.5)).any(axis=1))
    if len(outside):
        listed = ", ".join(f"{ids[row]} at {points[row].round(2).tolist()}" for row in outside[:10])
        raise ValueError(
            f"points must lie in {path}, {shape[0]} x {shape[1]} pixels, got these outside: {listed}"
        )
