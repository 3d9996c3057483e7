"""How much features say of where a pixel is, what that costs, and what the cures do about it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from evals.datasets import DENSE, Case
from evals.pages import Row
from evals.scores import mean_iou
from evals.scribbles import ALL_TILES, Recipe, fit, predict_at, scored_pixels
from evals.strokes import draw_strokes
from napari_vitrail import FeatureSpec, load_backbone
from napari_vitrail.backbones import Backbone
from napari_vitrail.features import PixelFeatures, Projection, vit_features_steps
from napari_vitrail.features._position import N_DIRECTIONS, blank_image, leading_directions, without
from napari_vitrail.grey_values import stretched, to_grey, to_rgb
from napari_vitrail.grid import FeatureGrid
from napari_vitrail.image import IntensityRange
from napari_vitrail.progress import drain
from napari_vitrail.recent import Recent
from napari_vitrail.strokes import Painted, drawn, painted
from napari_vitrail.tiling import overlapping

Axes = tuple[int, ...]
"""Along which an image is mirrored."""

ORIENTATIONS: tuple[Axes, ...] = ((), (1,), (0,), (0, 1))
FLIPS: dict[str, dict[Axes, float]] = {
    "none": {(): 1.0},
    "turn": {(): 1 / 2, (0, 1): 1 / 2},
    "paper": {(): 1 / 2, (1,): 1 / 4, (0,): 1 / 4},
    "group": dict.fromkeys(ORIENTATIONS, 1 / 4),
}
"""Copies and their weights, as the product has them."""

FRACTION = 0.01
"""Of the pixels that are painted."""
SIDES = {"left/right": (1, 1), "right/left": (1, -1), "top/bottom": (0, 1), "bottom/top": (0, -1)}
"""Where the two largest classes are painted: axis, and whether the lower class has its start."""
ONE_SIDED = ("nasa_sem", "isbi2012_em")
"""Sets that look the same everywhere, so that nothing but the strokes is one-sided."""
SMALLEST_SHARE = 0.01
"""Of an image that a class must cover in its third; without it there is nothing to paint."""

PROBE = "probe"
"""Stands for the probe among the sets."""
PROBED = ("nasa_sem", "isbi2012_em")
PROBE_SIDE = 512
"""Larger images are cut to their middle, so that all are of one size and seen in one tile."""
PROBE_PIXELS = 400
PROBE_FOLDS = 4
SHRINKAGE = 0.1
"""Penalty of the probe for each row, on standardised features."""


@dataclass(frozen=True)
class Cure:
    """One way to make features say less of where they are.

    Attributes
    ----------
    name : str
    flips : {"none", "turn", "paper", "group"}
    blank : {"none", "noise", "grey", "subtracted"}
        Remove directions of a blank image with noise, which is the product's, or of a constant one; or
        subtract the map of the blank image place by place.
    n_directions : int
    trained : {"none", "turn", "group"}
        Train on the strokes of these copies, and predict from the image alone.
    """

    name: str
    flips: str = "none"
    blank: str = "none"
    n_directions: int = N_DIRECTIONS
    trained: str = "none"


NONE, BLANK = Cure("none"), Cure("blank", blank="noise")
TURN, GROUP = Cure("flips turn", "turn"), Cure("flips group", "group")
TURN_BLANK = Cure("turn + blank", "turn", "noise")
EIGHT, GREY = Cure("blank, 8", blank="noise", n_directions=8), Cure("constant grey, 4", blank="grey")
TURNED = Cure("trained on half a turn", trained="turn")
ALL_CURES = (
    *(NONE, BLANK, TURN, GROUP, Cure("flips paper", "paper")),
    *(TURN_BLANK, Cure("group + blank", "group", "noise")),
    *(Cure(f"blank, {n}", blank="noise", n_directions=n) for n in (1, 2)),
    *(EIGHT, *(Cure(f"blank, {n}", blank="noise", n_directions=n) for n in (16, 32))),
    *(Cure(f"constant grey, {n}", blank="grey", n_directions=n) for n in (1, 2)),
    *(GREY, *(Cure(f"constant grey, {n}", blank="grey", n_directions=n) for n in (8, 16))),
    Cure("blank map subtracted", blank="subtracted"),
)
TRAINED = (TURNED, Cure("trained on the group", trained="group"))
"""Cures of the classifier, not of the features: a probe has nothing to say of them."""
CURES = {
    "classical": (NONE,),
    "vit": (*ALL_CURES, *TRAINED),
    "hybrid": (NONE, BLANK, TURN, GROUP, *TRAINED),
    "auto": (NONE, BLANK, TURN, GROUP, TURN_BLANK, EIGHT, GREY, *TRAINED),
}
"""What each kind of features is tried with: the linear model is quick, the others are not."""

Views = dict[Axes, FeatureGrid]
"""ViT features of an image in each orientation, each in the frame of its own copy."""


def mirrored(positions: NDArray[np.intp], shape: tuple[int, int], axes: Axes) -> NDArray[np.intp]:
    """Return where pixels (n, 2) of an image are in its copy that is mirrored along `axes`."""
    moved = positions.copy()
    for axis in axes:
        moved[:, axis] = shape[axis] - 1 - moved[:, axis]
    return moved


def views(rgb: NDArray[np.float32], spec: FeatureSpec, backbone: Backbone) -> Views:
    """Return the ViT features of an image (H, W, 3) in all its orientations."""
    copies = {axes: np.ascontiguousarray(np.flip(rgb, axes)) for axes in ORIENTATIONS}
    return {axes: drain(vit_features_steps(copy, spec, backbone)) for axes, copy in copies.items()}


@cache
def _blank_rows(
    backbone: Backbone, spec: FeatureSpec, sides: tuple[int, int], blank: str
) -> NDArray[np.float32]:
    """Return the tokens (n, D) of a blank image."""
    image = blank_image(sides) if blank == "noise" else np.full((*sides, 3), 0.5, np.float32)
    size = backbone.info.patch_size
    tokens = backbone.tokens(
        image, layer=spec.layer, facet=spec.facet, stride=size, attention=False, dtype="float32"
    )
    return tokens.patches.reshape(-1, backbone.info.width)


@cache
def _blank_map(backbone: Backbone, spec: FeatureSpec, shape: tuple[int, int]) -> NDArray[np.floating]:
    return drain(vit_features_steps(blank_image(shape), spec, backbone)).values


def _input_sides(shape: tuple[int, int], spec: FeatureSpec, size: int) -> tuple[int, int]:
    """Return the size of the ViT's input: tiles of an image are all of one size."""
    windows = [overlapping(side, spec.tile // size * size, spec.halo)[0] for side in shape]
    rows, columns = (-(-(window.stop - window.start) // size) * size for window in windows)
    return rows, columns


def cured_views(
    known: Views, shape: tuple[int, int], cure: Cure, spec: FeatureSpec, backbone: Backbone
) -> Views:
    """Return views with the blank image's share removed; projecting tiles or their blend is the same."""
    if cure.blank == "none":
        return known
    if cure.blank == "subtracted":
        nothing = _blank_map(backbone, spec, shape)
        return {axes: replace(view, values=view.values - nothing) for axes, view in known.items()}
    sides = _input_sides(shape, spec, backbone.info.patch_size)
    directions = leading_directions(_blank_rows(backbone, spec, sides, cure.blank), cure.n_directions)
    return {axes: replace(view, values=without(directions, view.values)) for axes, view in known.items()}


def averaged_at(
    known: Views, flips: str, positions: NDArray[np.intp], shape: tuple[int, int], seen: Axes = ()
) -> NDArray[np.float32]:
    """Return the features (n, D) at pixels of the copy mirrored along `seen`, averaged over its flips."""
    total = np.float32(0)
    for axes, weight in FLIPS[flips].items():
        both = tuple(sorted(set(seen) ^ set(axes)))
        total = total + np.float32(weight) * known[both].at(mirrored(positions, shape, axes))
    return np.asarray(total, np.float32)


@dataclass(frozen=True)
class Averaged(PixelFeatures):
    """Features that are averaged over flipped copies where they are read.

    The product averages maps on all pixels; at whole pixels that is the same, and here the copies serve
    several averages.
    """

    views: Views | None = None
    flips: str = "none"

    def vit_at(self, positions: NDArray[np.intp]) -> NDArray[np.float32] | None:
        """Return the ViT features (n, D) at row/column pixels (n, 2)."""
        if self.vit is None or self.views is None:
            return None
        return averaged_at(self.views, self.flips, positions, self.shape)

    def projected(self, projection: Projection | None) -> Averaged:
        """Return these features with those of the ViT mapped, or left out; means commute with maps."""
        if projection is None or self.views is None:
            return replace(self, vit=None)
        mapped = {axes: projection.of_grid(self.views[axes]) for axes in FLIPS[self.flips]}
        return replace(self, views=mapped)


@dataclass(frozen=True)
class Repeated(Averaged):
    """Features for training on several copies: each of their equal parts of positions is read in one."""

    def vit_at(self, positions: NDArray[np.intp]) -> NDArray[np.float32] | None:
        """Return the ViT features (n, D) at row/column pixels (n, 2) that are repeated for every copy."""
        if self.vit is None or self.views is None:
            return None
        parts = zip(FLIPS[self.flips], np.split(positions, len(FLIPS[self.flips])), strict=True)
        return np.concatenate([self.views[axes].at(mirrored(part, self.shape, axes)) for axes, part in parts])


def repeated(strokes: Painted, count: int) -> Painted:
    """Return painted pixels several times over; copies of a stroke are one stroke, held out together."""
    return Painted(
        np.tile(strokes.positions, (count, 1)), np.tile(strokes.ids, count), np.tile(strokes.strokes, count)
    )


@dataclass(frozen=True)
class Studied:
    """One image and all that the cures are applied to."""

    case: Case
    grey: NDArray[np.uint8]
    classical: Recent[NDArray[np.float32]]
    views: Views
    spec: FeatureSpec
    backbone: Backbone

    @classmethod
    def of(cls, case: Case, spec: FeatureSpec) -> Studied:
        """Return an image with its features in all orientations, none of them cured."""
        spec = replace(spec, flips="none", position_cure="none")
        backbone = load_backbone(spec.backbone)
        scaled = IntensityRange.of([case.image], spec.intensity).scale(case.image)
        grey = to_grey(scaled)
        return cls(
            case,
            grey,
            Recent(ALL_TILES),
            views(to_rgb(stretched(scaled)), spec, backbone),
            spec,
            backbone,
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (H, W) of the image."""
        return self.grey.shape[0], self.grey.shape[1]

    def cured(self, cure: Cure) -> Averaged:
        """Return the image's features with one cure."""
        known = cured_views(self.views, self.shape, cure, self.spec, self.backbone)
        return Averaged(self.spec, self.grey, known[()], self.classical, views=known, flips=cure.flips)

    def for_training(self, cure: Cure) -> Averaged:
        """Return the features that a classifier is trained on, for strokes that are `repeated`."""
        features = self.cured(cure)
        if cure.trained == "none":
            return features
        parts = (features.spec, features.grey, features.vit, features.classical)
        return Repeated(*parts, views=features.views, flips=cure.trained)


# ---------------------------------------------------------------- strokes


def one_sided(truth: NDArray[np.intp], side: str) -> NDArray[np.intp] | None:
    """Return the truth with its two largest classes in opposite thirds only, 0 where they are not.

    Parameters
    ----------
    truth : (H, W) int array
    side : str
        One of `SIDES`.

    Returns
    -------
    restricted : (H, W) int array or None
        None where a class covers less than `SMALLEST_SHARE` of the image in its third.
    """
    axis, direction = SIDES[side]
    ids, areas = np.unique(truth[truth > 0], return_counts=True)
    first, last = sorted(ids[np.argsort(areas)[-2:]])[::direction]
    place = np.indices(truth.shape)[axis] / truth.shape[axis]
    restricted = np.where((truth == first) & (place >= 1 / 3) | (truth == last) & (place < 2 / 3), 0, truth)
    if min((restricted == first).mean(), (restricted == last).mean()) < SMALLEST_SHARE:
        return None
    return restricted


def _drawings(
    name: str, truth: NDArray[np.intp], seeds: Iterable[int]
) -> Iterator[tuple[str, int, NDArray[np.intp]]]:
    """Yield how strokes are placed, their seed, and the labels."""
    for seed in seeds:
        yield "even", seed, draw_strokes(truth, FRACTION, seed)
        for side in SIDES if name in ONE_SIDED else ():
            restricted = one_sided(truth, side)
            if restricted is not None:
                yield side, seed, draw_strokes(restricted, FRACTION, seed)


def stroke_rows(
    names: Sequence[str], seeds: Sequence[int], spec: FeatureSpec, part: slice, wanted: Collection[str] = ()
) -> Iterator[Row]:
    """Yield the mean IoU of every classifier and cure, for even and one-sided strokes."""
    for name in names:
        for case in islice(DENSE[name](), part.start, part.stop, part.step):
            studied = Studied.of(case, spec)
            for side, seed, labels in _drawings(name, case.truth, seeds):
                for row in _scored(studied, labels, seed, wanted):
                    yield {
                        "kind": "strokes",
                        "set": name,
                        "image": case.name,
                        "side": side,
                        "seed": seed,
                    } | row


def _scored(studied: Studied, labels: NDArray[np.intp], seed: int, wanted: Collection[str]) -> Iterator[Row]:
    [strokes] = drawn([painted(labels)], seed)
    positions = scored_pixels(studied.case.truth, labels)
    truth = studied.case.truth[tuple(positions.T)]
    for kind, cures in CURES.items():
        for cure in (cure for cure in cures if not wanted or cure.name in wanted):
            own = repeated(strokes, len(FLIPS[cure.trained]))
            classifier = fit([studied.for_training(cure)], [own], Recipe(kind, None), seed)
            iou = mean_iou(truth, predict_at(classifier, studied.cured(cure), positions))
            yield {"features": kind, "cure": cure.name, "iou": round(iou, 4)}


# ---------------------------------------------------------------- probe


def probe_rows(spec: FeatureSpec, part: slice) -> Iterator[Row]:
    """Yield R^2 of position read from the features of images that the probe was not fitted on."""
    for name in PROBED:
        cases = (cut for cut in map(_middle, DENSE[name]()) if cut is not None)
        studied = [Studied.of(case, spec) for case in islice(cases, part.start, part.stop, part.step)]
        for cure in (None, *ALL_CURES):
            yield from ({"kind": "probe", "set": name} | row for row in _probed(studied, cure))


def _middle(case: Case) -> Case | None:
    """Return the middle of an image, `PROBE_SIDE` a side; None where it is smaller."""
    if min(case.image.shape[:2]) < PROBE_SIDE:
        return None
    starts = [(side - PROBE_SIDE) // 2 for side in case.image.shape[:2]]
    window = tuple(slice(start, start + PROBE_SIDE) for start in starts)
    return replace(case, image=case.image[window])


def _probed(studied: Sequence[Studied], cure: Cure | None) -> Iterator[Row]:
    """Yield a row for each image; without a cure, of the classical features.

    Every image takes part in its four orientations, so that what it shows says nothing of where it is.
    """
    shape = (PROBE_SIDE, PROBE_SIDE)
    pixels = np.random.default_rng(0).integers(0, PROBE_SIDE, (PROBE_PIXELS, 2))
    place = pixels / (PROBE_SIDE - 1) * 2 - 1
    targets = np.tile(np.column_stack([place, np.abs(place)]), (len(ORIENTATIONS), 1))
    rows = [_oriented_rows(one, cure, pixels, shape) for one in studied]
    for index, one in enumerate(studied):
        others = [own for place, own in enumerate(rows) if place % PROBE_FOLDS != index % PROBE_FOLDS]
        train = np.concatenate(others)
        probe = make_pipeline(StandardScaler(), Ridge(SHRINKAGE * len(train)))
        read = probe.fit(train, np.tile(targets, (len(others), 1))).predict(rows[index])
        r2 = 1 - ((read - targets) ** 2).sum(axis=0) / ((targets - targets.mean(axis=0)) ** 2).sum(axis=0)
        yield {
            "image": one.case.name,
            "cure": "classical features" if cure is None else cure.name,
            "place": round(float(r2[:2].mean()), 4),
            "from_middle": round(float(r2[2:].mean()), 4),
        }


def _oriented_rows(
    one: Studied, cure: Cure | None, pixels: NDArray[np.intp], shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Return features (4 n, d) at the same pixels of an image's four orientations."""
    if cure is None:
        features = PixelFeatures(one.spec, one.grey, None, one.classical)
        return np.concatenate([features.classical_at(mirrored(pixels, shape, axes)) for axes in ORIENTATIONS])
    known = cured_views(one.views, shape, cure, one.spec, one.backbone)
    return np.concatenate([averaged_at(known, cure.flips, pixels, shape, axes) for axes in ORIENTATIONS])


def position_rows(
    names: Sequence[str], seeds: Sequence[int], spec: FeatureSpec, part: slice, wanted: Collection[str] = ()
) -> Iterator[Row]:
    """Yield every row: of the probe where `PROBE` is among the names, then of strokes.

    Parameters
    ----------
    names : sequence of str
        Sets of `DENSE`, and `PROBE`.
    seeds : sequence of int
        Of the drawn strokes.
    spec : FeatureSpec
    part : slice
        Which images of each set.
    wanted : collection of str
        Names of the cures that strokes are tried with; all where empty.
    """
    if PROBE in names:
        yield from probe_rows(spec, part)
    yield from stroke_rows([name for name in names if name != PROBE], seeds, spec, part, wanted)
