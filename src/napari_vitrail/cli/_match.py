"""``vitrail match``: find the places of a reference in other images."""

from __future__ import annotations

from argparse import ArgumentTypeError
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_vitrail.cli._computing import add_computing, backbone_of
from napari_vitrail.cli._images import add_channels, add_stains, reading_of
from napari_vitrail.cli._voice import FAILED, say, with_bar

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from napari_vitrail.matchfiles import FileMatched, MatchWanted, Summary
    from napari_vitrail.matching import MatchingSpec

KINDS = ("translation", "rigid", "similarity", "affine", "projective", "thin-plate")
_SUMMARY = "summary.csv"
_PAIRS, _PAIRS_TO_FIT = 10, 50  # a transform takes more than it needs, to tell which are wrong


def add(commands: Any, common: ArgumentParser) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "match", parents=[common], help="find the places of a reference in other images",
        description="Find places of a reference image in other images: pairs of points, found by the "
        "network, or the partners of points of yours. Files that are there already are replaced.",
    )  # fmt: skip
    parser.add_argument("reference", metavar="REFERENCE", type=Path, help="TIFF, PNG or JPEG; seen once")
    parser.add_argument(
        "images", metavar="IMAGE", nargs="+", type=Path,
        help="TIFF, PNG or JPEG; a folder of them; or a pattern, 'plate/**/*.tif'",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", metavar="OUT", type=Path, required=True,
        help="of one IMAGE the table of pairs, for instance pairs.csv; of several, a folder or a pattern the "
        f"folder that gets IMAGE_pairs.csv for each, and {_SUMMARY}",
    )  # fmt: skip
    parser.add_argument(
        "--resume", action="store_true",
        help="leave out what an earlier run with the same options has done: images whose files are all there "
        f"and of which {_SUMMARY} tells no error",
    )  # fmt: skip
    _add_points(parser)
    _add_pictures(parser)
    _add_alignment(parser)
    _add_spec(parser)
    add_computing(parser, weights="auto")
    add_channels(parser)
    add_stains(parser)
    parser.add_argument(
        "--plane", type=int, metavar="N", help="files hold stacks: match plane N of each, counted from 0"
    )
    parser.set_defaults(run=_run)


