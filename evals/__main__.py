"""``python -m evals NAME``: measure quality, keep the rows as JSON Lines, rewrite the page."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

from evals.cleanup import SUPERALLOY, cleanup_rows, cleanup_section
from evals.convpaint import SETS, convpaint_rows, convpaint_section
from evals.coseg import coseg_rows, coseg_section
from evals.cosegmenters import COSEGMENTERS, TABLES
from evals.datasets import DENSE
from evals.groups import SHARED
from evals.haste import haste_rows, haste_section
from evals.keypoints import KEYPOINTS, keypoint_rows, keypoints_section
from evals.keypoints import RECIPES as MATCHERS
from evals.objects import RECIPES as FINDERS
from evals.objects import objects_rows, objects_section
from evals.pages import COUNTED, Row, read_rows, scribbles_section, write_rows, write_section
from evals.parts import FACES, MARKED, parts_rows, parts_section
from evals.peers import Convpaint
from evals.position import PROBE, position_rows
from evals.position_pages import position_section
from evals.propagate import RECIPES as PROPAGATIONS
from evals.propagate import propagate_rows, propagate_section
from evals.sampling import sampling_rows, sampling_section
from evals.scenes import SCENES
from evals.scribbles import HUMAN, RECIPES, all_rows
from evals.tracks import BOXES, FRAMES, POINTS, tracks_rows, tracks_section
from evals.videos import VIDEOS
from napari_vitrail import OBJECTS, SEGMENTATION, load_backbone

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "evals" / "results"
PAGE = ROOT / "docs" / "evals.md"


@dataclass(frozen=True)
class Evaluation:
    """One command: how its rows are measured and how its section of the page is made."""

    help: str
    sets: Sequence[str]
    measure: Callable[[argparse.Namespace], Iterable[Row]]
    section: Callable[[Sequence[Row], str, str], str]


def _measured_scribbles(options: argparse.Namespace) -> Iterator[Row]:
    spec = replace(SEGMENTATION, stride=options.stride, magnification=options.magnification)
    recipes = [recipe for recipe in RECIPES if not options.recipes or str(recipe) in options.recipes]
    return all_rows(options.sets, options.fractions, options.seeds, spec, recipes, _part(options))


def _measured_position(options: argparse.Namespace) -> Iterator[Row]:
    return position_rows(options.sets, options.seeds, SEGMENTATION, _part(options), options.cures)


def _measured_sampling(options: argparse.Namespace) -> Iterator[Row]:
    spec = replace(SEGMENTATION, stride=options.stride)
    return sampling_rows(options.sets, options.seeds, spec, _part(options))


def _measured_haste(options: argparse.Namespace) -> Iterator[Row]:
    return haste_rows(options.sets, options.seeds, SEGMENTATION, _part(options))


def _measured_cleanup(options: argparse.Namespace) -> Iterator[Row]:
    return cleanup_rows(options.sets, options.seeds, SEGMENTATION, _part(options))


def _measured_convpaint(options: argparse.Namespace) -> Iterator[Row]:
    peer = Convpaint(options.peer_python, "python -m evals convpaint")  # at once: before a file is begun
    return convpaint_rows(options.sets, options.seeds, SEGMENTATION, _part(options), peer)


def _measured_keypoints(options: argparse.Namespace) -> Iterator[Row]:
    return keypoint_rows(options.sets, options.recipes or list(MATCHERS), _part(options))


def _measured_tracks(options: argparse.Namespace) -> Iterator[Row]:
    return tracks_rows(options.sets, options.videos, options.frames)


def _measured_coseg(options: argparse.Namespace) -> Iterator[Row]:
    recipes = options.recipes or [name for table in options.tables for name in TABLES[table]]
    return coseg_rows(options.sets, recipes, options.groups, _part(options), options.dtype)


def _measured_parts(options: argparse.Namespace) -> Iterator[Row]:
    return parts_rows(options.sets, _part(options), options.dtype)


def _measured_objects(options: argparse.Namespace) -> Iterator[Row]:
    return objects_rows(
        options.sets, options.recipes or list(FINDERS), _part(options), options.dtype, options.stride
    )


def _measured_propagate(options: argparse.Namespace) -> Iterator[Row]:
    recipes = options.recipes or list(PROPAGATIONS)
    return propagate_rows(options.sets, recipes, options.videos, options.frames)


def _part(options: argparse.Namespace) -> slice:
    return slice(options.first, None, options.every)


EVALUATIONS = {
    "scribbles": Evaluation(
        "segmentations learned from few strokes", [HUMAN, *DENSE], _measured_scribbles, scribbles_section
    ),
    "position": Evaluation(
        "what features say of where they are", [PROBE, *DENSE], _measured_position, position_section
    ),
    "sampling": Evaluation(
        "dense queries beside strided passes", list(DENSE), _measured_sampling, sampling_section
    ),
    "haste": Evaluation(
        "what follows the brush beside what is learned at rest", COUNTED, _measured_haste, haste_section
    ),
    "cleanup": Evaluation(
        "what smoothing and the dense CRF do to small classes",
        [SUPERALLOY, *DENSE],
        _measured_cleanup,
        cleanup_section,
    ),
    "keypoints": Evaluation(
        "points carried from one picture to another", list(KEYPOINTS), _measured_keypoints, keypoints_section
    ),
    "coseg": Evaluation(
        "objects that photographs share, found without a label", list(SHARED), _measured_coseg, coseg_section
    ),
    "parts": Evaluation(
        "parts that faces share, found without a label",
        [FACES, MARKED],
        _measured_parts,
        parts_section,
    ),
    "objects": Evaluation(
        "objects of single photographs, found without a label",
        list(SCENES),
        _measured_objects,
        objects_section,
    ),
    "propagate": Evaluation(
        "labels of one frame passed on through films and sections",
        list(VIDEOS),
        _measured_propagate,
        propagate_section,
    ),
    "tracks": Evaluation(
        "points and boxes of the first frame followed through films",
        [BOXES, POINTS],
        _measured_tracks,
        tracks_section,
    ),
    "convpaint": Evaluation(
        "napari-convpaint beside ours, in its own environment", SETS, _measured_convpaint, convpaint_section
    ),
}


def main() -> None:
    """Run one evaluation."""
    options = _parser().parse_args()
    evaluation = EVALUATIONS[options.name]
    steps: Iterable[Row] = [row for path in options.rows for row in read_rows(path)]
    if not options.rows:
        steps = evaluation.measure(options)
    rows = write_rows(options.output or RESULTS / f"{options.name}.jsonl", tqdm(steps, unit=" rows"))
    weights = load_backbone(SEGMENTATION.backbone).info.weights
    command = options.command or f"python -m evals {options.name}"
    text = evaluation.section(rows, command, f"{weights.location} (`{weights.digest[:12]}`)")
    print(text)
    if options.output is None:
        write_section(PAGE, options.name, text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evals", description=__doc__)
    commands = parser.add_subparsers(required=True, dest="name")
    own = {name: commands.add_parser(name, help=known.help) for name, known in EVALUATIONS.items()}
    for name, command in own.items():
        sets = EVALUATIONS[name].sets
        command.add_argument("--sets", nargs="*", default=sets, choices=sets)
        command.add_argument("--seeds", nargs="*", type=int, default=[0])
        command.add_argument("--every", type=int, default=1, help="every n-th image of a set only")
        command.add_argument("--first", type=int, default=0, help="the first of them")
        command.add_argument(
            "--rows", nargs="*", type=Path, default=[], help="make the page of these rows, measured before"
        )
        command.add_argument("--command", help="what the page says")
        command.add_argument(
            "-o", "--output", type=Path, help="write the rows there and leave the page as it is"
        )
    for name in ("scribbles", "sampling"):
        own[name].add_argument("--stride", type=int, default=SEGMENTATION.stride)
    scribbles = own["scribbles"]
    scribbles.add_argument("--fractions", nargs="*", type=float, default=[0.0025, 0.01, 0.025])
    scribbles.add_argument("--recipes", nargs="*", default=[], help="those of this name only")
    scribbles.add_argument("--magnification", type=float, default=SEGMENTATION.magnification)
    own["keypoints"].add_argument("--recipes", nargs="*", default=[], choices=list(MATCHERS))
    own["objects"].add_argument("--recipes", nargs="*", default=[], choices=list(FINDERS))
    own["objects"].add_argument("--stride", type=int, default=OBJECTS.descriptor.stride)
    own["objects"].add_argument("--dtype", default="auto", help="precision of the network")
    propagate = own["propagate"]
    propagate.add_argument("--recipes", nargs="*", default=[], choices=list(PROPAGATIONS))
    propagate.add_argument("--videos", nargs="*", default=[], help="of a set, those of this name only")
    propagate.add_argument("--frames", type=int, help="the first of each film only")
    own["tracks"].add_argument("--videos", nargs="*", default=[], help="those of this name only")
    own["tracks"].add_argument("--frames", type=int, default=FRAMES, help="the first of each film only")
    own["coseg"].add_argument("--recipes", nargs="*", default=[], choices=list(COSEGMENTERS))
    own["coseg"].add_argument(
        "--tables", nargs="*", default=["recipes", "refined", "stages", "saliency"], choices=list(TABLES)
    )
    own["coseg"].add_argument("--groups", nargs="*", default=[], help="of a set, those of this name only")
    for name in ("coseg", "parts"):
        own[name].add_argument("--dtype", default="auto", help="precision of the network")
    own["position"].add_argument(
        "--cures", nargs="*", default=[], help="strokes with those of this name only"
    )
    convpaint = own["convpaint"]
    convpaint.add_argument("--peer-python", type=Path, help="the Python that has napari-convpaint")
    convpaint.set_defaults(seeds=[0, 1, 2, 3, 4])
    own["position"].set_defaults(sets=[PROBE, *COUNTED])
    return parser


if __name__ == "__main__":
    main()
