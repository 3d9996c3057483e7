"""Clusters of the descriptors of many images by four ways: seconds, the peak of memory, how well they fit."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.memory import peak_begins, resident
from napari_vitrail import Consensus
from napari_vitrail.clusters import fit_centres
from napari_vitrail.cosegmentation import Clusters
from napari_vitrail.cosegmentation._sampling import spread

RECIPE = Consensus()
CHUNK = 4096
"""Descriptors that are taken at a time where all are."""

Rows = NDArray[np.float16]


@dataclass(frozen=True)
class Clustering:
    """One way for all of the recipe's numbers of clusters, with the bytes it took.

    `distortion` is the mean squared distance of all descriptors to their centre, averaged over those numbers.
    """

    n_images: int
    rows: int
    way: str
    seconds: float
    peak: int
    distortion: float


def clusterings(counts: Sequence[int], folder: Path) -> Iterator[Clustering]:
    """Measure all ways for the descriptors of so many images that lie in a folder, each in its own process.

    Raises
    ------
    SystemExit
        If faiss is not installed.
    """
    if importlib.util.find_spec("faiss") is None:
        raise SystemExit("faiss is needed: pip install --target ../faiss faiss-cpu, and PYTHONPATH=../faiss")
    for count in counts:
        for way in WAYS:
            with get_context("fork").Pool(1) as pool:
                yield pool.apply(_measured, (count, folder / f"{count}.npy", way))


def _sampled(rows: Rows, count: int) -> Clusters:
    [chosen] = spread([len(rows)], RECIPE.sample_size)
    return fit_centres(rows[chosen].astype(np.float32), count, n_init=1, random_state=0)


def _all(rows: Rows, count: int) -> Clusters:
    return fit_centres(np.asarray(rows, np.float32), count, n_init=1, random_state=0)


def _mini_batch(rows: Rows, count: int) -> Clusters:
    from sklearn.cluster import MiniBatchKMeans

    fitted = MiniBatchKMeans(count, n_init=1, random_state=0)
    for chunk in _chunks(rows):
        fitted.partial_fit(chunk)
    return Clusters(fitted.cluster_centers_)


def _faiss(rows: Rows, count: int) -> Clusters:
    import faiss  # no requirement

    fitted = faiss.Kmeans(rows.shape[1], count, seed=1, max_points_per_centroid=len(rows))
    fitted.train(np.asarray(rows, np.float32))
    return Clusters(fitted.centroids)


WAYS: dict[str, Callable[[Rows, int], Clusters]] = {
    f"k-means, {RECIPE.sample_size} of them": _sampled,
    "k-means, all": _all,
    "mini-batches, all once": _mini_batch,
    "faiss, all": _faiss,
}


def table(found: Sequence[Clustering]) -> str:
    """Return a Markdown table; distortions are beside that of k-means of all descriptors."""
    lines = ["| images | descriptors | way | CPU time | peak of memory | distortion |", "|---" * 6 + "|"]
    usual = {one.n_images: one.distortion for one in found if one.way == "k-means, all"}
    for one in found:
        more = one.distortion / usual[one.n_images] - 1
        lines.append(
            f"| {one.n_images} | {one.rows:,} | {one.way} | {one.seconds:.2f} s | {one.peak / 1e6:.0f} MB "
            f"| {more:+.1%} |"
        )
    return "\n".join(lines)


def _chunks(rows: Rows) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(rows), CHUNK):
        yield np.asarray(rows[start : start + CHUNK], np.float32)


def _measured(n_images: int, path: Path, way: str) -> Clustering:
    few = np.random.default_rng(0).normal(size=(1000, 64)).astype(np.float16)
    WAYS[way](few, 2)  # libraries take what they keep
    before = resident("VmRSS")
    peak_begins()
    start = time.process_time()
    rows = np.load(path, mmap_mode="r")
    found = [WAYS[way](rows, count) for count in RECIPE.counts]
    seconds, peak = time.process_time() - start, resident("VmHWM") - before
    means = [_distortion(clusters, rows) for clusters in found]
    return Clustering(n_images, len(rows), way, seconds, peak, float(np.mean(means)))


def _distortion(clusters: Clusters, rows: Rows) -> float:
    return sum(float(clusters.squares(chunk).min(axis=1).sum()) for chunk in _chunks(rows)) / len(rows)
