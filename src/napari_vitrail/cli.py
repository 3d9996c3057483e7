"""The command line: ``vitrail train | segment | features | demo | store | models``."""

from __future__ import annotations

import json
import logging
import sys
import warnings
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from napari_vitrail import arguments, inputs
from napari_vitrail.errors import CHEAPER, ComputeError, VitrailError
from napari_vitrail.spec import SEGMENTATION

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.batch import FileDone
    from napari_vitrail.demo import Outcome
    from napari_vitrail.progress import Steps
    from napari_vitrail.results import Wanted
    from napari_vitrail.samples import Sample
    from napari_vitrail.spec import FeatureSpec
    from napari_vitrail.store import FeatureStore, StoredTile

# What takes time to import is imported where it is used, so that `vitrail --help` is instant.

Result = TypeVar("Result")

FAILED, MISUSED, INTERRUPTED = 1, 2, 130
"""Exit codes: some inputs failed, nothing could be done, and stopped by the user (as shells say it)."""


def main(words: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    words : sequence of str, optional
        What follows ``vitrail``; by default what the shell gave.

    Returns
    -------
    code : int
        0, or one of `FAILED`, `MISUSED`, `INTERRUPTED`.
    """
    options = arguments.parser().parse_args(words)
    logging.basicConfig(level=logging.INFO if options.verbose else logging.WARNING)
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            return _COMMANDS[options.command](options)
        except KeyboardInterrupt:
            _say("interrupted")
            return INTERRUPTED
        except (VitrailError, ValueError, OSError) as error:
            _say(str(error))
            return MISUSED


def _say(message: str) -> None:
    print(f"vitrail: {message}", file=sys.stderr)


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """Show a warning in the command's own voice, without the line of code that gave it."""
    _say(f"warning: {message}")


# ---- commands ---------------------------------------------------------------------------------


def _train(options: Namespace) -> int:
    from napari_vitrail.batch import check_spared
    from napari_vitrail.classify import fit_classifier_steps
    from napari_vitrail.project import save_classifier

    written = [options.output, *([options.assess] if options.assess else [])]
    check_spared(written, [*options.images, *(options.labels or ()), *inputs.extra_files(options)])
    if inputs.is_project(options):
        lesson = _with_bar(inputs.project_lesson_steps(options), "reading")
    else:
        lesson = inputs.file_lesson(options)
    settings = {
        "estimator": lesson.estimator,
        "weights": options.weights,
        "device": options.device,
        "store": _store(options),
        "random_state": options.random_state,
    }
    steps = fit_classifier_steps(
        lesson.images, lesson.labels, lesson.spec, class_names=lesson.class_names, **settings
    )
    classifier = _with_bar(steps, "training")
    save_classifier(options.output, classifier)
    print(f"{options.output}: {classifier.report}")
    if options.assess:
        _assess(options.assess, lesson.images, lesson.labels, lesson.spec, settings)
    return 0


def _assess(
    path: Path, images: list[Any], labels: list[Any], spec: FeatureSpec, settings: dict[str, Any]
) -> None:
    """Say how far a classifier trained on these strokes can be trusted, and write the figures."""
    from napari_vitrail.files import written_aside
    from napari_vitrail.trust import assess_steps

    trust = _with_bar(assess_steps(images, labels, spec, **settings), "assessing")
    with written_aside(path) as aside:
        aside.write_text(json.dumps(trust.to_dict(), indent=1, allow_nan=False), encoding="utf-8")
    for line in (trust.summary, *(own.sentence for own in trust.advice)):
        print(line)
    for own in trust.importance:
        print(f"{own.group:<12} {100 * own.loss:6.1f} points lost without its values")
    print(path)


def _segment(options: Namespace) -> int:
    from napari_vitrail.batch import find_images, plan_outputs, segment_files_steps
    from napari_vitrail.project import load_classifier

    wanted, reading = _wanted(options), inputs.reading_of(options)
    images = reading.without_extra(find_images(options.images))
    reading.check_files(images)
    read = [options.model, *(file for path in images for file in reading.extra_files(path))]
    outputs = plan_outputs(images, wanted, options.output, read)
    classifier = load_classifier(options.model)
    reading.check_names(classifier)
    wanted.class_ids(classifier)  # an unknown one is said before anything is computed
    asked = options.weights is not None and classifier.spec.uses_vit
    backbone = _backbone(classifier.spec, options) if asked else None
    options.output.mkdir(parents=True, exist_ok=True)
    steps = segment_files_steps(
        images, outputs, classifier, wanted, reading,
        backbone=backbone, device=options.device, store=_store(options),
    )  # fmt: skip
    done = _with_bar(steps, "segmenting", tell=_tell)
    failed = sum(bool(file.error) for file in done)
    if failed:
        _say(f"{failed} of {len(done)} images could not be segmented")
    return FAILED if failed else 0


def _tell(file: FileDone) -> None:
    """Say what came of a file."""
    if file.error:
        _say(file.error)
    for path in file.written:
        print(path)


def _features(options: Namespace) -> int:
    from napari_vitrail.features import extract_features_steps

    spec = replace(arguments.spec_of(options), features="vit")
    backbone = None if options.plan else _backbone(spec, options)
    store = _store_in(options.folder)
    failed = 0
    for path in options.images:
        try:
            image = inputs.image_of(path, options)
            if options.plan:
                print(f"{path}: {_planned(image.shape, spec)}")
                continue
            steps = extract_features_steps(image, spec, backbone=backbone, store=store)
            features = _with_bar(steps, path.name)
        except (ValueError, OSError, ComputeError) as error:
            _say(str(error))
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
        f"{_megabytes(plan.peak_bytes)} of memory at most"
    )


