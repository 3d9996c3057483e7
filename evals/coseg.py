"""The object that photographs share, found without a label: how well its masks fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage.io import imread

from evals.datasets import Array, data_folder
from evals.pages import Row
from napari_vitrail import (
    COSEGMENTATION,
    Consensus,
    CosegmentationSpec,
    DenseCRF,
    GrabCut,
    SeenSet,
    Votes,
    cosegment_seen,
    load_backbone,
    see_set,
    shared_store,
)
from napari_vitrail.refinement import Refinement

Mask = NDArray[np.bool_]
Masks = Callable[["Group", SeenSet], Iterator[Mask]]
EVERY_WHICH = (0.05, 0.065, 0.08, 0.1)
"""Thresholds at which the published recipe and the baseline are tuned to these weights."""
COLOURS = DenseCRF(
    near_weight=3.0, colour_distance=30.0, colour_difference=13.0, colour_weight=5.0, n_iterations=5
)
"""A CRF that moves a border by a few pixels, for masks of objects."""


@dataclass(frozen=True)
class Group:
    """Photographs of one kind of object, read when they are asked for, and where it is.

    Attributes
    ----------
    name : str
    images, truths : list of Path
    """

    name: str
    images: list[Path]
    truths: list[Path]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Array:
        return imread(self.images[index])

    def truth(self, index: int) -> Mask:
        """Return where the object is in a photograph."""
        mask = imread(self.truths[index])
        return (mask if mask.ndim == 2 else mask[..., 0]) > 127


@dataclass(frozen=True)
class Recipe:
    """A way to find the masks of a group, seen with one kind of saliency."""

    saliency: str
    masks: Masks


def _thresholded(threshold: float) -> Masks:
    def masks(group: Group, seen: SeenSet) -> Iterator[Mask]:
        for picture in seen.pictures:
            yield picture.placed(picture.saliency, "bilinear") > threshold

    return masks


def _found(how: Consensus | Votes, refinement: Refinement | None = None) -> Masks:
    def masks(group: Group, seen: SeenSet) -> Iterator[Mask]:
        placed = COSEGMENTATION.descriptor.interpolation if isinstance(how, Consensus) else "nearest"
        own = replace(seen.spec, descriptor=replace(seen.spec.descriptor, interpolation=placed))
        found = cosegment_seen(replace(seen, spec=own), how)
        for index in range(len(group)):
            if refinement is None:
                yield found.mask(index)
            else:
                yield found.refined_mask(index, group[index], refinement)

    return masks


def _recipes() -> dict[str, Recipe]:
    found = {f"saliency > {value}": Recipe("scaled", _thresholded(value)) for value in EVERY_WHICH}
    for value in EVERY_WHICH:
        votes = Votes(saliency_threshold=value)
        found[f"Amir et al., {value}"] = Recipe("scaled", _found(votes))
        found[f"Amir et al., {value}, GrabCut"] = Recipe("scaled", _found(votes, GrabCut()))
    found["votes, density > 1"] = Recipe("density", _found(Votes(saliency_threshold=1.0)))
    found["votes, density > 1, k = 8"] = Recipe(
        "density", _found(Votes(saliency_threshold=1.0, n_clusters=8))
    )
    found["one clustering and the plane"] = Recipe("density", _found(Consensus(counts=(8,))))
    found["ours"] = Recipe("density", _found(Consensus()))
    found["ours, GrabCut"] = Recipe("density", _found(Consensus(), GrabCut()))
    found["ours, dense CRF"] = Recipe("density", _found(Consensus(), COLOURS))
    return found


RECIPES = _recipes()
"""By name; all see with the same weights, at the same size and stride, and differ in what follows."""


def _pascal() -> Iterator[Group]:
    folder = data_folder() / "pascal_coseg"
    for own in sorted((folder / "images").iterdir()):
        images = sorted(own.glob("*.jpg"))
        yield Group(own.name, images, [folder / "masks" / own.name / f"{path.stem}.png" for path in images])


def _single(name: str, kind: str) -> Iterator[Group]:
    folder = data_folder() / name
    images = sorted((folder / "images").glob(f"*.{kind}"))
    yield Group(name, images, [folder / "masks" / f"{path.stem}.png" for path in images])


SHARED: dict[str, Callable[[], Iterator[Group]]] = {
    "pascal_coseg": _pascal,
    "weizmann_horses": lambda: _single("weizmann_horses", "jpg"),
    "msrc_cow": lambda: _single("msrc_cow", "png"),
}


def coseg_rows(
    sets: Sequence[str], recipes: Sequence[str], groups: Sequence[str], part: slice, dtype: str
) -> Iterator[Row]:
    """Yield one row for each image and recipe.

    Parameters
    ----------
    sets : of `SHARED`
    recipes : of `RECIPES`
    groups : names of the groups of a set; all if there are none
    part : slice
        Which images of each group.
    dtype : str
        Of the network, see `napari_vitrail.FeatureSpec`.
    """
    for name in sets:
        for whole in SHARED[name]():
            if groups and whole.name not in groups:
                continue
            group = Group(whole.name, whole.images[part], whole.truths[part])
            seen = {
                rule: _seen(group, rule, dtype)
                for rule in dict.fromkeys(RECIPES[recipe].saliency for recipe in recipes)
            }
            for recipe in recipes:
                own = RECIPES[recipe]
                for index, mask in enumerate(own.masks(group, seen[own.saliency])):
                    yield {
                        "set": name, "group": group.name, "recipe": recipe,
                        "image": group.images[index].stem, **scores(mask, group.truth(index)),
                    }  # fmt: skip


def _seen(group: Group, saliency: str, dtype: str) -> SeenSet:
    descriptor = replace(COSEGMENTATION.descriptor, dtype=dtype)
    spec: CosegmentationSpec = replace(COSEGMENTATION, descriptor=descriptor, saliency=saliency)
    return see_set(group, spec, backbone=load_backbone(descriptor.backbone), store=shared_store())


def scores(mask: Mask, truth: Mask) -> dict[str, float]:
    """Return the Jaccard index of a mask, and its precision: the share of all pixels that are right."""
    union = np.count_nonzero(mask | truth)
    overlap = np.count_nonzero(mask & truth) / union if union else 1.0
    return {"jaccard": float(overlap), "precision": float(np.mean(mask == truth))}


def coseg_section(rows: Sequence[Row], command: str, weights: str) -> str:
    """Return the tables: means over images, then groups, then sets."""
    sets = list(dict.fromkeys(row["set"] for row in rows))
    parts = [f"`{command}`, weights: {weights}.", _table(rows, sets)]
    for name in sets:
        groups = list(dict.fromkeys(row["group"] for row in rows if row["set"] == name))
        if len(groups) > 1:
            own = [row for row in rows if row["set"] == name]
            parts += [f"### {name}, group by group, Jaccard", _group_table(own, groups)]
    return "\n\n".join(parts)


def _table(rows: Sequence[Row], sets: Sequence[str]) -> str:
    counts = {
        name: len({(row["group"], row["image"]) for row in rows if row["set"] == name}) for name in sets
    }
    heads = [f"{name} ({counts[name]})" for name in sets]
    lines = [
        f"| recipe | {' | '.join(heads)} | mean Jaccard | precision |",
        "|---|" + "---|" * (len(sets) + 2),
    ]
    for recipe in dict.fromkeys(row["recipe"] for row in rows):
        own = [row for row in rows if row["recipe"] == recipe]
        jaccard = [_mean(own, name, "jaccard") for name in sets]
        precision = [_mean(own, name, "precision") for name in sets]
        cells = [f"{mean:.3f}" for mean in [*jaccard, np.mean(jaccard), np.mean(precision)]]
        lines.append(f"| {recipe} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _mean(rows: Sequence[Row], name: str, score: str) -> float:
    """Return the mean over the groups of a set of their means over images."""
    groups: dict[str, list[float]] = {}
    for row in rows:
        if row["set"] == name:
            groups.setdefault(row["group"], []).append(row[score])
    return float(np.mean([np.mean(values) for values in groups.values()])) if groups else float("nan")


def _group_table(rows: Sequence[Row], groups: Sequence[str]) -> str:
    recipes = list(dict.fromkeys(row["recipe"] for row in rows))
    lines = [f"| group | {' | '.join(recipes)} |", "|---|" + "---|" * len(recipes)]
    for group in groups:
        means = []
        for recipe in recipes:
            own = [row["jaccard"] for row in rows if (row["group"], row["recipe"]) == (group, recipe)]
            means.append(f"{np.mean(own):.2f}" if own else "")
        lines.append(f"| {group} | {' | '.join(means)} |")
    return "\n".join(lines)
