"""Points carried from one picture to another of the same kind: how many arrive near the truth."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage.io import imread
from skimage.transform import resize

from evals.datasets import Array, data_folder
from evals.pages import Row
from napari_vitrail import (
    AMIR_MATCHING,
    MATCHING,
    ImagePair,
    MatchingSpec,
    SeenImage,
    load_backbone,
    see_image,
)

ALPHA = 0.1
"""A point has arrived if it is off by at most this share of a length."""


@dataclass(frozen=True)
class Marked:
    """A picture and the pixels (n, 2) of its keypoints, rows and columns."""

    name: str
    image: Array
    points: NDArray[np.float64]


@dataclass(frozen=True)
class Recipe:
    """A way of matching; `square` pictures are squeezed to a square first, as published.

    Attributes
    ----------
    spec : MatchingSpec
    square : bool
    """

    spec: MatchingSpec
    square: bool = False

    def see(self, marked: Marked) -> SeenImage:
        """Return a picture as this recipe sees it."""
        image = marked.image
        if self.square:
            side = self.spec.side
            image = np.rint(resize(image, (side, side), preserve_range=True, anti_aliasing=True)).astype(
                np.uint8
            )
        return see_image(image, self.spec, backbone=load_backbone(self.spec.descriptor.backbone))

    def transferred(self, source: Marked, target: Marked, pair: ImagePair) -> NDArray[np.float64]:
        """Return where the points of one picture arrive in the other, in pixels of the files."""
        stretch0, stretch1 = (
            np.array(seen.shape) / marked.image.shape[:2]
            for seen, marked in ((pair.seen0, source), (pair.seen1, target))
        )
        found = pair.transfer((source.points + 0.5) * stretch0 - 0.5)
        return (found.points1 + 0.5) / stretch1 - 0.5


def _plain(layer: int, facet: str, **options: object) -> MatchingSpec:
    """Return nearest neighbours of one kind of descriptor and nothing else."""
    chosen = {"layer": layer, "facet": facet} | options
    descriptor = replace(MATCHING.descriptor, **chosen)  # type: ignore[arg-type]
    return replace(MATCHING, descriptor=descriptor, bins=0, guide=None, fine=None)


def _amir(side: int) -> MatchingSpec:
    """Return the published recipe with our weights."""
    descriptor = replace(AMIR_MATCHING.descriptor, backbone=MATCHING.descriptor.backbone)
    return replace(AMIR_MATCHING, descriptor=descriptor, side=side)


def _recipes() -> dict[str, Recipe]:
    grid = {"sampling": "strided", "stride": 14}
    found = {
        f"patch grid, {facet} {layer}": Recipe(_plain(layer, facet, **grid))
        for layer, facet in [(9, "key"), (9, "token"), (10, "key"), (11, "key"), (11, "token_norm")]
    }
    binned = replace(_plain(10, "key", **grid), bins=2)
    found["patch grid, key 10, binned"] = Recipe(binned)
    found |= {
        f"dense, {facet} {layer}": Recipe(_plain(layer, facet))
        for layer, facet in [(10, "key"), (10, "token"), (11, "key")]
    }
    found |= {
        f"buddies vote, {facet} {layer}": Recipe(replace(_plain(layer, facet), guide=MATCHING.guide))
        for layer, facet in [(10, "key"), (10, "token"), (11, "key")]
    }
    found["ours"] = Recipe(MATCHING)
    found["Amir et al., 224 x 224"] = Recipe(_amir(224), square=True)
    found["Amir et al., 518"] = Recipe(_amir(518))
    return found


RECIPES = _recipes()
"""By name; the default is the winner."""


def _willow() -> Iterator[tuple[str, Marked, Marked]]:
    folder = data_folder() / "willow_keypoints"
    truth = json.loads((folder / "keypoints.json").read_text())
    known = {
        name: _marked(name, next((folder / "images").glob(f"{name}.*")), own) for name, own in truth.items()
    }
    for pair in json.loads((folder / "pairs.json").read_text()):
        yield pair["class"], known[pair["source"]], known[pair["target"]]


def _neighbours(name: str) -> Iterator[tuple[str, Marked, Marked]]:
    """Yield pairs of pictures that follow each other in a folder, each picture once."""
    folder = data_folder() / name
    truth = json.loads((folder / "keypoints.json").read_text())
    files = truth.get("images", truth)
    marked = [_marked(file, folder / "images" / file, own) for file, own in sorted(files.items())]
    for source, target in zip(marked[::2], marked[1::2], strict=False):
        yield name, source, target


def _marked(name: str, path: Path, own: dict[str, list[list[float]]]) -> Marked:
    image = imread(path)
    points = np.array(own["keypoints"], float)[:, ::-1]
    return Marked(name, image[..., :3] if image.ndim == 3 else image, points)


KEYPOINTS: dict[str, Callable[[], Iterator[tuple[str, Marked, Marked]]]] = {
    "willow_keypoints": _willow,
    "faces68": lambda: _neighbours("faces68"),
    "dlc_openfield": lambda: _neighbours("dlc_openfield"),
}


def keypoint_rows(sets: Sequence[str], recipes: Sequence[str], part: slice) -> Iterator[Row]:
    """Yield one row for each pair of pictures and recipe.

    Parameters
    ----------
    sets : of `KEYPOINTS`
    recipes : of `RECIPES`
    part : slice
        Which pairs of each class.
    """
    for name in sets:
        classes = defaultdict(list)
        for kind, source, target in KEYPOINTS[name]():
            classes[kind].append((source, target))
        for kind, pairs in classes.items():
            for recipe in recipes:
                yield from _class_rows(name, kind, pairs[part], recipe)


def _class_rows(name: str, kind: str, pairs: Sequence[tuple[Marked, Marked]], recipe: str) -> Iterator[Row]:
    """Yield the rows of one class; every picture is seen once."""
    seen: dict[str, SeenImage] = {}
    for source, target in pairs:
        for marked in (source, target):
            if marked.name not in seen:
                seen[marked.name] = RECIPES[recipe].see(marked)
        pair = ImagePair(seen[source.name], seen[target.name])
        found = RECIPES[recipe].transferred(source, target, pair)
        yield {
            "set": name, "class": kind, "recipe": recipe, "source": source.name, "target": target.name,
            **scores(found, target),
        }  # fmt: skip


def scores(found: NDArray[np.float64], target: Marked) -> dict[str, float]:
    """Return the shares of points that are off by 0.1 of the longer side, half that, or 0.1 of their box."""
    missed = np.linalg.norm(found - target.points, axis=1)
    side, box = max(target.image.shape[:2]), np.ptp(target.points, axis=0).max()
    return {
        "image": float(np.mean(missed <= ALPHA * side)),
        "half": float(np.mean(missed <= ALPHA / 2 * side)),
        "box": float(np.mean(missed <= ALPHA * box)),
    }


def keypoints_section(rows: Sequence[Row], command: str, weights: str) -> str:
    """Return the tables: a line for each recipe, a column for each class; means over pairs, then classes."""
    parts = [f"`{command}`, weights: {weights}."]
    for name in dict.fromkeys(row["set"] for row in rows):
        own = [row for row in rows if row["set"] == name]
        counts = {kind: len({(row["source"], row["target"]) for row in own if row["class"] == kind})
                  for kind in dict.fromkeys(row["class"] for row in own)}  # fmt: skip
        total = f"{sum(counts.values())} pairs"
        parts += [f"### {name}, {total}", _table(own, list(counts))]
    return "\n\n".join(parts)


def _table(rows: Sequence[Row], classes: Sequence[str]) -> str:
    heads = [*(classes if len(classes) > 1 else []), "image side", "half of it", "keypoints' box"]
    lines = [f"| recipe | {' | '.join(heads)} |", "|---|" + "---|" * len(heads)]
    for recipe in dict.fromkeys(row["recipe"] for row in rows):
        own = [row for row in rows if row["recipe"] == recipe]
        means = {score: [_mean(own, kind, score) for kind in classes] for score in ("image", "half", "box")}
        cells = [f"{mean:.1f}" for mean in means["image"]] if len(classes) > 1 else []
        cells += [f"{np.mean(means[score]):.1f}" for score in means]
        lines.append(f"| {recipe} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _mean(rows: Sequence[Row], kind: str, score: str) -> float:
    values = [row[score] for row in rows if row["class"] == kind]
    return 100 * float(np.mean(values)) if values else float("nan")
