"""``python -m benchmarks features`` or ``hover``: measure speed and rewrite the page."""

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
    features.set_defaults(measure=measure_features)
    hover = commands.add_parser("hover", help="similarity under the cursor, in a viewer; needs a display")
    hover.set_defaults(measure=measure_hover)
    options = parser.parse_args()
    text = options.measure(options)
    print(text)
    write_section(PAGE, options.measure.__name__.removeprefix("measure_"), text)


def measure_features(options: argparse.Namespace) -> str:
    """Return what dense features take, as Markdown."""
    results = timings(options.side, options.strides, options.positions, options.repeats)
    strides = " ".join(map(str, options.strides))
    return (
        f"`python -m benchmarks features --side {options.side} --strides {strides}`, ViT-S/14, "
        f"median of {options.repeats}, {machine()}, torch {torch.__version__}.\n\n{table(results)}"
    )


def measure_hover(_: argparse.Namespace) -> str:
    """Return how fast similarity follows the cursor, as Markdown."""
    from benchmarks import hover  # opens windows

    results = [hover.hovering(n_images, side) for n_images, side in ((1, 518), (4, 518), (1, 2058))]
    return f"`python -m benchmarks hover`, {machine()}.\n\n{hover.table(results)}"


def machine() -> str:
    """Return what the numbers were measured on."""
    threads = torch.get_num_threads()
    return f"{os.cpu_count()} cores ({platform.machine()}, {threads} threads), no GPU"


if __name__ == "__main__":
    main()