def _add_points(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("pairs")
    either = group.add_mutually_exclusive_group()
    either.add_argument(
        "--pairs", type=_count, metavar="N|all",
        help=f"how many pairs to propose at most; default: {_PAIRS}, or {_PAIRS_TO_FIT} with --fit",
    )  # fmt: skip
    either.add_argument(
        "--points", type=Path, metavar="CSV",
        help="find these points of the reference in every image, instead of proposing pairs: saved from a "
        "Points layer in napari, or pairs of ours",
    )  # fmt: skip
    group.add_argument(
        "--format", choices=("table", "napari", "bigwarp"), default="table",
        help="table: both points, scores and ids; napari: a file of points for each of both images, OUT and "
        "OUT_reference.csv; bigwarp: landmarks; default: %(default)s",
    )  # fmt: skip
    group.add_argument(
        "--pixel-size", type=float, nargs=2, default=(1.0, 1.0), metavar=("REFERENCE", "IMAGE"),
        help="side of a pixel, for BigWarp, which counts in the unit of its images",
    )  # fmt: skip


def _add_pictures(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("pictures")
    group.add_argument(
        "--plot", type=Path, metavar="PNG", help="draw one IMAGE beside the reference, with the pairs"
    )
    group.add_argument("--plots", action="store_true", help="draw every IMAGE: IMAGE_pairs.png")


def _add_alignment(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("alignment", "lays every image on the reference")
    group.add_argument(
        "--fit", choices=KINDS,
        help="write IMAGE_alignment.json too: such a transform, fitted to the pairs. Without --points each "
        "image is looked at several times for pairs that agree, however it is turned against the reference",
    )  # fmt: skip
    group.add_argument(
        "--threshold", type=float, default=5.0, metavar="PIXELS",
        help="pairs that are farther off, in the reference, are left out of the fit; default: %(default)s",
    )  # fmt: skip
    group.add_argument(
        "--warp",
        action="store_true",
        help="write IMAGE_warped.tif too: all of it, as it lies on the reference",
    )


def _add_spec(parser: ArgumentParser) -> None:
    """Add what may differ from `napari_vitrail.MATCHING`, which takes too long to import here."""
    group = parser.add_argument_group("network")
    group.add_argument("--backbone", metavar="NAME", help="see vitrail models")
    group.add_argument(
        "--side", type=int, metavar="PIXELS",
        help="of the longer side at which images are seen; default: 518",
    )  # fmt: skip
    group.add_argument(
        "--stride", type=int, metavar="PIXELS", help="between the places compared; default: half a patch"
    )
    group.add_argument("--layer", type=int, metavar="N", help="block of the descriptors; default: the last")
    group.add_argument(
        "--facet", choices=("token", "key", "query", "value"), help="of the descriptors; default: key"
    )


def _count(word: str) -> int | str:
    if word == "all":
        return word
    if not word.isdecimal() or int(word) < 1:
        raise ArgumentTypeError(f"expected a number from 1, or all, got {word!r}")
    return int(word)


def _run(options: Namespace) -> int:
    from napari_vitrail.batch import check_spared
    from napari_vitrail.matchfiles import (
        MatchReading,
        Summary,
        check_outputs,
        match_files_steps,
        reference_steps,
    )

    wanted, reading = _wanted(options), MatchReading(reading_of(options))
    images = _images(options)
    outputs = _outputs(images, wanted, options)
    summary = Summary(images, None if _is_one(options) else options.output / _SUMMARY)
    read = [options.reference, *([options.points] if options.points else [])]
    check_outputs(images, outputs, read)
    check_spared([summary.path] if summary.path else [], read)
    spec = _spec(options, wanted)
    if options.resume:
        summary.take_over(outputs)
    if left := summary.images_left:
        backbone = backbone_of(spec.descriptor, options)
        looking = reference_steps(options.reference, reading, wanted, spec, backbone)
        reference = with_bar(looking, "looking at the reference")
        own = dict(zip(images, outputs, strict=True))
        matching = match_files_steps(reference, left, [own[path] for path in left], reading, wanted)
        with_bar(matching, "matching", tell=partial(_tell, summary))
    return _conclude(summary)


def _conclude(summary: Summary) -> int:
    """Say what came of all images; return the exit code."""
    from napari_vitrail.matchfiles import summary_lines

    if any(row.pairs for row in summary.rows):
        for line in summary_lines(summary.rows):
            print(line)
    if summary.path is not None:
        print(summary.path)
    failed = sum(bool(row.error) for row in summary.rows)
    if failed and len(summary.rows) > 1:
        say(f"{failed} of {len(summary.rows)} images failed")
    return FAILED if failed else 0


def _is_one(options: Namespace) -> bool:
    """Whether one image was named, rather than several, a folder or a pattern."""
    from napari_vitrail.batch import is_pattern

    [first, *more] = options.images
    return not (more or first.is_dir() or is_pattern(str(first)))


def _images(options: Namespace) -> list[Path]:
    """Return the images to match; the reference, which may lie among them, is left out."""
    from napari_vitrail.batch import find_images

    found = find_images(options.images)
    if _is_one(options):
        return found
    images = [path for path in found if path.resolve() != options.reference.resolve()]
    if not images:
        raise ValueError(f"{options.reference} is the reference, and there is no other image")
    return images


def _outputs(images: list[Path], wanted: MatchWanted, options: Namespace) -> list[dict[str, Path]]:
    """Return the files that are written of each image."""
    output, is_table = options.output, options.output.suffix.lower() == ".csv"
    if not _is_one(options):
        if is_table or output.is_file():
            raise ValueError(f"output must be a folder for several images, got {output}")
        if options.plot:
            raise ValueError("plot is of one image; plots draws every one of several")
        return [wanted.paths(output / f"{path.stem}_pairs.csv", path.stem) for path in images]
    if not is_table or output.is_dir():
        raise ValueError(f"output must end in .csv for one image, got {output}")
    if options.resume:
        raise ValueError("resume is for several images: of one there is nothing to go on with")
    paths = wanted.paths(output, output.stem)
    if options.plot:
        if options.plot.suffix.lower() != ".png":
            raise ValueError(f"plot must end in .png, got {options.plot}")
        paths["picture"] = options.plot
    return [paths]


def _wanted(options: Namespace) -> MatchWanted:
    """Return what is wanted of every image."""
    from napari_vitrail.matchfiles import MatchWanted
    from napari_vitrail.pairs import load_points

    n_pairs = options.pairs or (_PAIRS_TO_FIT if options.fit else _PAIRS)
    return MatchWanted(
        n_pairs=None if n_pairs == "all" else n_pairs,
        points=load_points(options.points) if options.points else None,
        format=options.format,
        pixel_size=tuple(options.pixel_size),
        kind=options.fit,
        threshold=options.threshold,
        warp=options.warp,
        picture=options.plots or options.plot is not None,
    )


def _spec(options: Namespace, wanted: MatchWanted) -> MatchingSpec:
    """Return how images are seen: as is best known, but for what the options say."""
    from napari_vitrail.matching import MATCHING

    spec = MATCHING if options.backbone is None else MATCHING.for_backbone(options.backbone)
    names = ("stride", "layer", "facet")
    given = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    if given and wanted.is_aligned:
        raise ValueError(
            f"{' and '.join(given)} cannot be chosen with fit, which compares layers of its own; leave it "
            "out, or give points"
        )
    side = spec.side if options.side is None else options.side
    return replace(spec, descriptor=replace(spec.descriptor, **given), side=side)


def _tell(summary: Summary, file: FileMatched) -> None:
    """Say what came of a file, and take it down."""
    summary.add(file)
    if file.error:
        say(file.error)
    for path in file.written:
        print(path)
