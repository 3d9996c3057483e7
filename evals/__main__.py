"""``python -m evals scribbles``: measure quality, keep the rows as JSON, rewrite the page."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from evals.datasets import DENSE
from evals.pages import scribbles_section, write_section
from evals.scribbles import RECIPES, all_rows
from napari_vitrail import SEGMENTATION, load_backbone

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "evals" / "results"
PAGE = ROOT / "docs" / "evals.md"


def main() -> None:
    """Run one evaluation."""
    options = _parser().parse_args()
    spec = replace(SEGMENTATION, stride=options.stride, magnification=options.magnification)
    recipes = [recipe for recipe in RECIPES if not options.recipes or str(recipe) in options.recipes]
    rows = []
    for row in tqdm(all_rows(options.sets, options.fractions, options.seeds, spec, recipes), unit=" rows"):
        rows.append(row)
    result = options.output or RESULTS / "scribbles.json"
    result.parent.mkdir(parents=True, exist_ok=True)
    result.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
    weights = load_backbone(spec.backbone).info.weights
    command = " ".join(["python -m evals", *sys.argv[1:]])
    text = scribbles_section(rows, command, f"{weights.location} (`{weights.digest[:12]}`)")
    print(text)
    if options.output is None:
        write_section(PAGE, "scribbles", text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evals", description=__doc__)
    commands = parser.add_subparsers(required=True)
    scribbles = commands.add_parser("scribbles", help="segmentations learned from few strokes")
    scribbles.add_argument("--sets", nargs="*", default=list(DENSE), choices=list(DENSE))
    scribbles.add_argument("--fractions", nargs="*", type=float, default=[0.0025, 0.01, 0.025])
    scribbles.add_argument("--seeds", nargs="*", type=int, default=[0])
    scribbles.add_argument("--recipes", nargs="*", default=[], help="those of this name only")
    scribbles.add_argument("--stride", type=int, default=SEGMENTATION.stride)
    scribbles.add_argument("--magnification", type=float, default=SEGMENTATION.magnification)
    scribbles.add_argument(
        "-o", "--output", type=Path, help="write the rows there and leave the page as it is"
    )
    return parser


if __name__ == "__main__":
    main()
