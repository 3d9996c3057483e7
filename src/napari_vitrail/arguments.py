"""What may follow ``vitrail`` on the command line."""

from __future__ import annotations

import argparse
from dataclasses import fields, replace
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from napari_vitrail.spec import SEGMENTATION, FeatureSpec


def parser() -> argparse.ArgumentParser:
    """Return the parser; what it parses has ``command``, the name of the command."""
    top = argparse.ArgumentParser(
        prog="vitrail", description="Segment images with dense Vision Transformer features."
    )
    top.add_argument("--version", action="version", version=f"vitrail {version('napari-vitrail')}")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("-v", "--verbose", action="store_true", help="say what is loaded, and whence")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for add in (_add_train, _add_segment, _add_features, _add_demo, _add_store, _add_models):
        add(commands, common)
    return top


def _add_train(commands: Any, common: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "train", parents=[common], help="fit a classifier to painted images and save it"
    )
    parser.add_argument(
        "images", metavar="IMAGE", nargs="+", type=Path,
        help="TIFF, PNG or JPEG; or one .vitrail project alone, which names its images, strokes and features",
    )  # fmt: skip
    parser.add_argument(
        "--labels", metavar="LABELS", nargs="+", type=Path,
        help="one for each image, in the same order; whole numbers, 0 = unlabelled; none with a project",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", metavar="MODEL", type=Path, required=True, help="for instance my.vitrail"
    )
    parser.add_argument("--estimator", metavar="NAME", help="default: what suits the features")
    parser.add_argument("--random-state", type=int, default=0, help="default: %(default)s")
    parser.add_argument(
        "--assess", metavar="JSON", type=Path,
        help="leave strokes out in turn, print how well they are predicted, and write the figures here",
    )  # fmt: skip
    _add_no_store(parser)
    _add_computing(parser, weights="auto")
    _add_channels(parser)
    _add_stains(parser)
    _add_extra(parser)
    _add_spec(parser)
    parser.set_defaults(command="train")


def _add_segment(commands: Any, common: argparse.ArgumentParser) -> None:
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
    _add_no_store(parser)
    _add_computing(parser, weights=None)
    _add_channels(parser)
    _add_stains(parser)
    _add_extra(parser)
    parser.add_argument(
        "--stack", action="store_true",
        help="files hold stacks: every plane is segmented, of the last two axes but for the channels",
    )  # fmt: skip
    parser.set_defaults(command="segment")


def _add_cleaning(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("clean-up", "frees of specks and keeps the small structures of a class")
    group = group.add_mutually_exclusive_group()
    group.add_argument(
        "--smooth", type=float, metavar="SIGMA", help="smooth the probabilities over so many pixels"
    )
    group.add_argument("--crf", action="store_true", help="dense CRF; needs napari-vitrail[crf]")


def _add_objects(parser: argparse.ArgumentParser) -> None:
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


def _add_features(commands: Any, common: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "features", parents=[common],
        help="compute the features of images ahead of time, for napari and the other commands",
    )  # fmt: skip
    parser.add_argument("images", metavar="IMAGE", nargs="+", type=Path, help="TIFF, PNG or JPEG")
    parser.add_argument(
        "--folder", type=Path, metavar="DIR", help="of the store; default: that of the other commands"
    )
    parser.add_argument("--plan", action="store_true", help="say what it would take, and compute nothing")
    _add_computing(parser, weights="auto")
    _add_channels(parser)
    _add_stains(parser)
    _add_spec(parser)
    parser.set_defaults(command="features")


def _add_store(commands: Any, common: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "store", parents=[common], help="say what the store of features holds, or clear it"
    )
    parser.add_argument("--folder", type=Path, metavar="DIR", help="default: that of the other commands")
    parser.set_defaults(command="store")
    actions = parser.add_subparsers(metavar="ACTION")
    clear = actions.add_parser("clear", parents=[common], help="remove files")
    clear.add_argument(  # what stood before "clear" holds too
        "--folder",
        type=Path,
        metavar="DIR",
        default=argparse.SUPPRESS,
        help="default: that of the other commands",
    )
    clear.add_argument(
        "--unused-for", type=float, default=0, metavar="DAYS", help="only those that were not used since"
    )
    clear.set_defaults(command="clear")


def _add_demo(commands: Any, common: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "demo", parents=[common], help="train, segment, score and report on a real micrograph"
    )
    parser.add_argument("--image", type=Path, help="your own image instead of the shipped one")
    parser.add_argument("--labels", type=Path, help="its strokes; about 40 %% are held out to score")
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=Path, default=Path("vitrail-demo"),
        help="default: %(default)s",
    )  # fmt: skip
    _add_computing(parser, weights="auto")
    _add_channels(parser)
    parser.set_defaults(command="demo")


