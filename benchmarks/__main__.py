"""``python -m benchmarks NAME``: measure one thing and rewrite its section of the page."""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from datetime import date
from pathlib import Path

import torch
from tqdm import tqdm

from benchmarks import clusterings, coseg, features, memory, neighbours, objects, propagate, speedups
from benchmarks.memory import resident, warm_up
from evals.datasets import data_folder
from evals.pages import write_section
from napari_vitrail import SEGMENTATION

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"


def main() -> None:
    """Run one benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for measure, help_ in (
        (measure_features, "dense queries beside strided passes"),
        (measure_memory, "peak of memory beside what is planned; Linux"),
        (measure_speedups, "what else was tried to make the network faster on a CPU"),
        (measure_neighbours, "nearest neighbours by blocks beside faiss, which it needs; Linux"),
        (measure_coseg, "ten to a thousand images that share something; needs faiss, and Linux"),
        (measure_objects, "objects of one image, coarse and in full; Linux"),
        (measure_propagate, "labels through a film, frame by frame; Linux"),
        (measure_live, "from a stroke to the picture, in a viewer; needs a display"),
        (measure_convpaint, "napari-convpaint beside ours; needs its Python, a display, and Linux"),
        (measure_large, "a plane far beyond memory, painted in a viewer; needs a display, and Linux"),
        (measure_hover, "similarity under the cursor, in a viewer; needs a display"),
        (measure_match, "from a click in one image to its partner in another, in a viewer; needs a display"),
        (measure_common_parts, "another number of common parts, in a viewer; needs a display"),
    ):
        command = commands.add_parser(measure.__name__.removeprefix("measure_"), help=help_)
        command.set_defaults(measure=measure)
        if measure is measure_features:
            command.add_argument("--sides", type=int, nargs="*", default=[224, 518, 1024, 2048])
            command.add_argument("--strides", type=int, nargs="*", default=[14, 7, 4, 2])
            command.add_argument("--positions", type=int, default=2000, help="pixels asked alone")
            command.add_argument("--repeats", type=int, default=5)
            command.add_argument("--limit", type=float, default=60, help="seconds that one run may take")
            command.add_argument("--device", default="auto")
        if measure is measure_neighbours:
            command.add_argument("--rows", type=int, nargs="*", default=[5476, 21_025])
            command.add_argument("--repeats", type=int, default=3)
        if measure is measure_coseg:
            command.add_argument("--counts", type=int, nargs="*", default=[10, 100, 1000])
        if measure is measure_propagate:
            command.add_argument("--frames", type=int, default=100)
        if measure is measure_convpaint:
            command.add_argument("--peer-python", type=Path, help="the Python that has napari-convpaint")
            command.add_argument("--sides", type=int, nargs="*", default=[518, 1024])
            command.add_argument("--repaints", type=int, default=10, help="pictures that the peer makes")
    options = parser.parse_args()
    text = options.measure(options)
    print(text)
    write_section(PAGE, options.measure.__name__.removeprefix("measure_"), text)


def measure_features(options: argparse.Namespace) -> str:
    """Return what dense features take, as Markdown."""
    warm_up()
    base = resident("VmRSS")
    one = features.singles(518, options.positions, options.repeats, options.device)
    steps = features.timings(
        options.sides, options.strides, options.repeats, options.limit, base, options.device
    )
    results = list(tqdm(steps))
    powers = [
        f"{features.exponent(results, 518, sampling):.2f} for {sampling}" for sampling in features.SAMPLINGS
    ]
    return "\n\n".join([
        f"`python -m benchmarks features`, ViT-S/14, median of {options.repeats}, {machine()}.",
        features.table(results),
        f"At 518 px time grows with the positions to the power of {' and '.join(powers)}.",
        features.singles_table(one),
    ])  # fmt: skip


def measure_memory(_: argparse.Namespace) -> str:
    """Return the peak of memory beside what is planned, as Markdown."""
    return "\n\n".join([
        f"`python -m benchmarks memory`, {machine()}.",
        memory.table(memory.peaks()),
        f"Training on {memory.SEGMENTED} x {memory.SEGMENTED} pixels and segmenting them at stride "
        f"{SEGMENTATION.stride}, with a store: {memory.segmenting():.0f} MB resident at the peak.",
    ])  # fmt: skip


def measure_speedups(_: argparse.Namespace) -> str:
    """Return what else was tried for speed, as Markdown."""
    found = speedups.table(speedups.attempts(518, repeats=5))
    return f"`python -m benchmarks speedups`, ViT-S/14, 518 x 518 pixels, {machine()}.\n\n{found}"


def measure_neighbours(options: argparse.Namespace) -> str:
    """Return what nearest neighbours take by blocks, all at once and with faiss, as Markdown."""
    found = list(tqdm(neighbours.searches(options.rows, options.repeats)))
    head = f"`python -m benchmarks neighbours`, median of {options.repeats}, {machine()}."
    return f"{head}\n\n{neighbours.table(found)}"


def measure_coseg(options: argparse.Namespace) -> str:
    """Return how co-segmentation grows with the number of images, as Markdown."""
    one, again = coseg.ten()
    with tempfile.TemporaryDirectory() as folder:
        grown = list(tqdm(coseg.growing(options.counts, Path(folder)), total=len(options.counts)))
        found = list(tqdm(clusterings.clusterings(options.counts, Path(folder))))
    return "\n\n".join([
        f"`python -m benchmarks coseg`, {machine()}.",
        f"{coseg.TEN} images of 320 x 240 pixels at the default spec, Python's start, imports and loading of "
        f"the weights included: {one.seconds:.1f} s, {one.cpu:.1f} s of CPU time, {one.peak / 1e6:.0f} MB. "
        f"Then another number of clusters or of parts, with all masks: {again:.2f} s at most.",
        coseg.table(grown),
        clusterings.table(found),
    ])  # fmt: skip


def measure_objects(_: argparse.Namespace) -> str:
    """Return how soon the objects of an image are found, as Markdown."""
    head = (
        f"`python -m benchmarks objects`, {objects.SIDE} x {objects.SIDE} pixels, median of {objects.REPEATS}"
    )
    return f"{head}, {machine()}.\n\n{objects.table(objects.measured())}"


def measure_propagate(options: argparse.Namespace) -> str:
    """Return what a frame of a film takes, and how much memory all of them, as Markdown."""
    found = propagate.table(propagate.runs(options.frames))
    command = f"`python -m benchmarks propagate --frames {options.frames}`"
    return f"{command}, 854 x 480 pixels, one label, no store, {machine()}.\n\n{found}"


def measure_live(_: argparse.Namespace) -> str:
    """Return how soon a stroke becomes a picture, as Markdown."""
    from benchmarks import live  # opens windows

    results = [live.in_a_fresh_process(side) for side in (518, 1024)]
    return f"`python -m benchmarks live`, {live.STROKES} strokes, {machine()}.\n\n{live.table(results)}"


def measure_convpaint(options: argparse.Namespace) -> str:
    """Return what napari-convpaint takes beside ours, as Markdown."""
    from benchmarks import convpaint  # opens windows

    peer = convpaint.about(options.peer_python)
    results = [convpaint.beside(side, options.peer_python, options.repaints) for side in options.sides]
    return f"`python -m benchmarks convpaint`, {peer}, {machine()}.\n\n{convpaint.table(results)}"


def measure_large(_: argparse.Namespace) -> str:
    """Return the peak of memory while a plane is painted that does not fit into it, as Markdown."""
    from benchmarks import large  # opens windows

    results = [large.painted(side, features) for side, features in large.CASES]
    return f"`python -m benchmarks large`, {machine()}.\n\n{large.table(results)}"


def measure_hover(_: argparse.Namespace) -> str:
    """Return how fast similarity follows the cursor, as Markdown."""
    from benchmarks import hover  # opens windows

    results = [hover.hovering(n_images, side) for n_images, side in ((1, 518), (4, 518), (1, 2058))]
    return f"`python -m benchmarks hover`, {machine()}.\n\n{hover.table(results)}"


def measure_match(_: argparse.Namespace) -> str:
    """Return how soon a point that is clicked arrives in the other image, as Markdown."""
    from benchmarks import match  # opens windows

    results = [match.clicking(name, *images) for name, images in match.pairs_of_images().items()]
    return f"`python -m benchmarks match`, {match.CLICKS} clicks, {machine()}.\n\n{match.table(results)}"


def measure_common_parts(_: argparse.Namespace) -> str:
    """Return how soon other parts, and another object, are in the gallery and in all layers, as Markdown."""
    from benchmarks import common_parts  # opens windows

    images = common_parts.photographs(data_folder() / "weizmann_horses" / "images")
    results = list(common_parts.changes(images))
    head = f"`python -m benchmarks common_parts`, {len(images)} photographs, {machine()}."
    return f"{head}\n\n{common_parts.table(results)}"


def machine() -> str:
    """Return what the numbers were measured on."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    cores = f"{os.cpu_count()} cores ({platform.machine()}, {torch.get_num_threads()} threads)"
    return f"{cores}, {gpu}, torch {torch.__version__}, {date.today()}"


if __name__ == "__main__":
    main()
