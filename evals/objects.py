"""Objects of single photographs, found without a label: how well foreground and boxes fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from skimage.filters import threshold_otsu
from skimage.measure import label, regionprops

from evals.datasets import Array
from evals.discovery import Found, lost, token_cut
from evals.pages import Row
from evals.scenes import SCENES, Boxes, Mask, foreground_iou, is_localised
from evals.scores import interval
from napari_vitrail import (
    DOCHERTY_OBJECTS,
    OBJECTS,
    DenseClusters,
    DenseCRF,
    FeatureGrid,
    FeatureSpec,
    FoundObjects,
    GrabCut,
    Grid,
    ObjectProposals,
    extract_features,
    find_objects_seen,
    find_objects_steps,
    load_backbone,
    shared_store,
)
from napari_vitrail.features import attention_density
from napari_vitrail.refinement import Refinement

SIDE = OBJECTS.side
"""Pixels on the longer side, to which every recipe has images brought."""
TOKENS = FeatureSpec(features="vit", stride=14, tile=1024, attention=True)
SMALLEST = 200
"""Pixels that a box must be made of."""
TUNED = (0.1, 0.2, 0.3)
"""Thresholds at which TokenCut is tuned to these weights; 0.2 is the published one."""


@dataclass(frozen=True)
class Answer:
    """What a recipe says of an image: where the foreground is, and boxes, that of the main object first."""

    mask: Mask
    boxes: Boxes


@dataclass(frozen=True)
class Patches:
    """An image on the patch grid: tokens (h, w, D) and attention density (h, w), both on a grid."""

    shape: tuple[int, int]
    grid: Grid
    tokens: NDArray[np.floating]
    density: NDArray[np.floating]

    def placed(self, values: NDArray[np.generic], interpolation: str = "bilinear") -> NDArray[np.float32]:
        """Return values (h, w) of the cells on the pixels."""
        cells = FeatureGrid(values[..., None].astype(np.float32), self.grid)
        return cells.on(Grid.of_pixels(self.shape), interpolation=interpolation).values[..., 0]


class Photograph:
    """An image, and what the network makes of it: once for all recipes."""

    def __init__(self, image: Array, dtype: str = "auto", stride: int = OBJECTS.descriptor.stride) -> None:
        self.image = image
        self.dtype = dtype
        self.stride = stride

    @cached_property
    def tokens(self) -> Patches:
        """The last block's tokens."""
        return self._patches("token_norm")

    @cached_property
    def keys(self) -> Patches:
        """The last block's keys."""
        return self._patches("key")

    def _patches(self, facet: str) -> Patches:
        side = max(self.image.shape[:2])
        spec = replace(TOKENS, facet=facet, magnification=SIDE / side, dtype=self.dtype)
        backbone = load_backbone(spec.backbone)
        features = extract_features(self.image, spec, backbone=backbone, store=shared_store())
        parts = {name: features.values[..., part] for name, part in features.channels.items()}
        shape = (self.image.shape[0], self.image.shape[1])
        return Patches(shape, features.grid, parts["vit"], attention_density(parts["attention"]))

    @cached_property
    def found(self) -> tuple[FoundObjects, FoundObjects]:
        """What the library finds on the patch grid, and then at the stride."""
        own = replace(OBJECTS.descriptor, dtype=self.dtype, stride=self.stride)
        spec = replace(OBJECTS, descriptor=own)
        backbone = load_backbone(spec.descriptor.backbone)
        steps = find_objects_steps(self.image, spec, backbone=backbone, store=shared_store())
        coarse = None
        while True:
            try:
                coarse = next(steps).so_far or coarse
            except StopIteration as stop:
                return coarse or stop.value, stop.value


Recipe = Callable[[Photograph], Answer]


def _salient(threshold: float | None) -> Recipe:
    """Return the recipe that thresholds the attention, by Otsu's method where no threshold is given."""

    def answer(photograph: Photograph) -> Answer:
        looked = photograph.tokens.placed(photograph.tokens.density)
        mask = looked > (threshold_otsu(looked) if threshold is None else threshold)
        return Answer(mask, boxes_of(mask))

    return answer


def _discovered(how: Callable[[NDArray[np.floating]], Found], facet: str) -> Recipe:
    """Return the recipe of a method on the patch grid: the seed's component, and its box first."""

    def answer(photograph: Photograph) -> Answer:
        patches: Patches = getattr(photograph, facet)
        found = how(patches.tokens)
        main = patches.placed(found.main, "nearest") > 0.5
        others = patches.placed(found.partition & ~found.main, "nearest") > 0.5
        return Answer(main, np.concatenate([boxes_of(main), boxes_of(others)]))

    return answer


