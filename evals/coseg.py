"""The object that photographs share, found without a label: how well its masks fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from evals.attended import MEASURES
from evals.cosegmenters import COSEGMENTERS, TABLES, Recipe
from evals.groups import SHARED, UNTOUCHED, Group, Mask
from evals.pages import Row
from napari_vitrail import SeenSet, load_backbone, see_set, shared_store

TITLES = {
    "recipes": "Masks of the object",
    "refined": "Refined by colours",
    "stages": "Ours, stage by stage",
    "saliency": "What the network looks at",
    "published": "As published: 320 pixels, overlapping patches every 4 pixels",
}
IN_FULL = (
    "saliency > 0.065",
    "saliency density > 1",
    "Amir et al., 0.05",
    "Amir et al., 0.05, GrabCut",
    "ours",
    "ours, GrabCut",
    "ours, dense CRF",
)
"""Recipes that are shown group by group."""


def coseg_rows(
    sets: Sequence[str], recipes: Sequence[str], groups: Sequence[str], part: slice, dtype: str
) -> Iterator[Row]:
    """Yield one row for each image and recipe.

    Parameters
    ----------
    sets : of `SHARED`
    recipes : of `COSEGMENTERS`
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
            group = whole.part(part)
            views = Views(group, dtype)
            for recipe in recipes:
                for index, mask in enumerate(views.masks(COSEGMENTERS[recipe])):
                    yield {
                        "set": name, "group": group.name, "recipe": recipe,
                        "image": group.images[index].stem, **scores(mask, group.truth(index)),
                    }  # fmt: skip


class Views:
    """A group as it is seen in the ways that recipes ask for, each time once."""

    def __init__(self, group: Group, dtype: str) -> None:
        self._group = group
        self._dtype = dtype
        self._seen: dict[Recipe, SeenSet] = {}

    def masks(self, recipe: Recipe) -> Iterator[Mask]:
        """Return the masks of a recipe."""
        return recipe.masks(self._group, self._view(recipe))

    def _view(self, recipe: Recipe) -> SeenSet:
        own = replace(recipe, masks=COSEGMENTERS["ours"].masks)  # what is seen does not depend on it
        if own not in self._seen:
            descriptor = replace(own.spec.descriptor, dtype=self._dtype)
            seen = see_set(
                self._group,
                replace(own.spec, descriptor=descriptor),
                backbone=load_backbone(descriptor.backbone),
                store=shared_store(),
            )
            self._seen[own] = MEASURES[own.measure](self._group, seen)
        return self._seen[own]


def scores(mask: Mask, truth: Mask) -> dict[str, float]:
    """Return the Jaccard index of a mask, and its precision: the share of all pixels that are right."""
    union = np.count_nonzero(mask | truth)
    overlap = np.count_nonzero(mask & truth) / union if union else 1.0
    return {"jaccard": float(overlap), "precision": float(np.mean(mask == truth))}


# ---- the page ------------------------------------------------------------------------------------


def coseg_section(rows: Sequence[Row], command: str, weights: str) -> str:
    """Return the tables: means over images, then groups, then sets."""
    parts = [f"`{command}`, weights: {weights}."]
    for name, recipes in TABLES.items():
        if own := [row for row in rows if row["recipe"] in recipes]:
            parts += [f"### {TITLES[name]}", _table(own)]
    for name in dict.fromkeys(row["set"] for row in rows):
        own = [row for row in rows if row["set"] == name and row["recipe"] in IN_FULL]
        if len({row["group"] for row in own}) > 1:
            parts += [f"### {name}, group by group, Jaccard (precision)", _group_table(own)]
    return "\n\n".join(parts)


def _table(rows: Sequence[Row]) -> str:
    sets = list(dict.fromkeys(row["set"] for row in rows))
    heads = [f"{name} ({len({(row['group'], row['image']) for row in _of(rows, name)})})" for name in sets]
    apart = [row for row in rows if row["group"] in UNTOUCHED]
    heads += ["mean Jaccard", "precision", *(["untouched groups"] if apart else [])]
    lines = [f"| recipe | {' | '.join(heads)} |", "|---|" + "---|" * len(heads)]
    for recipe in dict.fromkeys(row["recipe"] for row in rows):
        own = [row for row in rows if row["recipe"] == recipe]
        jaccard = [_mean(_of(own, name), "jaccard") for name in sets]
        precision = [_mean(_of(own, name), "precision") for name in sets]
        means = [*jaccard, np.mean(jaccard), np.mean(precision)]
        if apart:
            means.append(_mean([row for row in apart if row["recipe"] == recipe], "jaccard"))
        lines.append(f"| {recipe} | {' | '.join(f'{mean:.3f}' for mean in means)} |")
    return "\n".join(lines)


def _of(rows: Sequence[Row], name: str) -> list[Row]:
    return [row for row in rows if row["set"] == name]


def _mean(rows: Sequence[Row], score: str) -> float:
    """Return the mean over groups of their means over images."""
    groups: dict[str, list[float]] = {}
    for row in rows:
        groups.setdefault(row["group"], []).append(row[score])
    return float(np.mean([np.mean(values) for values in groups.values()])) if groups else float("nan")


def _group_table(rows: Sequence[Row]) -> str:
    recipes = list(dict.fromkeys(row["recipe"] for row in rows))
    lines = [f"| group | {' | '.join(recipes)} |", "|---|" + "---|" * len(recipes)]
    for group in dict.fromkeys(row["group"] for row in rows):
        cells = []
        for recipe in recipes:
            own = [row for row in rows if (row["group"], row["recipe"]) == (group, recipe)]
            cells.append(f"{_mean(own, 'jaccard'):.2f} ({_mean(own, 'precision'):.2f})" if own else "")
        lines.append(f"| {group} | {' | '.join(cells)} |")
    return "\n".join(lines)