def _add_models(commands: Any, common: argparse.ArgumentParser) -> None:
    parser = commands.add_parser("models", parents=[common], help="list or fetch backbones")
    parser.set_defaults(command="models")
    actions = parser.add_subparsers(metavar="ACTION")
    fetch = actions.add_parser(
        "fetch", parents=[common], help="download weights for a machine that will be offline"
    )
    fetch.add_argument("name", metavar="NAME", help="as listed by vitrail models")
    fetch.set_defaults(command="fetch")


def _add_computing(parser: argparse.ArgumentParser, weights: str | None) -> None:
    asks = "default: auto" if weights else "default: those it was trained with"
    parser.add_argument(
        "--weights", default=weights, metavar="auto|hub|offline|PATH",
        help=f"where the backbone's weights come from; {asks}",
    )  # fmt: skip
    parser.add_argument(
        "--device", default="auto", choices=("auto", "cuda", "mps", "cpu"), help="default: %(default)s"
    )


def _add_no_store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--no-store", action="store_true",
        help="neither look features up nor keep them; results are the same",
    )  # fmt: skip


def _add_channels(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--channel-axis", type=int, metavar="AXIS", help="axis of the channels, if not the last"
    )
    parser.add_argument(
        "--channels", type=int, nargs="+", metavar="N",
        help="the one or three to use, from 0, as grey or as colours",
    )  # fmt: skip


def _add_stains(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--stains", type=int, nargs="+", metavar="N",
        help="two channels or more to use, each also by itself, as when channels are chosen in napari",
    )  # fmt: skip


def _add_extra(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--extra", type=_named_pattern, action="append", default=[], metavar="NAME=PATTERN",
        help="a further image of the same pixels as each image, as when further layers are chosen in napari: "
        "the name of the layer, and where its file is, with {stem} for the name of the image without its "
        "ending and {folder} for its folder, as in 'depth={folder}/{stem}_depth.tif'; may be repeated",
    )  # fmt: skip


def _named_pattern(word: str) -> tuple[str, str]:
    name, _, pattern = word.partition("=")
    if not (name and pattern):
        raise argparse.ArgumentTypeError(f"expected NAME=PATTERN, got {word!r}")
    return name, pattern


def _add_spec(parser: argparse.ArgumentParser) -> None:
    """Add an option for every field of FeatureSpec."""
    group = parser.add_argument_group("features")
    described = FeatureSpec.field_help()
    for item in fields(FeatureSpec):
        default = getattr(SEGMENTATION, item.name)
        help_ = f"{described.get(item.name, '')} Default: {default}."
        group.add_argument(
            f"--{item.name.replace('_', '-')}",
            default=argparse.SUPPRESS,  # what is not given is left to the project, if there is one
            help=help_.strip().replace("%", "%%"),
            **_argument_of(item.type),
        )


def _argument_of(annotation: Any) -> dict[str, Any]:
    """Return what argparse needs to know of a field's type."""
    if get_origin(annotation) is Literal:
        return {"choices": get_args(annotation)}
    if annotation is bool:
        return {"action": argparse.BooleanOptionalAction}
    kind = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    return {"type": kind, "metavar": kind.__name__.upper()}


def spec_of(options: argparse.Namespace, base: FeatureSpec = SEGMENTATION) -> FeatureSpec:
    """Return the spec that the options of ``train`` and ``features`` describe; else `base`."""
    given = {
        item.name: getattr(options, item.name) for item in fields(FeatureSpec) if hasattr(options, item.name)
    }
    return replace(base, **given)
