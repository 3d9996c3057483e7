"""``vitrail features``: compute the features of images ahead of time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_vitrail.cli._computing import add_computing, backbone_of, store_in
from napari_vitrail.cli._images import add_channels, add_stains, image_of
from napari_vitrail.cli._spec import add_spec, spec_of
from napari_vitrail.cli._voice import FAILED, megabytes, say, with_bar
from napari_vitrail.errors import ComputeError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from napari_vitrail.spec import FeatureSpec


def add(commands: Any, common: ArgumentParser) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "features", parents=[common],
        help="compute the features of images ahead of time, for napari and the other commands",
    )  # fmt: skip
    parser.add_argument("images", metavar="IMAGE", nargs="+", type=Path, help="TIFF, PNG or JPEG")
    parser.add_argument(
        "--folder", type=Path, metavar="DIR", help="of the store; default: that of the other commands"
    )
    parser.add_argument("--plan", action="store_true", help="say what it would take, and compute nothing")
    add_computing(parser, weights="auto")
    add_channels(parser)
    add_stains(parser)
    add_spec(parser)
    parser.set_defaults(run=_run)


def _run(options: Namespace) -> int:
    from napari_vitrail.features import extract_features_steps

    spec = replace(spec_of(options), features="vit")
    backbone = None if options.plan else backbone_of(spec, options)
    store = store_in(options.folder)
    failed = 0
    for path in options.images:
        try:
            image = image_of(path, options)
            if options.plan:
                print(f"{path}: {_planned(image.shape, spec)}")
                continue
            steps = extract_features_steps(image, spec, backbone=backbone, store=store)
            features = with_bar(steps, path.name)
        except (ValueError, OSError, ComputeError) as error:
            say(str(error))
            failed += 1
        else:
            print("{}: {} x {} cells of {}".format(path, *features.values.shape))
    return FAILED if failed else 0


def _planned(shape: tuple[int, ...], spec: FeatureSpec) -> str:
    """Return what the features of an image will take, in one line."""
    from napari_vitrail.backbones import backbone_info
    from napari_vitrail.features import plan_features

    plan = plan_features(shape, spec, backbone_info(spec.backbone))
    return (
        f"{plan.passes} passes over {plan.tiles} tiles, {plan.queries} queries between, "
        f"{megabytes(plan.peak_bytes)} of memory at most"
    )