def _store_listing(options: Namespace) -> int:
    store = _store_in(options.folder)
    tiles = store.tiles()
    print(f"{store.folder}: {len(tiles)} tiles, {_megabytes(sum(tile.nbytes for tile in tiles))}")
    kinds: dict[str, list[StoredTile]] = {}
    for tile in tiles:
        kinds.setdefault(store.describe(tile), []).append(tile)
    for kind, own in sorted(kinds.items()):
        print(f"  {kind}: {len(own)} tiles, {_megabytes(sum(tile.nbytes for tile in own))}")
    return 0


def _clear_store(options: Namespace) -> int:
    freed = _store_in(options.folder).clear(unused_for=options.unused_for * 86400)
    print(f"{_megabytes(freed)} freed")
    return 0


def _demo(options: Namespace) -> int:
    from napari_vitrail.batch import check_spared
    from napari_vitrail.demo import compare_steps
    from napari_vitrail.report import output_names, write_report

    outputs = [options.output / name for name in output_names()]
    check_spared(outputs, [path for path in (options.image, options.labels) if path])
    sample = _sample(options)
    backbone = _backbone(SEGMENTATION, options)
    steps = compare_steps(sample, backbone=backbone, device=options.device)
    comparison = _with_bar(steps, "demo")
    report = write_report(options.output, sample, comparison, backbone.info)
    for line in _score_lines(comparison.outcomes):
        print(line)
    print(f"label images and overlays: {options.output}\nreport: {report}")
    return 0


def _models(options: Namespace) -> int:
    from napari_vitrail.backbones import available_source, list_backbones

    row = "{:<44} {:>5} {:>5} {:>6}  {:<16} {}"
    print(row.format("name", "patch", "width", "MB", "licence", "here"))
    for info in list_backbones():
        here = available_source(info.name) or "-"
        size = f"{info.patch_size}", f"{info.width}", f"{info.megabytes}"
        print(row.format(info.name, *size, info.licence, here))
    print("\nplease cite")
    for family, citation in {info.family: info.citation for info in reversed(list_backbones())}.items():
        print(f"  {family}: {citation}")
    return 0


def _fetch(options: Namespace) -> int:
    from napari_vitrail.backbones import backbone_info, fetch_weights

    print(fetch_weights(backbone_info(options.name).name))
    return 0


_COMMANDS = {
    "train": _train,
    "segment": _segment,
    "features": _features,
    "store": _store_listing,
    "clear": _clear_store,
    "demo": _demo,
    "models": _models,
    "fetch": _fetch,
}


# ---- from options to what the core takes --------------------------------------------------------


def _sample(options: Namespace) -> Sample:
    """Return the sample to demonstrate: the shipped one, or an image with some strokes held out."""
    from napari_vitrail.image import main_of
    from napari_vitrail.samples import histology, sample_of

    if not options.image and not options.labels:
        return histology()
    if not (options.image and options.labels):
        raise ValueError("--image and --labels go together: one was given without the other")
    image = main_of(inputs.image_of(options.image, options))
    return sample_of(image, inputs.labels_of(options.labels, image))


def _backbone(spec: FeatureSpec, options: Namespace) -> Backbone:
    from napari_vitrail.backbones import load_backbone

    return load_backbone(spec.backbone, weights=options.weights, device=options.device)


def _store(options: Namespace) -> FeatureStore:
    """Return the shared store; or one in memory, which rounds alike."""
    from napari_vitrail.store import FeatureStore

    return FeatureStore() if options.no_store else _store_in(None)


def _store_in(folder: Path | None) -> FeatureStore:
    from napari_vitrail.store import FeatureStore, shared_store

    return FeatureStore(folder) if folder else shared_store()


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"


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


def _score_lines(outcomes: Iterable[Outcome]) -> Iterator[str]:
    yield f"{'features':<10} {'accuracy':>8} {'mean IoU':>8} {'training':>9} {'segmentation':>12}"
    for outcome in outcomes:
        found = outcome.score
        scores = f"{found.accuracy:8.3f} {found.mean_iou:8.3f}" if found else f"{'-':>8} {'-':>8}"
        times = f"{outcome.train_seconds:7.1f} s {outcome.segment_seconds:10.1f} s"
        yield f"{outcome.spec.features:<10} {scores} {times}"


def _with_bar(steps: Steps[Result], title: str, tell: Callable[[Any], None] | None = None) -> Result:
    """Run long work to its end with a progress bar, where someone is watching; tell what comes meanwhile."""
    from tqdm import tqdm

    with closing(steps), tqdm(desc=title, file=sys.stderr, disable=None, leave=False) as bar:
        while True:
            try:
                progress = next(steps)
            except StopIteration as stop:
                result: Result = stop.value
                return result
            except (RuntimeError, MemoryError) as error:  # torch's lack of memory is a RuntimeError
                raise ComputeError(f"{title}: {str(error) or 'out of memory'}{CHEAPER}") from error
            if tell is not None and progress.so_far is not None:
                bar.clear()
                tell(progress.so_far)
            bar.total = progress.total
            bar.set_description(f"{title}: {progress.what}", refresh=False)
            bar.update(progress.done - bar.n)
