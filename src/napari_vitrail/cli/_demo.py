"""``vitrail demo``: train, segment, score and report on a real micrograph."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_vitrail.cli._computing import add_computing, backbone_of
from napari_vitrail.cli._images import add_channels, image_of, labels_of
from napari_vitrail.cli._voice import with_bar
from napari_vitrail.spec import SEGMENTATION

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable, Iterator

    from napari_vitrail.demo import Outcome
    from napari_vitrail.samples import Sample


def add(commands: Any, common: ArgumentParser) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "demo", parents=[common], help="train, segment, score and report on a real micrograph"
    )
    parser.add_argument("--image", type=Path, help="your own image instead of the shipped one")
    parser.add_argument("--labels", type=Path, help="its strokes; about 40 %% are held out to score")
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=Path, default=Path("vitrail-demo"),
        help="default: %(default)s",
    )  # fmt: skip
    add_computing(parser, weights="auto")
    add_channels(parser)
    parser.set_defaults(run=_run)


def _run(options: Namespace) -> int:
    from napari_vitrail.batch import check_spared
    from napari_vitrail.demo import compare_steps
    from napari_vitrail.report import output_names, write_report

    outputs = [options.output / name for name in output_names()]
    check_spared(outputs, [path for path in (options.image, options.labels) if path])
    sample = _sample(options)
    backbone = backbone_of(SEGMENTATION, options)
    steps = compare_steps(sample, backbone=backbone, device=options.device)
    comparison = with_bar(steps, "demo")
    report = write_report(options.output, sample, comparison, backbone.info)
    for line in _score_lines(comparison.outcomes):
        print(line)
    print(f"label images and overlays: {options.output}\nreport: {report}")
    return 0


def _sample(options: Namespace) -> Sample:
    """Return the sample to demonstrate: the shipped one, or an image with some strokes held out."""
    from napari_vitrail.image import main_of
    from napari_vitrail.samples import histology, sample_of

    if not options.image and not options.labels:
        return histology()
    if not (options.image and options.labels):
        raise ValueError("--image and --labels go together: one was given without the other")
    image = main_of(image_of(options.image, options))
    return sample_of(image, labels_of(options.labels, image))


def _score_lines(outcomes: Iterable[Outcome]) -> Iterator[str]:
    yield f"{'features':<10} {'accuracy':>8} {'mean IoU':>8} {'training':>9} {'segmentation':>12}"
    for outcome in outcomes:
        found = outcome.score
        scores = f"{found.accuracy:8.3f} {found.mean_iou:8.3f}" if found else f"{'-':>8} {'-':>8}"
        times = f"{outcome.train_seconds:7.1f} s {outcome.segment_seconds:10.1f} s"
        yield f"{outcome.spec.features:<10} {scores} {times}"
