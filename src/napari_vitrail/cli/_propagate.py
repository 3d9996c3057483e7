"""``vitrail propagate``: label a stack or a movie from some of its frames."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_vitrail.cli._computing import add_computing, add_no_store, backbone_of, passing_store_of
from napari_vitrail.cli._images import add_channels, reading_of
from napari_vitrail.cli._spec import given
from napari_vitrail.cli._voice import say, with_bar

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

    from napari_vitrail.framefiles import Frames
    from napari_vitrail.propagation import PropagationSpec
    from napari_vitrail.propagationfiles import (
        FrameDone,
        FrameSource,
        GivenFrames,
        KeptFrames,
        PropagationFiles,
        PropagationWanted,
    )

OF_LABELS = ("resume", "film", "confidence", "mode", "vanish_below", "refine")
"""Options that mean something for labels alone."""
OF_PASSING = ("n_context", "motion", "radius", "topk", "temperature", "gone_below")
"""Options that mean something for labels and boxes."""


def add(commands: Any, common: ArgumentParser) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "propagate", parents=[common], help="label a stack or a movie from some of its frames",
        description="Label every slice of a stack or every frame of a movie from the few that you have "
        "labelled. Files that are there already are replaced.",
    )  # fmt: skip
    parser.add_argument(
        "path", metavar="STACK", type=Path,
        help="a TIFF or a zarr that holds all frames; or a folder of images or a pattern, 'movie/*.jpg', in "
        "the order of the numbers in their names",
    )  # fmt: skip
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--labels", metavar="LABELS", nargs="+", action="extend", type=_of_frame,
        help="a stack of labels, TIFF or zarr, in which frames that are not labelled are empty; a folder of "
        "label images that are called as their frames; or the label image of one frame, counted from 0: "
        "40=last.png. Of several that label one frame the last one counts",
    )  # fmt: skip
    what.add_argument(
        "--points", metavar="CSV", nargs="+", action="extend", type=_of_frame,
        help="follow points instead: of a Points layer of napari, or an earlier OUT, of which those given "
        "by hand count; or 40=points.csv of one frame",
    )  # fmt: skip
    what.add_argument(
        "--boxes", metavar="CSV", nargs="+", action="extend", type=_of_frame,
        help="follow boxes instead: rectangles of a Shapes layer of napari, or a table like an earlier OUT",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", metavar="OUT", type=Path, required=True,
        help="the labels of all frames, OUT.tif or OUT.zarr; beside it OUT_frames.csv, the quality of each "
        "frame and the area of each label, and the folder OUT_resume for --resume. Of points and boxes a "
        "table, OUT.csv",
    )  # fmt: skip
    parser.add_argument(
        "--resume", action="store_true",
        help="go on where an earlier run with the same options stopped, or after labels were corrected: only "
        "frames that depend on what has changed are computed",
    )  # fmt: skip
    parser.add_argument(
        "--frames", metavar="A:B", type=_slice, default=slice(None),
        help="label frames from A up to, but not including B; either may be left out; default: all",
    )  # fmt: skip
    parser.add_argument(
        "--direction", choices=("both", "forward", "backward"), default="both",
        help="whether labels go both ways from each labelled frame, only to later or only to earlier ones; "
        "default: %(default)s",
    )  # fmt: skip
    _add_pictures(parser)
    _add_spec(parser)
    add_no_store(parser)
    add_computing(parser, weights="auto")
    add_channels(parser)
    parser.add_argument(
        "--at", metavar="AXIS=N", type=_place, action="append", default=[],
        help="where along a further axis of STACK, by its letter or its number: --at z=5 of a movie of "
        "volumes; may be repeated",
    )  # fmt: skip
    parser.set_defaults(run=_run)


def _add_pictures(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("further results")
    group.add_argument(
        "--confidence", action="store_true",
        help="write OUT_confidence too: the share of the surest label, 0 to 1, of each pixel",
    )  # fmt: skip
    group.add_argument(
        "--film", type=_count, metavar="N",
        help="write OUT_film.png too: every N-th frame with its labels, beside each other",
    )  # fmt: skip


def _add_spec(parser: ArgumentParser) -> None:
    """Add what may differ from the recipe, which takes too long to import here."""
    group = parser.add_argument_group("recipe", "what is not given is as the recipe has it")
    group.add_argument(
        "--recipe", choices=("ours", "dino"), default="ours",
        help="ours: what does best in our evaluation; dino: patch by patch, as DINO was evaluated by Caron "
        "et al. (2021); default: %(default)s",
    )  # fmt: skip
    group.add_argument(
        "--mode", choices=("dense", "scribble"),
        help="what 0 means in labelled frames: background, which is passed on like any label, or that "
        "nothing is known; default: dense",
    )  # fmt: skip
    group.add_argument("--backbone", metavar="NAME", help="see vitrail models")
    group.add_argument(
        "--side", type=int, metavar="PIXELS", help="of the shorter side at which frames are seen"
    )
    group.add_argument(
        "--stride", type=int, metavar="PIXELS", help="between the places compared, as they are seen"
    )
    group.add_argument(
        "--n-context", type=int, metavar="N", help="frames before a frame that its labels come from too"
    )
    group.add_argument(
        "--motion", type=float, metavar="PATCHES",
        help="how far what a frame shows may have moved since the frame before; 0 does not follow it",
    )  # fmt: skip
    group.add_argument(
        "--radius", type=float, metavar="PATCHES",
        help="how far from a place, and from where it was, those of other frames count; 0 is any distance",
    )  # fmt: skip
    group.add_argument("--topk", type=int, metavar="N", help="places that a label comes from")
    group.add_argument("--temperature", type=float, help="more lets less similar places count")
    group.add_argument(
        "--vanish-below", type=float, metavar="SHARE",
        help="a label that is nowhere in a frame surer than this, 0 to 1, is not there",
    )  # fmt: skip
    group.add_argument(
        "--gone-below", type=float, metavar="SHARE",
        help="nor is one of whose places fewer than this share, 0 to 1, look more like it than like ground",
    )  # fmt: skip
    group.add_argument(
        "--refine", choices=("guided", "none"),
        help="whether a guided filter moves borders to where colours change",
    )  # fmt: skip


def _of_frame(word: str) -> tuple[int | None, Path]:
    """Return the frame, if one is said, and the file."""
    found = re.fullmatch(r"([0-9]+)=(.+)", word)
    if found is None or Path(word).exists():
        return None, Path(word)
    return int(found[1]), Path(found[2])


def _slice(word: str) -> slice:
    found = re.fullmatch(r"(-?[0-9]*):(-?[0-9]*)", word)
    if found is None or "-" in found.groups():
        raise ArgumentTypeError(f"expected A:B, for instance 0:20, got {word!r}")
    start, stop = (int(end) if end else None for end in found.groups())
    return slice(start, stop)


def _place(word: str) -> tuple[str, int]:
    axis, _, place = word.partition("=")
    if not (axis and place.isdecimal()):
        raise ArgumentTypeError(f"expected AXIS=N, for instance z=5, got {word!r}")
    return axis, int(place)


def _count(word: str) -> int:
    if not word.isdecimal() or int(word) < 1:
        raise ArgumentTypeError(f"expected a number from 1, got {word!r}")
    return int(word)


def _run(options: Namespace) -> int:
    from napari_vitrail.framefiles import open_frames
    from napari_vitrail.propagationfiles import FrameSource, open_given, plan_propagation

    named = options.labels or options.points or options.boxes
    sources = [FrameSource(path, frame) for frame, path in named]
    if not options.labels:
        return _run_places(sources, options)
    files = plan_propagation(options.output, options.path, [source.path for source in sources])
    with ExitStack() as opened:
        frames = opened.enter_context(open_frames(options.path, reading_of(options), options.at))
        wanted = _wanted(options, len(frames))
        labels = open_given(sources, frames, opened)
        kept, done = _propagate(frames, labels, files, wanted, options)
        return _conclude(frames, kept, done, files, options)


def _run_places(sources: Sequence[FrameSource], options: Namespace) -> int:
    """Follow points or boxes, write where they are, say what came of them; return the exit code."""
    from napari_vitrail.framefiles import open_frames
    from napari_vitrail.propagationfiles import (
        BOXES,
        POINTS,
        check_frames_steps,
        follow_steps,
        followed_lines,
        plan_table,
        read_tables,
    )

    kind = POINTS if options.points else BOXES
    _check_options(options, kind.name)
    plan_table(options.output, options.path, [source.path for source in sources])
    with open_frames(options.path, reading_of(options), options.at) as frames:
        wanted = _wanted(options, len(frames))
        tables = read_tables(sources, kind.read, len(frames))
        with_bar(check_frames_steps(frames, wanted, tables.places), "reading")
        steps = follow_steps(
            kind, frames, tables, wanted,
            backbone=backbone_of(wanted.spec.descriptor, options), store=passing_store_of(options),
        )  # fmt: skip
        found = with_bar(steps, "following")
    kind.write(options.output, found)
    for line in followed_lines(found, kind.name):
        print(line)
    print(options.output)
    return 0


def _check_options(options: Namespace, kind: str) -> None:
    """Refuse what has no meaning for points or boxes: it would be ignored without a word."""
    without = OF_LABELS if kind == "boxes" else (*OF_LABELS, *OF_PASSING)
    values = {name: getattr(options, name) for name in without}
    if named := [name for name, value in values.items() if value is not None and value is not False]:
        words = ", ".join(f"--{name.replace('_', '-')}" for name in named)
        raise ValueError(f"{words} must be left out with --{kind}, for which nothing depends on it")


def _wanted(options: Namespace, count: int) -> PropagationWanted:
    """Return what is wanted of a stack."""
    from napari_vitrail.propagationfiles import MOST_IN_FILM, PropagationWanted

    frames = range(count)[options.frames]
    if not frames:
        start, stop = (("" if end is None else end) for end in (options.frames.start, options.frames.stop))
        raise ValueError(f"--frames {start}:{stop} holds none of the frames 0 to {count - 1}")
    if options.film and len(frames) > MOST_IN_FILM * options.film:
        least = -(-len(frames) // MOST_IN_FILM)
        raise ValueError(f"--film must be {least} or more for {len(frames)} frames, got {options.film}")
    return PropagationWanted(frames, _spec(options), options.direction)


def _propagate(
    frames: Frames, labels: GivenFrames, files: PropagationFiles, wanted: PropagationWanted,
    options: Namespace,
) -> tuple[KeptFrames, list[FrameDone]]:  # fmt: skip
    """Label the frames, each kept on disk as it comes."""
    from napari_vitrail.propagationfiles import (
        KeptFrames,
        check_frames_steps,
        propagate_files_steps,
        stack_identity,
    )
    from napari_vitrail.provenance import settings_of

    with_bar(check_frames_steps(frames, wanted, labels), "reading")
    backbone = backbone_of(wanted.spec.descriptor, options)
    settings = settings_of(
        wanted.spec, reading_of(options), backbone.info, at=options.at, stack=stack_identity(options.path)
    )
    kept = KeptFrames(files.kept, settings, resume=options.resume)
    steps = propagate_files_steps(
        frames, labels, wanted, kept, backbone=backbone, store=passing_store_of(options)
    )
    return kept, with_bar(steps, "propagating")


def _conclude(
    frames: Frames, kept: KeptFrames, done: Sequence[FrameDone], files: PropagationFiles, options: Namespace
) -> int:
    """Write what there is of all frames together and say what came of them; return the exit code."""
    from napari_vitrail.imagefile import write_png
    from napari_vitrail.propagationfiles import (
        film_picture,
        summary_lines,
        write_confidence,
        write_labels,
        write_table,
    )

    write_labels(files.labels, kept, done, len(frames))
    write_table(files.table, done, frames)
    written = [files.labels, files.table]
    if options.confidence:
        write_confidence(files.confidence, kept, done, len(frames))
        written.append(files.confidence)
    if options.film:
        write_png(files.film, film_picture(frames, kept, done, options.film))
        written.append(files.film)
    for path in (files.confidence, files.film):
        if path not in written and path.exists():
            say(f"warning: {path} is of an earlier run")
    for line in summary_lines(done, frames):
        print(line)
    for path in written:
        print(path)
    return 0


def _spec(options: Namespace) -> PropagationSpec:
    """Return how labels are passed on: by a recipe, but for what the options say."""
    from napari_vitrail.guidedfilter import GuidedFilter
    from napari_vitrail.propagation import DINO_PROPAGATION, PROPAGATION

    spec = PROPAGATION if options.recipe == "ours" else DINO_PROPAGATION
    descriptor = replace(spec.descriptor, **given(backbone=options.backbone, stride=options.stride))
    own = given(
        mode=options.mode, side=options.side, n_context=options.n_context, motion=options.motion,
        radius=options.radius, topk=options.topk, temperature=options.temperature,
        vanish_below=options.vanish_below, gone_below=options.gone_below,
    )  # fmt: skip
    if options.refine is not None:
        own["refinement"] = GuidedFilter() if options.refine == "guided" else None
    return replace(spec, descriptor=descriptor, **own)
