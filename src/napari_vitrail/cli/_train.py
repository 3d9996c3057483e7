"""``vitrail train``: fit a classifier to painted images and save it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_vitrail.cli._computing import add_computing, add_no_store, store_of
from napari_vitrail.cli._images import add_channels, add_extra, add_stains, extra_files
from napari_vitrail.cli._lesson import file_lesson, is_project, project_lesson_steps
from napari_vitrail.cli._spec import add_spec
from napari_vitrail.cli._voice import with_bar

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from napari_vitrail.spec import FeatureSpec


def add(commands: Any, common: ArgumentParser) -> None:
    """Add the command and its arguments."""
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
    add_no_store(parser)
    add_computing(parser, weights="auto")
    add_channels(parser)
    add_stains(parser)
    add_extra(parser)
    add_spec(parser)
    parser.set_defaults(run=_run)


def _run(options: Namespace) -> int:
    from napari_vitrail.batch import check_spared
    from napari_vitrail.classify import fit_classifier_steps
    from napari_vitrail.project import save_classifier

    written = [options.output, *([options.assess] if options.assess else [])]
    check_spared(written, [*options.images, *(options.labels or ()), *extra_files(options)])
    if is_project(options):
        lesson = with_bar(project_lesson_steps(options), "reading")
    else:
        lesson = file_lesson(options)
    settings = {
        "estimator": lesson.estimator,
        "weights": options.weights,
        "device": options.device,
        "store": store_of(options),
        "random_state": options.random_state,
    }
    steps = fit_classifier_steps(
        lesson.images, lesson.labels, lesson.spec, class_names=lesson.class_names, **settings
    )
    classifier = with_bar(steps, "training")
    save_classifier(options.output, classifier)
    print(f"{options.output}: {classifier.report}")
    if options.assess:
        _assess(options.assess, lesson.images, lesson.labels, lesson.spec, settings)
    return 0


def _assess(
    path: Path, images: list[Any], labels: list[Any], spec: FeatureSpec, settings: dict[str, Any]
) -> None:
    """Say how far a classifier trained on these strokes can be trusted, and write the figures."""
    from napari_vitrail.files import write_json
    from napari_vitrail.trust import assess_steps

    trust = with_bar(assess_steps(images, labels, spec, **settings), "assessing")
    write_json(path, trust.to_dict(), indent=1)
    for line in (trust.summary, *(own.sentence for own in trust.advice)):
        print(line)
    for own in trust.importance:
        print(f"{own.group:<12} {100 * own.loss:6.1f} points lost without its values")
    print(path)
