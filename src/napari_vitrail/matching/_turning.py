"""How two images are turned against each other, found by turning one and looking again."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_vitrail.alignment import fit_alignment, warp_image
from napari_vitrail.features import nearest_both_ways
from napari_vitrail.matching._agreement import Agreement
from napari_vitrail.matching._glance import Glance
from napari_vitrail.matching._neighbours import moves_along
from napari_vitrail.matching._seen import within
from napari_vitrail.progress import Progress, Steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_vitrail.alignment import Alignment
    from napari_vitrail.backbones import Backbone
    from napari_vitrail.matching._spec import MatchingSpec

    Source = tuple[int, str]

TURNS = (0, 30, -30, 60, -60, 90, -90, 120, -120, 150, -150, 180)
"""Degrees; a ViT knows a thing again that is turned by half of what lies between them."""
ENOUGH = 0.7
"""Buddies that agree, of all layers, for each patch that is not plain: then no turn need be tried."""
FINALISTS = 3
"""The turns with most agreeing buddies, which are looked at once more when they have been made exact."""
LOOSE = 0.05
"""Of the longer side, how far off an affine transform buddies may be: things bend, patches are large."""
FEWEST = 12
"""Pairs that make an alignment credible."""
BEYOND = 0.5
"""Grey of what the moving image does not reach."""


class Found(NamedTuple):
    """Points (n, 2) of the fixed image, their partners (n, 2) in the moving one, and the similarity (n,)."""

    fixed: NDArray[np.float64]
    moving: NDArray[np.float64]
    similarity: NDArray[np.float64]

    def where(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> Found:
        """Return the pairs that a mask or indices choose."""
        return Found(*(values[chosen] for values in self))


class Scene(NamedTuple):
    """Two images as the ViT sees them, (H, W, 3) float32, 0 to 1, and how it looks at them."""

    fixed: NDArray[np.float32]
    moving: NDArray[np.float32]
    spec: MatchingSpec
    backbone: Backbone

    def look(self, sources: Sequence[Source]) -> Glance:
        """Look at the fixed image."""
        return Glance.at(self.fixed, sources, self.spec, self.backbone)

    def look_straightened(self, alignment: Alignment, sources: Sequence[Source]) -> Glance:
        """Look at the moving image as the alignment lays it over the fixed one."""
        straight = warp_image(self.moving, alignment, self.fixed.shape, fill=BEYOND)
        return Glance.at(straight, sources, self.spec, self.backbone)

    def found(
        self, fixed: NDArray[np.float64], straight: NDArray[np.float64], similarity: NDArray[np.floating],
        alignment: Alignment,
    ) -> tuple[Found, NDArray[np.float64]]:  # fmt: skip
        """Return pairs of the fixed and the straightened image as pairs of the images, and the latter places.

        Those that lie in no image are dropped.
        """
        moving = alignment.to_moving(straight)
        inside = within(moving, self.moving.shape) & within(fixed, self.fixed.shape)
        found = Found(fixed, moving, similarity.astype(np.float64)).where(inside)
        return found, straight[inside]


def turned_steps(scene: Scene, sources: Sequence[Source]) -> Steps[Found]:
    """Yield Progress; return the best buddies that agree on how the images lie to each other, roughly.

    Best buddies of images that are turned against each other are few and mostly wrong. So the moving image
    is straightened by what the buddies say, and looked at again; and where that brings too few of them,
    other turns are tried first.
    """
    fixed = scene.look(sources)
    tried = [agreeing_buddies(scene, fixed, _turned(scene, 0), sources)]
    yield Progress(1, 2, "looking")
    best = _straightened(scene, fixed, tried[0], sources)
    yield Progress(2, 2, "looking")
    if len(best.fixed) >= ENOUGH * np.count_nonzero(~fixed.plain):
        return best
    total = len(TURNS) - 1 + FINALISTS
    for done, degrees in enumerate(TURNS[1:], start=1):
        tried.append(agreeing_buddies(scene, fixed, _turned(scene, degrees), sources))
        yield Progress(done, total, "turns")
    tried.sort(key=_count, reverse=True)
    final = []
    for done, found in enumerate(tried[:FINALISTS], start=len(TURNS)):
        closer = _straightened(scene, fixed, found, sources)
        final.append(_straightened(scene, fixed, closer, sources))
        yield Progress(done, total, "turns")
    return max(final, key=_count)


def agreeing_buddies(scene: Scene, fixed: Glance, alignment: Alignment, sources: Sequence[Source]) -> Found:
    """Return best buddies of the fixed and the straightened image that move as their neighbours do."""
    straight = scene.look_straightened(alignment, sources)
    parts = []
    for source in sources:
        nearest = nearest_both_ways(fixed.tokens[source], straight.tokens[source])
        rows = nearest.buddies
        rows = rows[~(fixed.plain[rows] | straight.plain[nearest.chosen0[rows]])]
        parts.append((fixed.centres[rows], straight.centres[nearest.chosen0[rows]], nearest.similarity[rows]))
    places0, places1, similarity = (np.concatenate(part) for part in zip(*parts, strict=True))
    found, straight1 = scene.found(places0, places1, similarity, alignment)
    if not len(found.fixed):
        return found
    weights = np.clip(found.similarity, 0, None)
    turn = Agreement.of(found.fixed, straight1, weights, max(fixed.shape)).turn
    return found.where(moves_along(found.fixed @ turn.T, straight1, fixed.patch_size, 0.4))


def rough_alignment(scene: Scene, found: Found) -> Alignment | None:
    """Return the affine transform that most pairs agree on, roughly; None where hardly any do."""
    if len(found.fixed) < FEWEST:
        return None
    try:
        return fit_alignment(
            found.moving, found.fixed, "affine", threshold=LOOSE * max(scene.fixed.shape[:2])
        )
    except ValueError:  # they lie on a line, or agree on nothing
        return None


def _straightened(scene: Scene, fixed: Glance, found: Found, sources: Sequence[Source]) -> Found:
    """Return what is found when the moving image has been straightened by what was found."""
    alignment = rough_alignment(scene, found)
    return found if alignment is None else agreeing_buddies(scene, fixed, alignment, sources)


def _turned(scene: Scene, degrees: float) -> Alignment:
    """Return the moving image turned about its centre, which comes to that of the fixed one."""
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centres = [(np.array(image.shape[:2]) - 1) / 2 for image in (scene.fixed, scene.moving)]
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]]) * scene.moving.shape[:2]
    return fit_alignment(corners, (corners - centres[1]) @ turn.T + centres[0], "affine", threshold=None)


def _count(found: Found) -> int:
    return len(found.fixed)
