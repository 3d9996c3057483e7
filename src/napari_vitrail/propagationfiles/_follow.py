"""Points or boxes followed through a stack of files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_vitrail.propagation import (
    TrackedBoxes,
    Tracks,
    propagate_boxes_steps,
    propagate_points_steps,
)
from napari_vitrail.propagationfiles._places import read_boxes, read_points, write_boxes, write_tracks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.features import TokenStore
    from napari_vitrail.framefiles import Frames
    from napari_vitrail.progress import Steps
    from napari_vitrail.propagationfiles._places import GivenTables, TablePlaces
    from napari_vitrail.propagationfiles._run import PropagationWanted


@dataclass(frozen=True)
class PlaceKind:
    """What is followed: how it is read, followed and written.

    Attributes
    ----------
    name : str
    read : callable
        Returns what is in a table.
    steps : callable
        Of the library.
    joined : callable
        Makes one of what was found in each frame.
    write : callable
    """

    name: str
    read: Callable[[Path], TablePlaces]
    steps: Callable[..., Steps[None]]
    joined: Callable[[Sequence[Any]], Any]
    write: Callable[[Path, Any], None]


POINTS = PlaceKind("points", read_points, propagate_points_steps, Tracks.joined, write_tracks)
BOXES = PlaceKind("boxes", read_boxes, propagate_boxes_steps, TrackedBoxes.joined, write_boxes)


def follow_steps(
    kind: PlaceKind, frames: Frames, tables: GivenTables, wanted: PropagationWanted, *,
    backbone: Backbone, store: TokenStore | None = None,
) -> Steps[Tracks | TrackedBoxes]:  # fmt: skip
    """Yield Progress; return where points or boxes are in each frame."""
    found = []
    steps = kind.steps(
        frames, tables.places, wanted.spec, ids=tables.ids, frames=wanted.frames,
        direction=wanted.direction, backbone=backbone, store=store,
    )  # fmt: skip
    for progress in steps:
        if progress.so_far is not None:
            found.append(progress.so_far)
        yield progress._replace(so_far=None)
    return kind.joined(found)
