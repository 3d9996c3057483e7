"""The parts that photographs of faces share, found without a label: how well they fit ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.special import comb, xlogy
from skimage.io import imread

from evals.datasets import Array, data_folder
from evals.pages import Row
from napari_vitrail import (
    COSEGMENTATION,
    PartSegmentation,
    SeenSet,
    Votes,
    cosegment_parts_seen,
    cosegment_seen,
    load_backbone,
    see_set,
    shared_store,
)
from napari_vitrail.cosegmentation import ObjectPlane

FACES = "fasseg_face_parts"
KINDS = ("background", "skin", "hair", "eyes", "nose", "mouth")
COUNTS = (4, 5, 6, 8)
TUNED = (0.03, 0.05, 0.065, 0.08)
"""Thresholds at which the published recipe is tuned to these weights."""
Counts = NDArray[np.float64]
Parted = Callable[[dict[str, SeenSet], int], PartSegmentation]


class Photographs:
    """Photographs that are read when they are asked for."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Array:
        return imread(self.paths[index])


def _of_all(seen: dict[str, SeenSet], count: int) -> PartSegmentation:
    """Return clusters of all descriptors, of which the ground is one."""
    own = seen["density"]
    everywhere = ObjectPlane(np.zeros(own.pictures[0].descriptors.shape[2], np.float32), 1.0, 0.5)
    found = replace(cosegment_seen(own), shared=everywhere)
    return cosegment_parts_seen(found, count)


def _published(threshold: float, elbow_second: float | None = None) -> Parted:
    def parted(seen: dict[str, SeenSet], count: int) -> PartSegmentation:
        own = seen["scaled"]
        nearest = replace(own.spec, descriptor=replace(own.spec.descriptor, interpolation="nearest"))
        found = cosegment_seen(replace(own, spec=nearest), Votes(saliency_threshold=threshold))
        return cosegment_parts_seen(found, count, elbow_second=elbow_second)

    return parted


def _ours(seen: dict[str, SeenSet], count: int) -> PartSegmentation:
    return cosegment_parts_seen(seen["density"], count)


RECIPES: dict[str, Parted] = {
    "k-means on all descriptors": _of_all,
    **{f"Amir et al., two stages, {value}": _published(value) for value in TUNED},
    "Amir et al., three stages, 0.05": _published(0.05, 0.94),
    "ours": _ours,
}
"""By name; all see with the same weights, at the same size and stride, none is refined by colours."""


def parts_rows(sets: Sequence[str], part: slice) -> Iterator[Row]:
    """Yield one row for each recipe and number of parts, scored over all images of a set together."""
    for name in sets:
        folder = data_folder() / name
        paths = sorted((folder / "images").glob("*.jpg"), key=lambda path: int(path.stem))[part]
        truths = [imread(folder / "labels" / f"{path.stem}.png") for path in paths]
        seen = {kind: _seen(Photographs(paths), kind) for kind in ("scaled", "density")}
        for recipe, parted in RECIPES.items():
            for count in COUNTS:
                clusters = count + 1 if recipe == "k-means on all descriptors" else count
                parts = parted(seen, clusters)
                counted = sum(
                    counts_of(truth, labels, clusters + 1)
                    for truth, labels in zip(truths, parts.all_labels(), strict=True)
                )
                yield {"set": name, "images": len(paths), "recipe": recipe, "parts": count, **scores(counted)}


def _seen(images: Photographs, saliency: str) -> SeenSet:
    spec = replace(COSEGMENTATION, saliency=saliency)
    return see_set(images, spec, backbone=load_backbone(spec.descriptor.backbone), store=shared_store())


def counts_of(truth: NDArray[np.integer], labels: NDArray[np.integer], n_labels: int) -> Counts:
    """Return how many pixels (kinds, n_labels) of each kind have each label."""
    both = truth.astype(np.intp).ravel() * n_labels + labels.ravel()
    return np.bincount(both, minlength=len(KINDS) * n_labels).reshape(len(KINDS), n_labels).astype(float)


def scores(counts: Counts) -> dict[str, float]:
    """Return the agreement of labels with kinds: over all pixels, then those of the face, then matched.

    Every kind is matched with one label, none with two, so that the mean overlap is largest; what is left
    over matches nothing, and counts as 0.
    """
    unions = counts.sum(axis=1, keepdims=True) + counts.sum(axis=0) - counts
    overlaps = counts / np.maximum(unions, 1)
    kinds, labels = linear_sum_assignment(-overlaps)
    matched = np.zeros(len(counts))
    matched[kinds] = overlaps[kinds, labels]
    found = {"nmi": mutual_information(counts), "ari": rand_index(counts)}
    found |= {"face nmi": mutual_information(counts[1:]), "face ari": rand_index(counts[1:])}
    return found | {"iou": float(matched.mean())} | dict(zip(KINDS, matched.tolist(), strict=True))


def mutual_information(counts: Counts) -> float:
    """Return the normalised mutual information of two labellings, from how often their labels meet."""
    shares = counts / counts.sum()
    of_rows, of_columns = shares.sum(axis=1), shares.sum(axis=0)
    entropies = [-xlogy(each, each).sum() for each in (of_rows, of_columns, shares)]
    mean = (entropies[0] + entropies[1]) / 2
    return float((entropies[0] + entropies[1] - entropies[2]) / mean) if mean else 1.0


def rand_index(counts: Counts) -> float:
    """Return the adjusted Rand index of two labellings, from how often their labels meet."""
    together = comb(counts, 2).sum()
    of_rows, of_columns = comb(counts.sum(axis=1), 2).sum(), comb(counts.sum(axis=0), 2).sum()
    expected = of_rows * of_columns / comb(counts.sum(), 2)
    most = (of_rows + of_columns) / 2
    return float((together - expected) / (most - expected)) if most > expected else 1.0


def parts_section(rows: Sequence[Row], command: str, weights: str) -> str:
    """Return the table of all recipes and numbers of parts."""
    images = ", ".join(dict.fromkeys(f"{row['images']} images of {row['set']}" for row in rows))
    heads = ["recipe", "parts", "NMI", "ARI", "face NMI", "face ARI", "mean IoU", *KINDS]
    lines = [f"| {' | '.join(heads)} |", "|---|" + "---|" * (len(heads) - 1)]
    for row in rows:
        values = (row[name] for name in ("nmi", "ari", "face nmi", "face ari", "iou", *KINDS))
        cells = [row["recipe"], str(row["parts"]), *(f"{value:.3f}" for value in values)]
        lines.append(f"| {' | '.join(cells)} |")
    return f"`{command}`, {images}, weights: {weights}.\n\n" + "\n".join(lines)
