"""``python -m benchmarks features``: measure speed and rewrite the page."""

from __future__ import annotations

import argparse
import os
import platform
from pathlib import Path

import torch

from benchmarks.features import table, timings
from evals.pages import write_section

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"


def main() -> None:
    """Run one benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(required=True)
    features = commands.add_parser("features", help="dense queries beside strided passes")
    features.add_argument("--side", type=int, default=518, help="of the image, in pixels")
    features.add_argument("--strides", type=int, nargs="*", default=[7])
    features.add_argument("--positions", type=int, default=2000)
    features.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    results = timings(options.side, options.strides, options.positions, options.repeats)
    strides = " ".join(map(str, options.strides))
    machine = f"{os.cpu_count()} cores ({platform.machine()}, {torch.get_num_threads()} threads), no GPU"
    text = (
        f"`python -m benchmarks features --side {options.side} --strides {strides}`, ViT-S/14, "
        f"median of {options.repeats}, {machine}, torch {torch.__version__}.\n\n{table(results)}"
    )
    print(text)
    write_section(PAGE, "features", text)


if __name__ == "__main__":
    main()
