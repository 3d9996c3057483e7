"""Pairs made dense and exact, each round where the last one says that they must be."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_vitrail.alignment import fit_alignment
from napari_vitrail.matching._neighbours import moves_along
from napari_vitrail.matching._turning import FEWEST, Found, Scene, agreeing_buddies, rough_alignment
from napari_vitrail.peaks import past_top
from napari_vitrail.progress import Progress, Steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_vitrail.alignment import Alignment
    from napari_vitrail.matching._glance import Glance

    Source = tuple[int, str]


class Rung(NamedTuple):
    """How places are asked in one round: the step of the window in pixels, and how many steps it reaches."""

    step: int
    reach: int


LADDER = (Rung(4, 4), Rung(2, 3), Rung(1, 2))
POINTS = 22
"""Along each side of the fixed image, of the places that are asked."""
CLOSEST = 1.5
"""Patches between two such places at least: what is closer sees the same, and errs alike."""
MOST = 500
"""Buddies that are fitted: a thin plate takes the cube of them in time."""
VERIFIED = 0.15
"""The share of the places that the moving image shows, which must be found for a round to count."""
DISTINCT = 0.00125
"""Cosine similarity, for each pixel that a window reaches, by which the place found is above the window's
median; less is a plain ground."""


def guided_steps(scene: Scene, found: Found, deep: Sequence[Source], fine: Source) -> Steps[Found]:
    """Yield Progress; return pairs made exact, or those given where looking closer verifies none.

    In each round the moving image is straightened by a thin plate through the pairs, and looked at again:
    then a thing has the same turn and size in both, and lies nearly in the same place. The first round
    looks for best buddies again, further ones for the most similar place in a window that shrinks.
    """
    total = 1 + len(LADDER)
    alignment = rough_alignment(scene, found)
    if alignment is None:
        return found
    again = agreeing_buddies(scene, scene.look(deep), alignment, deep)
    if len(again.fixed) >= len(found.fixed):
        found = again
    found = _thinned(found)
    yield Progress(1, total, "rounds")
    fixed = scene.look([fine])
    for done, rung in enumerate(LADDER, start=2):
        bent = _bent(found, 2.0 * LADDER[0].step if done == 2 else 1.5 * rung.step)
        if bent is None:
            break
        closer = _closer(scene, fixed, bent, fine, rung)
        if closer is None:
            break
        found = closer
        yield Progress(done, total, "rounds")
    return found


def _thinned(found: Found) -> Found:
    """Return pairs, or as many of them as are fitted."""
    if len(found.fixed) <= MOST:
        return found
    return found.where(np.random.default_rng(0).choice(len(found.fixed), MOST, replace=False))


def _bent(found: Found, threshold: float) -> Alignment | None:
    """Return a thin plate through pairs; None where they agree on none."""
    try:
        return fit_alignment(found.moving, found.fixed, "thin-plate", threshold=threshold)
    except ValueError:  # they lie on a line, or agree on nothing
        return None


def _closer(scene: Scene, fixed: Glance, alignment: Alignment, source: Source, rung: Rung) -> Found | None:
    """Return pairs for places spread over the fixed image; None where too few of them can be verified."""
    straight = scene.look_straightened(alignment, [source])
    corners = _corners(fixed, rung.step)
    steps = rung.step * (np.indices((2 * rung.reach + 1,) * 2).reshape(2, -1).T - rung.reach)
    asked = straight.asked(corners[:, None] + steps, source)
    similarity = (asked @ fixed.asked(corners, source)[:, :, None])[:, :, 0]
    windows = similarity.reshape(len(corners), 2 * rung.reach + 1, 2 * rung.reach + 1)
    moved, sure = _peaks(windows, DISTINCT * rung.step * rung.reach)
    centres = (corners + (fixed.patch_size - 1) / 2).astype(np.float64)
    best = similarity.max(axis=1)
    shown = len(scene.found(centres, centres, best, alignment)[0].fixed)
    found, straight1 = scene.found(
        centres[sure], centres[sure] + rung.step * moved[sure], best[sure], alignment
    )
    found = found.where(moves_along(found.fixed, straight1, rung.step, 0.5))
    enough = max(VERIFIED * shown, FEWEST)
    return found if len(found.fixed) >= enough else None


def _corners(fixed: Glance, step: int) -> NDArray[np.intp]:
    """Return corners (n, 2) of patches spread over an image, on a lattice: neighbours share questions."""
    lines = []
    for side in fixed.shape:
        most = side / (CLOSEST * fixed.patch_size)
        count = max(round(min(POINTS * side / max(fixed.shape), most)), 2)
        ends = np.linspace(0, max(side - fixed.patch_size, 0), count)
        lines.append((step * np.rint(ends / step)).astype(np.intp))
    return np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, 2)


def _peaks(similarity: NDArray[np.float32], distinct: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return where windows (n, k, k) are highest, in steps from their middles (n, 2), and which are sure.

    Between the steps by the parabola through the three highest along either axis. Unsure are those at the
    rim, where it may go on, and those hardly above the rest.
    """
    count, side = similarity.shape[:2]
    places = np.stack(np.unravel_index(similarity.reshape(count, -1).argmax(axis=1), (side, side)), axis=1)
    inner = ((places > 0) & (places < side - 1)).all(axis=1)
    row, column = np.clip(places, 1, side - 2).T
    every = np.arange(count)
    peak = similarity[every, row, column]
    moved = np.empty((count, 2))
    for axis, (down, right) in enumerate(((1, 0), (0, 1))):
        before, after = (
            similarity[every, row - down, column - right],
            similarity[every, row + down, column + right],
        )
        moved[:, axis] = past_top(before, peak, after)
    above = peak - np.median(similarity.reshape(count, -1), axis=1)
    return moved + np.stack([row, column], axis=1) - (side - 1) / 2, inner & (above > distinct)
