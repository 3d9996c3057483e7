"""Best buddies of two images by three ways of looking for neighbours: seconds, and the peak of memory."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray

from benchmarks.memory import peak_begins, resident
from napari_vitrail import FeatureGrid, Grid
from napari_vitrail.features import BinnedGrid, nearest_both_ways, nearest_cells, unit_rows

WIDTH = 384
WHOLE_UP_TO = 30_000
"""Rows whose products with as many others are computed at once: 3.6 GB."""

Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Search:
    """One search both ways, with the bytes it took beside the descriptors."""

    rows: int
    way: str
    seconds: float
    peak: int
    buddies: int


def searches(counts: Sequence[int], repeats: int) -> Iterator[Search]:
    """Measure all ways with as many descriptors in each of two images, each in a process of its own.

    Raises
    ------
    SystemExit
        If faiss is not installed.
    """
    if importlib.util.find_spec("faiss") is None:
        raise SystemExit("faiss is needed: pip install --target ../faiss faiss-cpu, and PYTHONPATH=../faiss")
    for count in counts:
        for way in WAYS:
            if way == "whole matrix" and count > WHOLE_UP_TO:
                continue
            with get_context("fork").Pool(1) as pool:
                yield pool.apply(_measured, (count, way, repeats))


def _blocks(rows0: Rows, rows1: Rows) -> int:
    return len(nearest_both_ways(rows0, rows1).buddies)


def _whole(rows0: Rows, rows1: Rows) -> int:
    similarity = rows0 @ rows1.T
    chosen0, chosen1 = similarity.argmax(axis=1), similarity.argmax(axis=0)
    return int((chosen1[chosen0] == np.arange(len(rows0))).sum())


def _faiss(rows0: Rows, rows1: Rows) -> int:
    import faiss  # no requirement

    found = []
    for base, asked in ((rows1, rows0), (rows0, rows1)):
        index = faiss.IndexFlatIP(base.shape[1])
        index.add(base)
        found.append(index.search(asked, 1)[1][:, 0])
    return int((found[1][found[0]] == np.arange(len(rows0))).sum())


def _binned(rows0: Rows, rows1: Rows) -> int:
    return len(nearest_cells(*(_grid(rows) for rows in (rows0, rows1))).buddies)


def _grid(rows: Rows) -> BinnedGrid:
    """Return rows as the cells of a grid as square as can be, with two rings."""
    height = next(side for side in range(int(len(rows) ** 0.5), 0, -1) if not len(rows) % side)
    shape = (height, len(rows) // height)
    return BinnedGrid.of(FeatureGrid(rows.reshape(*shape, -1), Grid(shape)), 2)


WAYS: dict[str, Callable[[Rows, Rows], int]] = {
    "blocks": _blocks,
    "whole matrix": _whole,
    "faiss": _faiss,
    "blocks, binned": _binned,
}


def table(found: Sequence[Search]) -> str:
    """Return a Markdown table; ratios are to the search by blocks."""
    lines = [
        "| descriptors | way | time | ratio | peak of memory | best buddies |",
        "|---|---|---|---|---|---|",
    ]
    usual = {one.rows: one.seconds for one in found if one.way == "blocks"}
    for one in found:
        lines.append(
            f"| {one.rows:,} | {one.way} | {one.seconds:.2f} s | {one.seconds / usual[one.rows]:.1f} "
            f"| {one.peak / 1e6:.0f} MB | {one.buddies} |"
        )
    return "\n".join(lines)


def _measured(count: int, way: str, repeats: int) -> Search:
    rng = np.random.default_rng(0)
    rows0, noise = (rng.standard_normal((count, WIDTH), np.float32) for _ in range(2))
    rows0, rows1 = unit_rows(rows0), unit_rows(rows0[rng.permutation(count)] + 4 * noise)
    WAYS[way](rows0[:1000], rows1[:1000])  # libraries take what they keep
    seconds = []
    before = resident("VmRSS")
    peak_begins()
    for _ in range(repeats):
        start = time.perf_counter()
        buddies = WAYS[way](rows0, rows1)
        seconds.append(time.perf_counter() - start)
    return Search(count, way, float(np.median(seconds)), resident("VmHWM") - before, buddies)
