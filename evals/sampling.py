"""Dense queries beside the strided passes of both papers: the same image, strokes, stride and classifiers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from evals.pages import Row
from evals.scores import interval, interval_of_sets
from evals.scribbles import Recipe, dense_rows
from napari_vitrail import FeatureSpec

SAMPLINGS = ("queries", "strided")
FRACTION = 0.01
"""Of the pixels that are painted."""
RECIPES = [Recipe("vit", None), Recipe("auto", None)]


def sampling_rows(
    names: Sequence[str], seeds: Sequence[int], spec: FeatureSpec, part: slice
) -> Iterator[Row]:
    """Yield one row for each image, seed, recipe and sampling; position is cured in neither."""
    for name in names:
        for sampling in SAMPLINGS:
            own = replace(spec, sampling=sampling, position_cure="none")
            for row in dense_rows([name], [FRACTION], seeds, own, RECIPES, part):
                yield row | {"sampling": sampling, "stride": spec.stride}


def sampling_section(rows: Sequence[Row], command: str, weights: str) -> str:
    """Return the tables: both samplings, and what queries gain with the interval of that difference."""
    parts = [f"`{command}`, weights: {weights}."]
    for stride in sorted({row["stride"] for row in rows}):
        for recipe in map(str, RECIPES):
            own = [row for row in rows if (row["recipe"], row["stride"]) == (recipe, stride)]
            if own:
                parts += [f"### Stride {stride}, {recipe}", _table(own)]
    return "\n\n".join(parts)


def _table(rows: Sequence[Row]) -> str:
    lines = ["| set | images | queries | strided | queries - strided |", "|---|---|---|---|---|"]
    gains = []
    for name in dict.fromkeys(row["set"] for row in rows):
        scores = [_scores(rows, name, sampling) for sampling in SAMPLINGS]
        images = scores[0].keys() & scores[1].keys()
        queried, strided = ([own[image] for image in sorted(images)] for own in scores)
        gain = [np.subtract(*pair).tolist() for pair in zip(queried, strided, strict=True)]
        gains.append(gain)
        lines.append(f"| {name} | {len(images)} | {_mean(queried)} | {_mean(strided)} | {_mean(gain, '+')} |")
    mean = np.mean([np.mean([np.mean(image) for image in gain]) for gain in gains])
    low, high = interval_of_sets(gains)
    return "\n".join([*lines, f"| mean of sets | | | | {mean:+.3f} ({low:+.3f} to {high:+.3f}) |"])


def _scores(rows: Sequence[Row], name: str, sampling: str) -> dict[str, list[float]]:
    """Return for every image of a set the IoU of each seed."""
    images: dict[str, list[float]] = {}
    for row in rows:
        if (row["set"], row["sampling"]) == (name, sampling):
            images.setdefault(row["image"], []).append(row["iou"])
    return images


def _mean(images: Sequence[Sequence[float]], sign: str = "") -> str:
    mean = f"{np.mean([np.mean(seeds) for seeds in images]):{sign}.3f}"
    if sum(map(len, images)) == 1:
        return mean
    low, high = interval(images)
    return f"{mean} ({low:{sign}.3f} to {high:{sign}.3f})"
