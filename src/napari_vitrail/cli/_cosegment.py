"""``vitrail cosegment``: find what images share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_vitrail.cli._computing import add_computing, add_no_store, backbone_of, passing_store_of
from napari_vitrail.cli._images import add_channels, reading_of
from napari_vitrail.cli._refining import add_refine, refinement_of
from napari_vitrail.cli._spec import given
from napari_vitrail.cli._voice import FAILED, say, with_bar

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from napari_vitrail.cosegmentation import Consensus, CoSegmentation, CosegmentationSpec, Votes
    from napari_vitrail.cosegmentfiles import (
        FailedImage,
        Gallery,
        ImageFound,
        SetFiles,
        SharedLabels,
    )
    from napari_vitrail.framefiles import FileImages
    from napari_vitrail.refinement import Refinement


def add(commands: Any, common: ArgumentParser) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "cosegment", parents=[common], help="find the object that images share, or its parts",
        description="Find the object that images share, or its parts, without a stroke: a mask for each "
        "image, a table of areas and a page that shows them. Files that are there already are replaced.",
    )  # fmt: skip
    parser.add_argument(
        "images", metavar="IMAGE", nargs="+", type=Path,
        help="TIFF, PNG or JPEG; a folder of them; or a pattern, 'plate/**/*.tif'",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=Path, required=True,
        help="gets masks/IMAGE.png for each image, index.html, areas.json and settings.json",
    )  # fmt: skip
    parser.add_argument(
        "--format", choices=("png", "tif"), default="png",
        help="of the masks: 0 is the rest, 1 the object, or 1 to N its parts; default: %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--parts", type=int, metavar="N", help="find N parts of the object, the same in all images"
    )
    parser.add_argument(
        "--resume", action="store_true",
        help="go on with an interrupted run of the same images and options: masks that are there are left",
    )  # fmt: skip
    add_refine(parser, "each mask")
    parser.add_argument("--random-state", type=int, default=0, help="default: %(default)s")
    _add_spec(parser)
    add_no_store(parser)
    add_computing(parser, weights="auto")
    add_channels(parser)
    parser.set_defaults(run=_run)


def _add_spec(parser: ArgumentParser) -> None:
    """Add what may differ from the recipe, which takes too long to import here."""
    group = parser.add_argument_group("recipe", "what is not given is as the recipe has it")
    group.add_argument(
        "--recipe", choices=("ours", "amir"), default="ours",
        help="ours: what does best in our evaluation; amir: as published by Amir et al. (2021); "
        "default: %(default)s",
    )  # fmt: skip
    group.add_argument("--backbone", metavar="NAME", help="see vitrail models")
    group.add_argument("--side", type=int, metavar="PIXELS", help="at which images are seen")
    group.add_argument(
        "--clusters", type=int, metavar="N",
        help="of the places of all images, instead of the several numbers that the recipe tries",
    )  # fmt: skip
    group.add_argument(
        "--threshold", type=float, metavar="SALIENCY",
        help="above which an image takes a cluster for the object's: in ours as a multiple of the image's "
        "mean, in amir's from 0 to 1",
    )  # fmt: skip
    group.add_argument(
        "--votes", type=float, metavar="SHARE",
        help="of the images, 0 to 1, that must take a cluster for the object's",
    )  # fmt: skip
    group.add_argument(
        "--outliers", type=float, metavar="SIMILARITY",
        help="images that are less similar to the set as a whole, -1 to 1, have no part in it",
    )  # fmt: skip


def _run(options: Namespace) -> int:
    from napari_vitrail.batch import find_images
    from napari_vitrail.cosegmentation import cosegment_seen_steps, see_set_steps
    from napari_vitrail.cosegmentfiles import (
        Gallery,
        begin_masks,
        check_images_steps,
        origin_of,
        part_summaries,
        plan_set,
        settings_of,
        write_masks_steps,
    )
    from napari_vitrail.framefiles import FileImages

    spec, reading, refinement = _spec(options), reading_of(options), refinement_of(options)
    _check_parts(options.parts)
    files = plan_set(find_images(options.images), options.output, f".{options.format}")
    backbone = backbone_of(spec.descriptor, options)  # before thousands of files are read in vain
    checked, failed = with_bar(check_images_steps(files, reading), "reading", tell=_tell)
    if not checked:
        say("no image could be read")
        return FAILED
    settings = settings_of(
        checked, reading, spec, backbone.info, random_state=options.random_state,
        refinement=str(refinement), parts=options.parts,
    )  # fmt: skip
    begin_masks(files, settings, resume=options.resume)
    images = FileImages(tuple(image.path for image in checked), reading)
    seeing = see_set_steps(images, spec, backbone=backbone, store=passing_store_of(options))
    seen = with_bar(seeing, "looking")
    found = with_bar(cosegment_seen_steps(seen, random_state=options.random_state), "comparing")
    labels = _labels(found, images, refinement, options)
    done, failed_later = with_bar(write_masks_steps(labels, checked, files), "writing", tell=_tell)
    parts = part_summaries(done, labels.names)
    curve = getattr(found.shared, "curve", None)
    origin = origin_of(spec, backbone.info, refinement)
    return _conclude(files, Gallery(done, parts, [*failed, *failed_later], curve, origin))


def _check_parts(n_parts: int | None) -> None:
    from napari_vitrail.cosegmentfiles import MOST_PARTS

    if n_parts is not None and not 1 <= n_parts <= MOST_PARTS:
        raise ValueError(f"parts must be 1 to {MOST_PARTS}, got {n_parts}")


def _labels(
    found: CoSegmentation, images: FileImages, refinement: Refinement | None, options: Namespace
) -> SharedLabels:
    """Return the labels of the object, or of its parts where they are asked for."""
    from napari_vitrail.cosegmentation import cosegment_parts_seen
    from napari_vitrail.cosegmentfiles import ObjectLabels, PartLabels

    if options.parts is None:
        return ObjectLabels(found, images, refinement)
    parts = cosegment_parts_seen(found, options.parts, random_state=options.random_state)
    return PartLabels(parts, images, refinement)


def _conclude(files: SetFiles, gallery: Gallery) -> int:
    """Write areas and gallery, say what came of all images; return the exit code."""
    from napari_vitrail.cosegmentfiles import summary_lines, write_areas, write_gallery

    write_areas(files, gallery)
    write_gallery(files.gallery, gallery)
    for line in summary_lines(gallery.parts, len(gallery.images)):
        print(line)
    print(f"{files.areas}\n{files.gallery}")
    if gallery.failed:
        names = ", ".join(str(image.path) for image in gallery.failed)
        say(f"{len(gallery.failed)} of {len(files.images)} images were left out: {names}")
    return FAILED if gallery.failed else 0


def _spec(options: Namespace) -> CosegmentationSpec:
    """Return how the object is found: by a recipe, but for what the options say."""
    from napari_vitrail.cosegmentation import AMIR_COSEGMENTATION, COSEGMENTATION

    spec = COSEGMENTATION if options.recipe == "ours" else AMIR_COSEGMENTATION
    descriptor = replace(spec.descriptor, **given(backbone=options.backbone))
    own = given(side=options.side, outlier_similarity=options.outliers)
    return replace(spec, descriptor=descriptor, how=_how(spec.how, options), **own)


def _how(how: Consensus | Votes, options: Namespace) -> Consensus | Votes:
    """Return how the object is told from the rest, but for what the options say."""
    from napari_vitrail.cosegmentation import Votes

    if isinstance(how, Votes):
        own = given(
            n_clusters=options.clusters, saliency_threshold=options.threshold, vote_fraction=options.votes
        )
        return replace(how, **own)
    if options.clusters is not None and options.clusters < 2:
        raise ValueError(f"clusters must be at least 2, the object and the rest, got {options.clusters}")
    counts = None if options.clusters is None else (options.clusters,)
    own = given(counts=counts, contrast=options.threshold, vote_fraction=options.votes)
    return replace(how, **own)


def _tell(image: ImageFound | FailedImage) -> None:
    """Say what came of an image."""
    from napari_vitrail.cosegmentfiles import FailedImage

    if isinstance(image, FailedImage):
        say(image.error)
    else:
        print(image.mask)
