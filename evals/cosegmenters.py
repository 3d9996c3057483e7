"""Ways to find the object that photographs share: published, ours, and ours in part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from evals.attended import CUT, MEASURES, coarser_grid
from evals.groups import Group, Mask
from napari_vitrail import (
    AMIR_COSEGMENTATION,
    COSEGMENTATION,
    Consensus,
    CoSegmentation,
    CosegmentationSpec,
    DenseCRF,
    GrabCut,
    SeenSet,
    Votes,
    cosegment_seen,
    drain,
)
from napari_vitrail.cosegmentation._result import SharedObject
from napari_vitrail.object_plane import ObjectPlane
from napari_vitrail.refinement import Refinement

Masks = Callable[[Group, SeenSet], Iterator[Mask]]
EVERY_WHICH = (0.05, 0.065, 0.08, 0.1)
"""Thresholds at which the published recipe and the baseline are tuned to these weights."""
TUNED = 0.05
"""The best of them over the three sets."""
COLOURS = DenseCRF(
    near_weight=3.0, colour_distance=30.0, colour_difference=13.0, colour_weight=5.0, n_iterations=5
)
"""A CRF that moves a border by a few pixels, for masks of objects."""
SCALED = replace(COSEGMENTATION, saliency="scaled")
NEAREST = replace(SCALED, descriptor=replace(COSEGMENTATION.descriptor, interpolation="nearest"))
PUBLISHED = replace(
    AMIR_COSEGMENTATION,
    descriptor=replace(AMIR_COSEGMENTATION.descriptor, backbone=COSEGMENTATION.descriptor.backbone),
)
"""As published but for the network: 320 pixels on the shorter side, overlapping patches every 4 pixels."""


@dataclass(frozen=True)
class Recipe:
    """A way to find the masks of a group, and how its images are seen.

    Attributes
    ----------
    masks : function of a group and what was seen of it
    spec : CosegmentationSpec
    measure : str
        Of `MEASURES`, by which the saliency of the set is replaced.
    """

    masks: Masks
    spec: CosegmentationSpec = COSEGMENTATION
    measure: str = "density"


def _coarsely_thresholded(group: Group, seen: SeenSet) -> Iterator[Mask]:
    return _thresholded(1.0)(group, coarser(seen))


def _thresholded(threshold: float) -> Masks:
    def masks(group: Group, seen: SeenSet) -> Iterator[Mask]:
        for picture in seen.pictures:
            yield picture.placed(picture.saliency, "bilinear") > threshold

    return masks


def _found(how: Consensus | Votes, refinement: Refinement | None = None) -> Masks:
    def masks(group: Group, seen: SeenSet) -> Iterator[Mask]:
        found = cosegment_seen(seen, how)
        for index in range(len(group)):
            if refinement is None:
                yield found.mask(index)
            else:
                yield found.refined_mask(index, group[index], refinement)

    return masks


def _recipes() -> dict[str, Recipe]:
    found = {f"saliency > {value}": Recipe(_thresholded(value), SCALED) for value in EVERY_WHICH}
    found["saliency density > 1"] = Recipe(_thresholded(1.0))
    for value in EVERY_WHICH:
        found[f"Amir et al., {value}"] = Recipe(_found(Votes(saliency_threshold=value)), NEAREST)
    found["ours"] = Recipe(_found(Consensus()))
    return found


def _refined() -> dict[str, Recipe]:
    published = Votes(saliency_threshold=TUNED)
    return {
        f"Amir et al., {TUNED}, GrabCut": Recipe(_found(published, GrabCut()), NEAREST),
        "ours, GrabCut": Recipe(_found(Consensus(), GrabCut())),
        "ours, dense CRF": Recipe(_found(Consensus(), COLOURS)),
    }


def _at_full_size() -> dict[str, Recipe]:
    """Return the recipe as published, which takes minutes for a few images."""
    votes = Votes(saliency_threshold=TUNED)
    return {
        "as published": Recipe(_found(votes), PUBLISHED),
        "as published, GrabCut": Recipe(_found(votes, GrabCut()), PUBLISHED),
    }


# ---- ours in part --------------------------------------------------------------------------------


def coarser(seen: SeenSet) -> SeenSet:
    """Return a set of which only every second row and column of cells is kept: the patch grid."""
    return replace(
        seen,
        pictures=tuple(
            replace(
                picture,
                grid=coarser_grid(picture.grid),
                descriptors=picture.descriptors[::2, ::2],
                saliency=picture.saliency[::2, ::2],
            )
            for picture in seen.pictures
        ),
    )


def _stage(shared_of: Callable[[SeenSet], SharedObject], prepared: Callable[[SeenSet], SeenSet]) -> Masks:
    """Return the masks of what tells the object from the rest in a part of ours."""

    def masks(group: Group, seen: SeenSet) -> Iterator[Mask]:
        own = prepared(seen)
        found = CoSegmentation(own, shared_of(own), np.zeros(len(own), bool))
        return found.masks()

    return masks


def _agreement(how: Consensus) -> Callable[[SeenSet], SharedObject]:
    return lambda seen: drain(how.agreement_steps(seen))


def _plane(how: Consensus) -> Callable[[SeenSet], SharedObject]:
    """Return what learns the plane without asking on which side of it the object is."""

    def shared_of(seen: SeenSet) -> SharedObject:
        rows = seen.spread(how.sample_size).rows
        return ObjectPlane.learned(rows, drain(how.agreement_steps(seen)).share(rows))

    return shared_of


def _as_it_is(seen: SeenSet) -> SeenSet:
    return seen


def _stages() -> dict[str, Recipe]:
    ours, one = Consensus(), Consensus(counts=(8,))
    return {
        "attention, density > 1, patch grid": Recipe(_coarsely_thresholded),
        "one clustering of 8": Recipe(_stage(_agreement(one), coarser)),
        "share of six clusterings": Recipe(_stage(_agreement(ours), coarser)),
        "six clusterings and the plane": Recipe(_stage(_plane(ours), coarser)),
        "the same, dense queries": Recipe(_stage(_plane(ours), _as_it_is)),
        "the same and the side: ours": Recipe(_found(ours)),
        "ours with one clustering of 8": Recipe(_found(one)),
        "ours, votes of half of the images": Recipe(_found(Consensus(vote_fraction=0.5))),
        "ours, votes of three quarters": Recipe(_found(Consensus(vote_fraction=0.75))),
    }


def _halved(group: Group, seen: SeenSet) -> Iterator[Mask]:
    """Yield the masks of a saliency that is one of two values."""
    for picture in seen.pictures:
        yield picture.placed(picture.saliency, "bilinear") > picture.saliency.max() / 2


def _measures() -> dict[str, Recipe]:
    found = {}
    for name in MEASURES:
        if name == CUT:
            found[name] = Recipe(_halved, measure=name)
        else:
            found[f"{name}, above its mean"] = Recipe(_thresholded(1.0), measure=name)
        found[f"{name}, ours"] = Recipe(_found(Consensus()), measure=name)
    return found


TABLES: dict[str, dict[str, Recipe]] = {
    "recipes": _recipes(),
    "refined": _refined(),
    "stages": _stages(),
    "saliency": _measures(),
    "published": _at_full_size(),
}
"""Recipes by table and name; all see with the same weights."""
COSEGMENTERS = {name: recipe for table in TABLES.values() for name, recipe in table.items()}
