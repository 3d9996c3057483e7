"""The parts that photographs of faces share, found without a label: do they fit, predict, and stay."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.special import comb, xlogy
from skimage.io import imread

from evals.datasets import Array, data_folder
from evals.landmarks import Landmarks, centroids, errors
from evals.pages import Row
from napari_vitrail import (
    COSEGMENTATION,
    CoSegmentation,
    PartSegmentation,
    SeenSet,
    Votes,
    cosegment_parts_seen,
    cosegment_seen,
    load_backbone,
    see_set,
    shared_store,
)
from napari_vitrail.cosegmentation import ObjectPlane, SeenPicture
from napari_vitrail.progress import drain

FACES, MARKED = "fasseg_face_parts", "faces68"
KINDS = ("background", "skin", "hair", "eyes", "nose", "mouth")
COUNTS = (3, 4, 5, 8)
REGRESSED = (4, 8)
"""Numbers of parts of which landmarks are predicted, and whose consistency is measured: as published."""
TUNED = (0.03, 0.05, 0.065)
"""Thresholds at which the published recipe is tuned to these weights."""
EVERY = 2
"""Every second image is seen mirrored and cut out, too."""
KEPT = 0.8
"""Of each side of an image, in a cut-out."""
Counts = NDArray[np.float64]


class Photographs:
    """Photographs that are read when they are asked for."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Array:
        return imread(self.paths[index])[..., :3]


class Recipe(NamedTuple):
    """How the object is found in what was seen with a kind of saliency, and how it falls into parts."""

    saliency: str
    found: Callable[[SeenSet], CoSegmentation]
    whitening: float | None = 0
    further: int = 0

    def parted(self, found: CoSegmentation, count: int) -> PartSegmentation:
        """Return the parts of an object."""
        return cosegment_parts_seen(found, count + self.further, whitening=self.whitening)


def _everything(seen: SeenSet) -> CoSegmentation:
    """Return an object that is all of each image."""
    width = seen.pictures[0].descriptors.shape[2]
    return replace(cosegment_seen(seen), shared=ObjectPlane(np.zeros(width, np.float32), 1.0, 0.5))


def _published(threshold: float) -> Callable[[SeenSet], CoSegmentation]:
    def found(seen: SeenSet) -> CoSegmentation:
        nearest = replace(seen.spec, descriptor=replace(seen.spec.descriptor, interpolation="nearest"))
        return cosegment_seen(replace(seen, spec=nearest), Votes(saliency_threshold=threshold))

    return found


RECIPES = {
    "k-means on all descriptors": Recipe("density", _everything, further=1),  # the ground is a part
    **{f"Amir et al., {value}": Recipe("scaled", _published(value)) for value in TUNED},
    "ours, nothing whitened": Recipe("density", cosegment_seen),
    "ours": Recipe("density", cosegment_seen, whitening=None),
}
"""By name; all see with the same weights, at the same size and stride, none is refined by colours."""


def parts_rows(sets: Sequence[str], part: slice, dtype: str) -> Iterator[Row]:
    """Yield what was measured of each set, recipe and number of parts.

    Parameters
    ----------
    sets : of `FACES` and `MARKED`
    part : slice
        Which images of each set.
    dtype : str
        Of the network, see `napari_vitrail.FeatureSpec`.
    """
    for name in sets:
        folder = data_folder() / name
        paths = sorted((folder / "images").glob("*.jpg"), key=_in_order)[part]
        photographs = Photographs(paths)
        seen = {kind: _seen(photographs, kind, dtype) for kind in ("scaled", "density")}
        views = list(_views(photographs, seen["density"]))
        if name == MARKED:
            nothing = errors(np.zeros((len(paths), 0, 2)), _landmarks(folder, paths))
            yield {"set": name, "images": len(paths), "recipe": "the mean landmarks", "parts": 0} | nothing
        for recipe, own in RECIPES.items():
            found = own.found(seen[own.saliency])
            for count in COUNTS if name == FACES else REGRESSED:
                parts = own.parted(found, count)
                row = {"set": name, "images": len(paths), "recipe": recipe, "parts": count}
                yield row | (
                    _fit(parts, folder, paths) if name == FACES else _regression(parts, folder, paths)
                )
                if count in REGRESSED:
                    yield row | {"views": len(views)} | _consistency(parts, views)


def _in_order(path: Path) -> tuple[int, str]:
    """Return by what photographs are sorted: numbers by their value."""
    return (int(path.stem) if path.stem.isdigit() else 0, path.stem)


def _seen(images: Photographs, saliency: str, dtype: str) -> SeenSet:
    spec = replace(
        COSEGMENTATION, saliency=saliency, descriptor=replace(COSEGMENTATION.descriptor, dtype=dtype)
    )
    return see_set(images, spec, backbone=load_backbone(spec.descriptor.backbone), store=shared_store())