def _published(how: DenseClusters, refinement: Refinement | None = None) -> Recipe:
    """Return the recipe of Docherty et al., by the descriptors that ours has."""
    spec = replace(DOCHERTY_OBJECTS, how=how)

    def answer(photograph: Photograph) -> Answer:
        found = find_objects_seen(photograph.found[1].seen, spec)
        return _answer(found.cut() if refinement is None else found.refined(photograph.image, refinement))

    return answer


def _ours(fine: bool, refinement: Refinement | None = None) -> Recipe:
    def answer(photograph: Photograph) -> Answer:
        found = photograph.found[fine]
        return _answer(found.cut() if refinement is None else found.refined(photograph.image, refinement))

    return answer


def _answer(proposals: ObjectProposals) -> Answer:
    return Answer(proposals.mask, proposals.boxes.corners)


def boxes_of(mask: Mask) -> Boxes:
    """Return the half-open boxes (n, 4) of the 8-connected components of a mask, the largest first."""
    regions = [region for region in regionprops(label(mask, connectivity=2)) if region.area > SMALLEST]
    regions.sort(key=lambda region: -region.area)
    return np.array([region.bbox for region in regions], np.intp).reshape(-1, 4)


def _recipes() -> dict[str, Recipe]:
    found: dict[str, Recipe] = {"attention, Otsu": _salient(None)}
    found |= {f"attention density > {value}": _salient(value) for value in (1.0, 1.2)}
    found |= {"LOST, keys": _discovered(lost, "keys"), "TokenCut 0.2, keys": _discovered(token_cut, "keys")}
    found["LOST"] = _discovered(lost, "tokens")
    for value in TUNED:
        found[f"TokenCut {value}"] = _discovered(partial(token_cut, threshold=value), "tokens")
    found["Algorithm 2"] = _published(DenseClusters())
    found["Algorithm 2, 40 clusters"] = _published(DenseClusters(n_clusters=40))
    found["Algorithm 2, dense CRF"] = _published(DenseClusters(), DenseCRF())
    found["ours, patch grid"] = _ours(fine=False)
    found["ours"] = _ours(fine=True)
    found["ours, GrabCut"] = _ours(fine=True, refinement=GrabCut())
    return found


RECIPES = _recipes()
"""By name; all see with the same weights and at the same size."""


def objects_rows(
    sets: Sequence[str], recipes: Sequence[str], part: slice, dtype: str, stride: int
) -> Iterator[Row]:
    """Yield one row for each image and recipe.

    Parameters
    ----------
    sets : of `evals.scenes.SCENES`
    recipes : of `RECIPES`
    part : slice
        Which images of each set.
    dtype : str
        Of the network, see `napari_vitrail.FeatureSpec`.
    stride : int, pixels
        Of the descriptors of ours and of Algorithm 2; other recipes are on the patch grid.
    """
    for name in sets:
        for scene in islice(SCENES[name](), part.start, part.stop, part.step):
            photograph, truth = Photograph(scene.image(), dtype, stride), scene.truth()
            for recipe in recipes:
                answer = RECIPES[recipe](photograph)
                row: Row = {"set": name, "image": scene.path.stem, "recipe": recipe}
                if truth is not None:
                    row["iou"] = round(foreground_iou(answer.mask, truth), 4)
                if scene.boxes is not None:
                    row["single"] = is_localised(answer.boxes[:1], scene.boxes)
                    row["multi"] = is_localised(answer.boxes, scene.boxes)
                    row["boxes"] = len(answer.boxes)
                yield row


COLUMNS = {
    "iou": "foreground IoU",
    "single": "CorLoc, first box",
    "multi": "CorLoc, any box",
    "boxes": "boxes",
}


def objects_section(rows: Sequence[Row], command: str, weights: str) -> str:
    """Return the table: one line per recipe, means over the images of each set."""
    sets = list(dict.fromkeys(row["set"] for row in rows))
    columns = [(score, name) for score in COLUMNS for name in sets if _values(rows, name, score)]
    counts = {name: len({row["image"] for row in rows if row["set"] == name}) for name in sets}
    heads = [f"{COLUMNS[score]}, {name} ({counts[name]})" for score, name in columns]
    lines = [f"| recipe | {' | '.join(heads)} |", "|---|" + "---|" * len(heads)]
    for recipe in dict.fromkeys(row["recipe"] for row in rows):
        own = [row for row in rows if row["recipe"] == recipe]
        cells = [_cell(_values(own, name, score), score) for score, name in columns]
        lines.append(f"| {recipe} | {' | '.join(cells)} |")
    return f"`{command}`, weights: {weights}.\n\n" + "\n".join(lines)


def _values(rows: Sequence[Row], name: str, score: str) -> list[float]:
    return [float(row[score]) for row in rows if row["set"] == name and score in row]


def _cell(values: Sequence[float], score: str) -> str:
    if not values:
        return ""
    if score == "boxes":
        return f"{np.mean(values):.1f}"
    low, high = interval([[value] for value in values])
    return f"{np.mean(values):.3f} ({low:.2f}-{high:.2f})"
