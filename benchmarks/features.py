"""Dense queries beside the strided passes of both papers, on the same image and network."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import prod

import numpy as np

from benchmarks.images import micrograph
from benchmarks.memory import peak_begins, resident
from napari_vitrail import (
    SEGMENTATION,
    FeatureSpec,
    FeatureStore,
    extract_features,
    features_at,
    load_backbone,
)
from napari_vitrail.backbones import ViTBackbone
from napari_vitrail.features import pca_colours
from napari_vitrail.features._lattice import query_lattice, strided_lattice

VIT = replace(SEGMENTATION, features="vit")
SAMPLINGS = ("queries", "strided")
SLOW, SLOW_LARGE = 30.0, 10.0
"""Seconds from which on a run is not repeated, of squares up to `REPEATED` and beyond."""
REPEATED = 518


@dataclass(frozen=True)
class Timing:
    """Features of a square at a stride, made in one way."""

    side: int
    stride: int
    sampling: str
    positions: int
    seconds: float
    runs: int
    peak: int


@dataclass(frozen=True)
class Single:
    """Something else that takes time, beside the plain pass."""

    name: str
    seconds: float


def timings(
    sides: Sequence[int], strides: Sequence[int], repeats: int, limit: float, base: int, device: str = "auto"
) -> Iterator[Timing]:
    """Yield one timing for each square, stride and way; those that would take too long are left out.

    Parameters
    ----------
    sides, strides : sequence of int, pixels
        Strides from large to small.
    repeats : int
        Of which the median counts; slow ones are run once.
    limit : float, seconds
        What one run may take, judged by the stride before: queries grow with the positions, strided
        passes with the square of them.
    base : int, bytes
        Resident set of the imported libraries.
    """
    backbone = load_backbone(VIT.backbone, device=device)
    for side in sides:
        image = micrograph(side)
        for sampling in SAMPLINGS:
            before: Timing | None = None
            for stride in strides:
                spec = replace(VIT, sampling=sampling, stride=stride)
                positions = prod(lattice_shape(side, spec, backbone))
                if before is not None:
                    growth = (positions / before.positions) ** (1 if sampling == "queries" else 2)
                    if before.seconds * growth > limit:
                        break
                peak_begins()
                work = partial(extract_features, image, spec, backbone=backbone)
                seconds, runs = median_seconds(work, repeats, SLOW if side <= REPEATED else SLOW_LARGE)
                peak = resident("VmHWM") - base
                before = Timing(side, stride, sampling, positions, seconds, runs, peak)
                yield before


def lattice_shape(side: int, spec: FeatureSpec, backbone: ViTBackbone) -> tuple[int, int]:
    """Return how many positions a spec asks along each side."""
    size = backbone.info.patch_size
    if spec.sampling == "queries":
        return query_lattice((side, side), size, spec.stride).shape
    return strided_lattice((side, side), size, spec).shape


def median_seconds(work: Callable[[], object], repeats: int, slow: float = SLOW) -> tuple[float, int]:
    """Return the median time of some work, after one run that does not count unless it is slow."""
    seconds = [_seconds(work)]
    if seconds[0] < slow:
        seconds = [_seconds(work) for _ in range(repeats)]
    return float(np.median(seconds)), len(seconds)


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def singles(side: int, n_positions: int, repeats: int, device: str = "auto") -> list[Single]:
    """Time the plain pass, and beside it labelled pixels, hits and misses of the store, and colours."""
    image = micrograph(side)
    backbone = load_backbone(VIT.backbone, device=device)
    plain = replace(VIT, stride=backbone.info.patch_size)
    positions = np.random.default_rng(0).integers(0, side, (n_positions, 2))
    features = extract_features(image, VIT, backbone=backbone)
    with tempfile.TemporaryDirectory() as folder:
        kept = FeatureStore(folder)
        work: dict[str, Callable[[], object]] = {
            "plain pass": lambda: extract_features(image, plain, backbone=backbone),
            f"features under {n_positions} scattered pixels, stride {VIT.stride}": lambda: features_at(
                image, positions, VIT, backbone=backbone
            ),
            f"all features, stride {VIT.stride}, no store": lambda: extract_features(
                image, VIT, backbone=backbone
            ),
            "the same, a miss of the store": lambda: extract_features(
                image, VIT, backbone=backbone, store=FeatureStore(tempfile.mkdtemp(dir=folder))
            ),
            "a hit on disk": lambda: extract_features(
                image, VIT, backbone=backbone, store=FeatureStore(folder)
            ),
            "a hit in memory": lambda: extract_features(image, VIT, backbone=backbone, store=kept),
            "colours of the features (PCA)": lambda: pca_colours([features]),
        }
        extract_features(image, VIT, backbone=backbone, store=kept)
        return [Single(name, median_seconds(task, repeats)[0]) for name, task in work.items()]


def exponent(results: Sequence[Timing], side: int, sampling: str) -> float:
    """Return the power of the number of positions that time grows with, fitted over all strides."""
    own = [one for one in results if (one.side, one.sampling) == (side, sampling)]
    logs = np.log([[one.positions, one.seconds] for one in own])
    return float(np.polyfit(logs[:, 0], logs[:, 1], 1)[0])


def table(results: Sequence[Timing]) -> str:
    """Return a Markdown table: both ways side by side, one line for each square and stride."""
    known = {(one.side, one.stride, one.sampling): one for one in results}
    heads = ["image", "stride", "positions", *SAMPLINGS, "ratio", *(f"{way}, peak" for way in SAMPLINGS)]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for side, stride in dict.fromkeys((one.side, one.stride) for one in results):
        queried, strided = (known.get((side, stride, sampling)) for sampling in SAMPLINGS)
        ratio = f"{strided.seconds / queried.seconds:.1f}" if queried and strided else "-"
        positions = (queried or strided).positions
        lines.append(
            f"| {side} px | {stride} | {positions:,} | {_time(queried)} | {_time(strided)} | {ratio} "
            f"| {_memory(queried)} | {_memory(strided)} |"
        )
    return "\n".join(lines)


def _time(one: Timing | None) -> str:
    if one is None:
        return "-"
    return f"{one.seconds:.2f} s" + ("" if one.runs > 1 else " (once)")


def _memory(one: Timing | None) -> str:
    return "-" if one is None else f"{one.peak / 1e6:.0f} MB"


def singles_table(results: Sequence[Single]) -> str:
    """Return a Markdown table; the first is what the others are compared with."""
    lines = ["| work | median | times the plain pass |", "|---|---|---|"]
    for one in results:
        ratio = one.seconds / results[0].seconds
        lines.append(f"| {one.name} | {1000 * one.seconds:.0f} ms | {ratio:.2f} |")
    return "\n".join(lines)
