"""Points and boxes of the first frame followed through films: how far off they end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from evals.pages import Row
from evals.videos import DAVIS, VIDEOS, Video
from napari_vitrail import PROPAGATION, Tracks, load_backbone, propagate_boxes, propagate_points, shared_store
from napari_vitrail.objects import overlaps
from napari_vitrail.progress import drain
from napari_vitrail.propagation import SeenFrame, SeenFrames

Places = NDArray[np.float64]

BOXES, POINTS = "boxes", "points"
STAYS, OURS = "as in the first frame", "ours"
MOST_SIMILAR = "the most similar token of the frame before"
FRAMES = 12
"""Of each film, through which a box goes; a point goes through them and back."""
COUNT = 24
"""Points on the thing."""
INSIDE = 8
"""Pixels from the edge of the thing to the points."""


class ThereAndBack:
    """The first frames of a film, and the same ones back to the first."""

    def __init__(self, video: Video) -> None:
        self.video = video

    def __len__(self) -> int:
        return 2 * len(self.video) - 1

    def __getitem__(self, index: int) -> NDArray[np.generic]:
        last = len(self.video) - 1
        return self.video[last - abs(last - index)]


def tracks_rows(sets: Sequence[str], names: Sequence[str], count: int) -> Iterator[Row]:
    """Yield rows of boxes, one for each frame after the first, and of points, one for each point.

    Parameters
    ----------
    sets : of `BOXES` and `POINTS`
    names : of films; all if there are none
    count : int
        First frames of each film that are looked at.
    """
    for whole in VIDEOS[DAVIS]():
        if names and whole.name not in names:
            continue
        video = whole.first(count)
        if BOXES in sets:
            yield from _box_rows(video)
        if POINTS in sets:
            yield from _point_rows(video)


def _box_rows(video: Video) -> Iterator[Row]:
    backbone = load_backbone(PROPAGATION.descriptor.backbone)
    true = np.stack([_box(video.truth(index) > 0) for index in range(len(video))])
    ours = propagate_boxes(video, {0: true[0][None]}, backbone=backbone, store=shared_store()).boxes
    for recipe, found in ((STAYS, np.tile(true[0], (len(true), 1))), (OURS, ours)):
        for index in range(1, len(true)):
            own = {"set": BOXES, "video": video.name, "recipe": recipe, "frame": index}
            yield own | {"iou": round(float(overlaps(found[[index]], true[[index]])[0, 0]), 4)}


def _point_rows(video: Video) -> Iterator[Row]:
    backbone = load_backbone(PROPAGATION.descriptor.backbone)
    film, begun = ThereAndBack(video), _points_on(video.truth(0) > 0)
    seen = SeenFrames(film, replace(PROPAGATION, centred=False), backbone, shared_store())
    tracks = propagate_points(film, {0: begun}, backbone=backbone, store=shared_store())
    for recipe, paths in ((MOST_SIMILAR, _by_tokens(seen, begun)), (OURS, _paths(tracks, len(film)))):
        on_thing = np.mean(
            [_on(paths[index], video.truth(index) > 0) for index in range(1, len(video))], axis=0
        )
        for point, error in enumerate(np.linalg.norm(paths[-1] - begun, axis=1)):
            own = {"set": POINTS, "video": video.name, "recipe": recipe, "point": point}
            yield own | {"error": round(float(error), 2), "on_thing": round(float(on_thing[point]), 4)}


def _paths(tracks: Tracks, length: int) -> Places:
    """Return places (t, n, 2) of points that are in every frame."""
    return tracks.points.reshape(-1, length, 2).swapaxes(0, 1)


def _by_tokens(seen: SeenFrames, begun: Places) -> Places:
    """Return places (t, n, 2) of points that go to the token most like the one they were on."""
    before = drain(seen.see_steps(0))
    paths = [begun]
    for index in range(1, len(seen)):
        frame = drain(seen.see_steps(index))
        rows, columns = _cells(paths[-1], before)
        likeness = np.tensordot(frame.descriptors, before.descriptors[rows, columns], axes=(2, 1))
        best = likeness.reshape(-1, len(begun)).argmax(axis=0)
        paths.append(frame.grid.to_pixels(np.column_stack(np.unravel_index(best, frame.grid.shape))))
        before = frame
    return np.stack(paths)


def _cells(places: Places, frame: SeenFrame) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return row and column of the cells nearest to places (n, 2)."""
    cells = np.rint((places - frame.grid.origin) / frame.grid.spacing).astype(np.intp)
    rows, columns = np.clip(cells, 0, np.array(frame.grid.shape) - 1).T
    return rows, columns


def _points_on(mask: NDArray[np.bool_]) -> Places:
    """Return some points (n, 2) well inside a thing."""
    inside = np.argwhere(binary_erosion(mask, iterations=INSIDE))
    return inside[np.random.default_rng(0).choice(len(inside), COUNT, replace=False)].astype(np.float64)


def _on(places: Places, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    rows, columns = np.clip(np.rint(places).astype(np.intp), 0, np.array(mask.shape) - 1).T
    return np.asarray(mask[rows, columns])


def _box(mask: NDArray[np.bool_]) -> Places:
    """Return first row and column of a thing, and those after its last."""
    places = np.argwhere(mask)
    return np.concatenate([places.min(axis=0), places.max(axis=0) + 1]).astype(np.float64)


def tracks_section(rows: Sequence[Row], command: str, weights: str) -> str:
    """Return the tables: boxes and points, film by film."""
    parts = [f"`{command}`, weights: {weights}."]
    films = list(dict.fromkeys(row["video"] for row in rows))
    if any(row["set"] == BOXES for row in rows):
        parts += ["### Boxes: mean overlap with the true one", _table(rows, BOXES, films, _box_cell)]
    if any(row["set"] == POINTS for row in rows):
        heading = "### Points: median error after coming back, pixels (share of the way on the thing)"
        parts += [heading, _table(rows, POINTS, films, _point_cell)]
    return "\n\n".join(parts)


def _table(rows: Sequence[Row], name: str, films: Sequence[str], cell: Callable[[Sequence[Row]], str]) -> str:
    own = [row for row in rows if row["set"] == name]
    lines = [f"| recipe | {' | '.join(films)} |", "|---|" + "---|" * len(films)]
    for recipe in dict.fromkeys(row["recipe"] for row in own):
        groups = [[row for row in own if (row["recipe"], row["video"]) == (recipe, film)] for film in films]
        lines.append(f"| {recipe} | {' | '.join(cell(group) if group else '' for group in groups)} |")
    return "\n".join(lines)


def _box_cell(rows: Sequence[Row]) -> str:
    return f"{np.mean([row['iou'] for row in rows]):.2f}"


def _point_cell(rows: Sequence[Row]) -> str:
    error, on_thing = (np.array([row[name] for row in rows]) for name in ("error", "on_thing"))
    return f"{np.median(error):.1f} ({on_thing.mean():.2f})"
