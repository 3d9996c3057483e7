"""``python -m evals NAME``: measure quality, keep the rows as JSON Lines, rewrite the page."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from evals.datasets import DENSE
from evals.pages import COUNTED, Row, read_rows, scribbles_section, write_rows, write_section
from evals.position import PROBE, position_rows
from evals.position_pages import position_section
from evals.scribbles import HUMAN, RECIPES, all_rows
from napari_vitrail import SEGMENTATION, load_backbone

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "evals" / "results"
PAGE = ROOT / "docs" / "evals.md"


def main() -> None:
    """Run one evaluation."""
    options = _parser().parse_args()
    options.measure(options)


def _measure_position(options: argparse.Namespace) -> None:
    steps: Iterable[Row] = [row for path in options.rows for row in read_rows(path)]
    if not options.rows:
        part = slice(options.first, None, options.every)
        steps = position_rows(options.sets, options.seeds, SEGMENTATION, part, options.cures)
    rows = write_rows(options.output or RESULTS / "position.jsonl", tqdm(steps, unit=" rows"))
    weights = load_backbone(SEGMENTATION.backbone).info.weights
    text = position_section(rows, options.command, f"{weights.location} (`{weights.digest[:12]}`)")
    print(text)
    if options.output is None:
        write_section(PAGE, "position", text)


def _measure_scribbles(options: argparse.Namespace) -> None:
    spec = replace(SEGMENTATION, stride=options.stride, magnification=options.magnification)
    rows = [row for path in options.rows for row in read_rows(path)]
    steps: Iterable[Row] = rows
    if not rows:
        recipes = [recipe for recipe in RECIPES if not options.recipes or str(recipe) in options.recipes]
        part = slice(options.first, None, options.every)
        steps = all_rows(options.sets, options.fractions, options.seeds, spec, recipes, part)
    rows = write_rows(options.output or RESULTS / "scribbles.jsonl", tqdm(steps, unit=" rows"))
    weights = load_backbone(spec.backbone).info.weights
    text = scribbles_section(rows, options.command, f"{weights.location} (`{weights.digest[:12]}`)")
    print(text)
    if options.output is None:
        write_section(PAGE, "scribbles", text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evals", description=__doc__)
    commands = parser.add_subparsers(required=True)
    scribbles = commands.add_parser("scribbles", help="segmentations learned from few strokes")
    sets = [HUMAN, *DENSE]
    scribbles.add_argument("--sets", nargs="*", default=sets, choices=sets)
    scribbles.add_argument("--fractions", nargs="*", type=float, default=[0.0025, 0.01, 0.025])
    scribbles.add_argument("--seeds", nargs="*", type=int, default=[0])
    scribbles.add_argument("--every", type=int, default=1, help="every n-th image of a set only")
    scribbles.add_argument("--first", type=int, default=0, help="the first of them")
    scribbles.add_argument("--recipes", nargs="*", default=[], help="those of this name only")
    scribbles.add_argument("--stride", type=int, default=SEGMENTATION.stride)
    scribbles.add_argument("--magnification", type=float, default=SEGMENTATION.magnification)
    scribbles.add_argument(
        "--rows", nargs="*", type=Path, default=[], help="make the page of these rows, measured before"
    )
    scribbles.add_argument("--command", default="python -m evals scribbles", help="what the page says")
    scribbles.add_argument(
        "-o", "--output", type=Path, help="write the rows there and leave the page as it is"
    )
    scribbles.set_defaults(measure=_measure_scribbles)
    _add_position(commands)
    return parser


def _add_position(commands: Any) -> None:
    position = commands.add_parser("position", help="what features say of where they are")
    position.add_argument("--sets", nargs="*", default=[PROBE, *COUNTED], choices=[PROBE, *DENSE])
    position.add_argument("--seeds", nargs="*", type=int, default=[0])
    position.add_argument("--every", type=int, default=1, help="every n-th image of a set only")
    position.add_argument("--first", type=int, default=0, help="the first of them")
    position.add_argument("--cures", nargs="*", default=[], help="strokes with those of this name only")
    position.add_argument(
        "--rows", nargs="*", type=Path, default=[], help="make the page of these rows, measured before"
    )
    position.add_argument("--command", default="python -m evals position", help="what the page says")
    position.add_argument(
        "-o", "--output", type=Path, help="write the rows there and leave the page as it is"
    )
    position.set_defaults(measure=_measure_position)


if __name__ == "__main__":
    main()
