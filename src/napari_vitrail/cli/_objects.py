"""``vitrail objects``: find what is in images."""

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

    from napari_vitrail.objectfiles import FileFound, ObjectFiles
    from napari_vitrail.objects import ObjectsSpec


def add(commands: Any, common: ArgumentParser) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "objects", parents=[common], help="find what is in each image: classes, objects, boxes",
        description="Find what is in each image without a stroke: classes that nobody has named, which of "
        "them are objects and which ground, and boxes. Files that are there already are replaced.",
    )  # fmt: skip
    parser.add_argument(
        "images", metavar="IMAGE", nargs="+", type=Path,
        help="TIFF, PNG or JPEG; a folder of them; or a pattern, 'plate/**/*.tif'",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=Path, required=True,
        help="gets labels/IMAGE.tif, masks/IMAGE.tif (1 where objects are), overlays/IMAGE.png and "
        "objects/IMAGE.json for each image; boxes.json (COCO), boxes.csv, classes.csv and settings.json",
    )  # fmt: skip
    parser.add_argument(
        "--resume", action="store_true",
        help="leave images that an earlier run with the same options has done, unless they have changed",
    )  # fmt: skip
    _add_cut(parser)
    add_refine(parser, "each class, with grabcut of objects alone,")
    parser.add_argument("--random-state", type=int, default=0, help="default: %(default)s")
    _add_spec(parser)
    add_no_store(parser)
    add_computing(parser, weights="auto")
    add_channels(parser)
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--stack", action="store_true",
        help="files hold stacks: every plane is an image, of the last two axes but for the channels",
    )  # fmt: skip
    either.add_argument(
        "--plane", type=int, metavar="N", help="files hold stacks: take plane N of each, counted from 0"
    )
    parser.set_defaults(run=_run)


def _add_cut(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("classes and boxes")
    either = group.add_mutually_exclusive_group()
    either.add_argument(
        "--merge-scale", type=float, metavar="FACTOR",
        help="what is closer in meaning than so many times the typical distance of objects and ground is one "
        "class: more gives fewer classes; default: 1",
    )  # fmt: skip
    either.add_argument(
        "--classes", type=int, metavar="N", help="how many classes each image has, ground included"
    )
    group.add_argument(
        "--min-area", type=int, metavar="PIXELS", help="smaller connected parts get no box; default: 200"
    )
    group.add_argument(
        "--single", action="store_true", help="one box an image: that of the largest connected part"
    )


def _add_spec(parser: ArgumentParser) -> None:
    """Add what may differ from the recipe, which takes too long to import here."""
    group = parser.add_argument_group("recipe", "what is not given is as the recipe has it")
    group.add_argument(
        "--recipe", choices=("ours", "docherty"), default="ours",
        help="ours: what does best in our evaluation; docherty: as published by Docherty et al. (2024), "
        "which takes minutes an image and is refined there by --refine crf; default: %(default)s",
    )  # fmt: skip
    group.add_argument("--backbone", metavar="NAME", help="see vitrail models")
    group.add_argument(
        "--side", type=int, metavar="PIXELS", help="of the longer side at which images are seen"
    )
    group.add_argument(
        "--stride",
        type=int,
        metavar="PIXELS",
        help="between the places that are told apart, as they are seen",
    )


def _run(options: Namespace) -> int:
    from napari_vitrail.batch import find_images
    from napari_vitrail.objectfiles import ObjectsWanted, Settings, find_files_steps, plan_objects

    wanted = ObjectsWanted(_spec(options), refinement_of(options), options.random_state)
    reading = reading_of(options)
    files = plan_objects(find_images(options.images), options.output)
    backbone = backbone_of(wanted.spec.descriptor, options)
    steps = find_files_steps(
        files, wanted, reading, Settings.of(wanted, reading, backbone.info),
        backbone=backbone, store=passing_store_of(options), resume=options.resume,
    )  # fmt: skip
    return _conclude(files, with_bar(steps, "finding", tell=_tell))


def _conclude(files: ObjectFiles, found: list[FileFound]) -> int:
    """Write what all images have together, say what came of them; return the exit code."""
    from napari_vitrail.objectfiles import summary_lines, write_boxes, write_classes, write_coco

    write_coco(files.coco, found)
    write_boxes(files.boxes, found)
    write_classes(files.classes, found)
    if any(file.planes for file in found):
        for line in summary_lines(found):
            print(line)
    print(f"{files.coco}\n{files.boxes}\n{files.classes}")
    failed = [str(file.image) for file in found if file.error]
    if failed:
        say(f"{len(failed)} of {len(found)} images failed: {', '.join(failed)}")
    return FAILED if failed else 0


def _spec(options: Namespace) -> ObjectsSpec:
    """Return how objects are found: by a recipe, but for what the options say."""
    from napari_vitrail.objects import DOCHERTY_OBJECTS, OBJECTS

    spec = OBJECTS if options.recipe == "ours" else DOCHERTY_OBJECTS
    descriptor = replace(spec.descriptor, **given(backbone=options.backbone, stride=options.stride))
    mode = "single" if options.single else None
    boxes = replace(spec.boxes, **given(min_area=options.min_area, mode=mode))
    own = given(side=options.side, merge_scale=options.merge_scale, n_classes=options.classes)
    return replace(spec, descriptor=descriptor, boxes=boxes, **own)


def _tell(file: FileFound) -> None:
    """Say what came of a file: its labels, beside which all else lies."""
    if file.error:
        say(file.error)
    for labels in file.written[:1]:
        print(labels)