def _fit(parts: PartSegmentation, folder: Path, paths: Sequence[Path]) -> dict[str, float]:
    """Return how well parts fit the kinds of pixels of all photographs together."""
    truths = (imread(folder / "labels" / f"{path.stem}.png") for path in paths)
    both = zip(truths, parts.all_labels(), strict=True)
    return scores(sum(counts_of(truth, labels, parts.n_parts + 1) for truth, labels in both))


def _regression(parts: PartSegmentation, folder: Path, paths: Sequence[Path]) -> dict[str, float]:
    """Return the error of landmarks that are predicted from the centroids of parts."""
    centres = np.stack([centroids(labels, parts.n_parts) for labels in parts.all_labels()])
    return errors(centres, _landmarks(folder, paths))


def _landmarks(folder: Path, paths: Sequence[Path]) -> Landmarks:
    return Landmarks.of(folder, [path.name for path in paths])


class View(NamedTuple):
    """An image that was changed, as the network sees it, and how labels are changed alike."""

    kind: str
    index: int
    changed: Callable[[Array], Array]
    picture: SeenPicture


def _views(images: Photographs, seen: SeenSet) -> Iterator[View]:
    """Yield the mirror image and a cut-out of every second photograph."""
    for index in range(0, len(images), EVERY):
        image = images[index]
        for kind, changed in (("mirrored", mirrored), ("cut out", cut_out(image.shape, index // EVERY))):
            yield View(kind, index, changed, drain(seen.see_steps(changed(image), shared_store())))


def mirrored(image: Array) -> Array:
    """Return the mirror image."""
    return np.ascontiguousarray(image[:, ::-1])


def cut_out(shape: tuple[int, ...], random_state: int) -> Callable[[Array], Array]:
    """Return what takes the same part, somewhere, of any image of a shape."""
    rng = np.random.default_rng(random_state)
    sides = [int(KEPT * side) for side in shape[:2]]
    starts = [int(rng.integers(0, whole - side + 1)) for whole, side in zip(shape, sides, strict=False)]
    rows, columns = (slice(start, start + side) for start, side in zip(starts, sides, strict=True))
    return lambda image: image[rows, columns]


def _consistency(parts: PartSegmentation, views: Sequence[View]) -> dict[str, float]:
    """Return the mean share of the pixels, of any part before or after, that keep their part in views."""
    kept: dict[str, list[float]] = {}
    for view in views:
        before, after = view.changed(parts.labels(view.index)), parts.labels_of(view.picture)
        kept.setdefault(view.kind, []).append(agreement(before, after))
    return {kind: float(np.mean(shares)) for kind, shares in kept.items()}


def agreement(labels: Array, others: Array) -> float:
    """Return the share of the pixels, of those with a label in either, that have the same; 1 if none has."""
    either = (labels > 0) | (others > 0)
    return float(np.mean(labels[either] == others[either])) if either.any() else 1.0


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
    """Return the tables: how parts fit kinds of pixels, what landmarks they predict, which pixels stay."""
    images = ", ".join(dict.fromkeys(f"{row['images']} images of {row['set']}" for row in rows))
    written = [f"`{command}`, {images}, weights: {weights}."]
    if fitted := [row for row in rows if "nmi" in row]:
        heads = {
            "nmi": "NMI",
            "ari": "ARI",
            "face nmi": "face NMI",
            "face ari": "face ARI",
            "iou": "mean IoU",
        }
        written += ["### Kinds of pixels", _table(fitted, heads | {kind: kind for kind in KINDS}, ".3f")]
    if regressed := [row for row in rows if "five" in row]:
        heads = {"five": "5 landmarks", "all": "68 landmarks", "missing": "parts missing, %"}
        written += ["### Error of landmarks, % of the distance of the eyes", _table(regressed, heads, ".1f")]
    for name in dict.fromkeys(row["set"] for row in rows):
        if own := [row for row in rows if row["set"] == name and "views" in row]:
            heads = {kind: kind for kind in ("mirrored", "cut out")}
            written += [f"### Pixels that keep their part, {name}", _table(own, heads, ".3f")]
    return "\n\n".join(written)


def _table(rows: Sequence[Row], heads: dict[str, str], form: str) -> str:
    """Return a table of one row for each recipe and number of parts."""
    lines = [f"| recipe | parts | {' | '.join(heads.values())} |", "|---|" + "---|" * (len(heads) + 1)]
    for row in rows:
        cells = [row["recipe"], str(row["parts"]), *(format(row[name], form) for name in heads)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
