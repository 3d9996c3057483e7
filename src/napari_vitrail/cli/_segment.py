"""``vitrail segment``: segment images with a saved classifier."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_vitrail.cli._computing import add_computing, add_no_store, backbone_of, store_of
from napari_vitrail.cli._images import add_channels, add_extra, add_stains, reading_of
from napari_vitrail.cli._voice import FAILED, say, with_bar

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from napari_vitrail.batch import FileDone
    from napari_vitrail.results import Wanted


def add(commands: Any, common: ArgumentParser) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser("segment", parents=[common], help="segment images with a saved classifier")
    parser.add_argument(
        "images", metavar="IMAGE", nargs="+", type=Path,
        help="TIFF, PNG or JPEG; a folder of them; or a pattern, 'plate/**/*.tif'",
    )  # fmt: skip
    parser.add_argument("-m", "--model", type=Path, required=True, help="made by train or napari")
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=Path, required=True,
        help="gets IMAGE_segmentation.tif for each image",
    )  # fmt: skip
    parser.add_argument(
        "--probabilities", action="store_true",
        help="write IMAGE_probabilities.tif too: classes x height x width, float32",
    )  # fmt: skip
    _add_cleaning(parser)
    _add_objects(parser)
    add_no_store(parser)
    add_computing(parser, weights=None)
    add_channels(parser)
    add_stains(parser)
    add_extra(parser)
    parser.add_argument(
        "--stack", action="store_true",
        help="files hold stacks: every plane is segmented, of the last two axes but for the channels",
    )  # fmt: skip
    parser.set_defaults(run=_run)


def _add_cleaning(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("clean-up", "frees of specks and keeps the small structures of a class")
    either = group.add_mutually_exclusive_group()
    either.add_argument(
        "--smooth", type=float, metavar="SIGMA", help="smooth the probabilities over so many pixels"
    )
    either.add_argument("--crf", action="store_true", help="dense CRF; needs napari-vitrail[crf]")


def _add_objects(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("objects")
    group.add_argument(
        "--instances", nargs="+", metavar="CLASS",
        help="write IMAGE_instances.tif too: the objects of these classes (id or name), numbered",
    )  # fmt: skip
    group.add_argument("--min-size", type=int, default=0, metavar="PIXELS", help="leave smaller objects out")
    group.add_argument("--split", action="store_true", help="cut objects that touch apart at their necks")
    group.add_argument(
        "--table", action="store_true", help="write IMAGE_objects.csv too: measurements of the objects"
    )
    group.add_argument(
        "--pixel-size", type=float, metavar="UM", help="side of a pixel, so that the table is in micrometres"
    )
    group.add_argument(
        "--volumes", action="store_true",
        help="of stacks: objects go through planes, along the last axis that counts them; without it every "
        "plane has objects of its own",
    )  # fmt: skip
    group.add_argument(
        "--plane-distance", type=float, metavar="UM", help="between planes, with --volumes and --pixel-size"
    )


def _run(options: Namespace) -> int:
    from napari_vitrail.batch import find_images, plan_outputs, segment_files_steps
    from napari_vitrail.project import load_classifier

    wanted, reading = _wanted(options), reading_of(options)
    images = reading.without_extra(find_images(options.images))
    reading.check_files(images)
    read = [options.model, *(file for path in images for file in reading.extra_files(path))]
    outputs = plan_outputs(images, wanted, options.output, read)
    classifier = load_classifier(options.model)
    reading.check_names(classifier)
    wanted.class_ids(classifier)  # an unknown one is said before anything is computed
    asked = options.weights is not None and classifier.spec.uses_vit
    backbone = backbone_of(classifier.spec, options) if asked else None
    options.output.mkdir(parents=True, exist_ok=True)
    steps = segment_files_steps(
        images, outputs, classifier, wanted, reading,
        backbone=backbone, device=options.device, store=store_of(options),
    )  # fmt: skip
    done = with_bar(steps, "segmenting", tell=_tell)
    failed = sum(bool(file.error) for file in done)
    if failed:
        say(f"{failed} of {len(done)} images could not be segmented")
    return FAILED if failed else 0


def _wanted(options: Namespace) -> Wanted:
    """Return what is to be written of every image."""
    from napari_vitrail.crf import DenseCRF
    from napari_vitrail.results import Wanted
    from napari_vitrail.smoothing import Smoothing

    smoothing = None if options.smooth is None else Smoothing(options.smooth)
    return Wanted(
        probabilities=options.probabilities,
        refinement=DenseCRF() if options.crf else smoothing,
        instances=tuple(options.instances or ()),
        min_size=options.min_size,
        split=options.split,
        table=options.table,
        pixel_size=options.pixel_size,
        volumes=options.volumes,
        plane_distance=options.plane_distance,
    )


def _tell(file: FileDone) -> None:
    """Say what came of a file."""
    if file.error:
        say(file.error)
    for path in file.written:
        print(path)
