"""What stands out in photographs, by one measure or another: alternatives to the saliency of the product."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from evals.discovery import token_cut
from evals.groups import Group
from napari_vitrail import CosegmentationSpec, SeenSet, drain, shared_store
from napari_vitrail.clusters import fit_centres
from napari_vitrail.cosegmentation._picture import SeenPicture
from napari_vitrail.grid import FeatureGrid, Grid
from napari_vitrail.seen import Shown, shown_steps

Map = NDArray[np.float32]
Measure = Callable[[Group, SeenSet], SeenSet]
SAMPLE = 8000
CLUSTERS = 8
TAU = 0.2
"""Of TokenCut, as published."""
CUT = "TokenCut of each image"


def _by_attention(of_heads: Callable[[NDArray[np.floating]], Map]) -> Measure:
    """Return the measure that is computed of an image's attention (h, w, heads)."""

    def measure(group: Group, seen: SeenSet) -> SeenSet:
        def own(shown: Shown, picture: SeenPicture) -> Map:
            return of_heads(shown.attention)

        return _measured(group, seen, own)

    return measure


def _cut(shown: Shown, picture: SeenPicture) -> Map:
    """Return 1 where TokenCut finds the object of an image by its patches alone, else 0."""
    features = shown.features
    patches = coarser_grid(features.grid)
    keys = features.values[::2, ::2, features.channels["vit"]]
    side = token_cut(keys, TAU).partition
    parted = FeatureGrid(side[..., None].astype(np.float32), patches)
    return parted.on(features.grid, interpolation="nearest").values[..., 0]


def coarser_grid(grid: Grid) -> Grid:
    """Return the grid of every second row and column of cells."""
    rows, columns = (-(-side // 2) for side in grid.shape)
    return Grid((rows, columns), grid.origin, (2 * grid.spacing[0], 2 * grid.spacing[1]))


def _measured(group: Group, seen: SeenSet, own: Callable[[Shown, SeenPicture], Map]) -> SeenSet:
    def again(index: int) -> Map:
        spec: CosegmentationSpec = seen.spec
        shown = drain(
            shown_steps(group[index], spec.descriptor, spec.side, seen.backbone, shared_store(), spec.edge)
        )
        return own(shown, seen.pictures[index])

    return with_saliency(seen, [again(index) for index in range(len(group))])


def with_saliency(seen: SeenSet, values: list[Map]) -> SeenSet:
    """Return a set whose saliency is another, each image's brought to a mean of 1."""
    scaled = [value / max(float(value.mean()), 1e-9) for value in values]
    pairs = zip(seen.pictures, scaled, strict=True)
    return replace(seen, pictures=tuple(replace(picture, saliency=own) for picture, own in pairs))


def _first_component(group: Group, seen: SeenSet) -> SeenSet:
    """Return a set whose saliency is its first principal component, above where it is least.

    Its sign is that of which the border of the images has less.
    """
    values = [picture.descriptors[..., 0].astype(np.float32) for picture in seen.pictures]
    border = np.mean([value[outermost(value.shape)].mean() for value in values])
    sign = 1 if border < np.mean([value.mean() for value in values]) else -1
    least = min(float((sign * value).min()) for value in values)
    return with_saliency(seen, [sign * value - least for value in values])


def _off_the_border(group: Group, seen: SeenSet) -> SeenSet:
    """Return a set whose saliency is how little the cluster of a place touches the border of the images."""
    clusters = fit_centres(seen.spread(SAMPLE).rows, CLUSTERS, n_init=1, random_state=0)
    labels = [clusters.labels(picture) for picture in seen.pictures]
    at_border = np.concatenate([own[outermost(own.shape)] for own in labels])
    everywhere = np.concatenate([own.ravel() for own in labels])
    touching = np.bincount(at_border, minlength=CLUSTERS) / np.bincount(everywhere, minlength=CLUSTERS)
    return with_saliency(seen, [(touching.max() - touching)[own].astype(np.float32) for own in labels])


def outermost(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return the cells at the edge of a grid."""
    inner = np.zeros(shape, bool)
    inner[1:-1, 1:-1] = True
    return ~inner


MEASURES: dict[str, Measure] = {
    **{f"head {head}": _by_attention(lambda heads, head=head: heads[..., head]) for head in range(6)},
    "mean of heads": _by_attention(lambda heads: heads.mean(axis=-1)),
    "density": lambda group, seen: seen,
    "first principal component": _first_component,
    "clusters off the border": _off_the_border,
    CUT: lambda group, seen: _measured(group, seen, _cut),
}
"""By name; ``density`` is that of the product, each head by its own mean."""
