"""Points and boxes of some frames from tables, and where they were followed to as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_vitrail.csvfile import CsvTable, csv_fault, write_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_vitrail.propagation import TrackedBoxes, Tracks
    from napari_vitrail.propagationfiles._given import FrameSource

PLACE = ("row", "column")
SIDES = ("left_px", "top_px", "width_px", "height_px")
YES = ("true", "1", "1.0")
"""How tables say it: ours, once spreadsheets have had them, and those that napari saves of a layer."""
_FOUND = ("confidence", "visible", "by_hand")


class TablePlaces(NamedTuple):
    """Points or boxes of a table.

    Attributes
    ----------
    places : (n, 2) or (n, 4) float64
        Row/column pixels, or half-open rows and columns.
    frames : (n,) int or None
        None where the table does not say.
    ids : (n,) int or None
    """

    places: NDArray[np.float64]
    frames: NDArray[np.int64] | None = None
    ids: NDArray[np.int64] | None = None


class GivenTables(NamedTuple):
    """Points or boxes by frame, and what each is called by; None where no table says."""

    places: dict[int, NDArray[np.float64]]
    ids: dict[int, NDArray[np.int64]] | None


def read_tables(
    sources: Sequence[FrameSource], read: Callable[[Path], TablePlaces], count: int
) -> GivenTables:
    """Return what is in some tables; where two have places in one frame, those of the later count.

    Raises
    ------
    OSError, ValueError
        If a table cannot be read, does not say which frames it is about, names others than the first
        `count`, or has no ids where others have; or all tables are empty.
    """
    places: dict[int, NDArray[np.float64]] = {}
    ids: dict[int, NDArray[np.int64]] = {}
    unnamed: dict[int, Path] = {}
    for source in sources:
        own = read(source.path)
        frames = own.frames if source.frame is None else np.full(len(own.places), source.frame)
        if frames is None:
            raise ValueError(f"{source.path} is of one frame: say of which, as in 0={source.path}")
        if outside := [frame for frame in np.unique(frames).tolist() if not 0 <= frame < count]:
            raise ValueError(f"{source.path} must be of frames 0 to {count - 1}, got {outside[0]}")
        for frame in np.unique(frames).tolist():
            places[frame] = own.places[frames == frame]
            ids.pop(frame, None)  # of an earlier table
            unnamed.pop(frame, None)
            if own.ids is None:
                unnamed[frame] = source.path
            else:
                ids[frame] = own.ids[frames == frame]
    if not places:
        raise ValueError(
            f"{', '.join(str(source.path) for source in sources)}: no row says where anything is, by hand"
        )
    if ids and unnamed:
        raise ValueError(f"{next(iter(unnamed.values()))} must have a column id, as other tables have")
    return GivenTables(places, ids or None)


def read_points(path: Path) -> TablePlaces:
    """Read points from what napari saved of a Points layer, or from a table of tracks: those given by hand.

    Raises
    ------
    OSError, ValueError
        If it is none of both.
    """
    table = _by_hand(CsvTable(path, ()))
    if set(PLACE) <= set(table.names):
        return _named_places(table, np.column_stack([table.numbers(name) for name in PLACE]))
    axes = _axes(table)
    if len(axes) not in (2, 3) or "shape-type" in table.names:
        wanted = "must name axis-0, axis-1, axis-2, as of points of napari, or frame, row, column"
        raise csv_fault(path, 1, wanted, ",".join(table.names))
    values = np.column_stack([table.numbers(name) for name in axes])
    frames = np.rint(values[:, 0]).astype(np.int64) if len(axes) == 3 else None
    return TablePlaces(values[:, -2:], frames, _ids(table))


def read_boxes(path: Path) -> TablePlaces:
    """Read boxes from what napari saved of a Shapes layer, or from a table: then those given by hand.

    Raises
    ------
    OSError, ValueError
        If it is none of both.
    """
    table = _by_hand(CsvTable(path, ()))
    if set(SIDES) <= set(table.names):
        left, top, width, height = (table.numbers(name) for name in SIDES)
        return _named_places(table, np.column_stack([top, left, top + height, left + width]))
    axes = _axes(table)
    if len(axes) not in (2, 3) or not {"shape-type", "index"} <= set(table.names):
        wanted = f"must name frame, {', '.join(SIDES)}, or be of rectangles of napari"
        raise csv_fault(path, 1, wanted, ",".join(table.names))
    values = np.column_stack([table.numbers(name) for name in axes])
    numbers = table.whole_numbers("index")
    shapes = [values[numbers == number] for number in np.unique(numbers)]
    corners = [np.concatenate([own[:, -2:].min(axis=0), own[:, -2:].max(axis=0)]) + 0.5 for own in shapes]
    frames = np.array([round(own[0, 0]) for own in shapes], np.int64) if len(axes) == 3 else None
    return TablePlaces(np.array(corners).reshape(-1, 4), frames)


def write_tracks(path: Path, tracks: Tracks) -> None:
    """Write a row for each point in each frame, in pixels."""
    _write(path, PLACE, tracks, tracks.points)


def write_boxes(path: Path, boxes: TrackedBoxes) -> None:
    """Write a row for each box in each frame, in pixels."""
    y0, x0, y1, x1 = boxes.boxes.T
    _write(path, SIDES, boxes, np.column_stack([x0, y0, x1 - x0, y1 - y0]))


def followed_lines(found: Tracks | TrackedBoxes, what: str) -> Iterator[str]:
    """Yield lines for people: how many were followed, and how much of the way they were seen."""
    n_ids, n_frames = len(np.unique(found.ids)), len(np.unique(found.frames))
    yield f"{n_ids} {what} in {n_frames} frames, seen in {found.visible.mean():.0%} of their places"


def _write(
    path: Path, columns: Sequence[str], found: Tracks | TrackedBoxes, places: NDArray[np.float64]
) -> None:
    rows = zip(
        found.ids.tolist(), found.frames.tolist(), places.tolist(), found.confidence.tolist(),
        found.visible.tolist(), found.given.tolist(), strict=True,
    )  # fmt: skip
    written = (
        (id_, frame, *(f"{side:.2f}" for side in place), f"{confidence:.4f}", visible, given)
        for id_, frame, place, confidence, visible, given in rows
    )
    write_lines(path, [("id", "frame", *columns, *_FOUND), *written])


def _by_hand(table: CsvTable) -> CsvTable:
    """Return a table without rows that were found: of an earlier run those count that were given to it."""
    table.rows = [(line, row) for line, row in table.rows if row.get("by_hand", "True").casefold() in YES]
    return table


def _named_places(table: CsvTable, places: NDArray[np.float64]) -> TablePlaces:
    frames = table.whole_numbers("frame") if "frame" in table.names else None
    return TablePlaces(places, frames, _ids(table))


def _ids(table: CsvTable) -> NDArray[np.int64] | None:
    return table.whole_numbers("id") if "id" in table.names else None


def _axes(table: CsvTable) -> list[str]:
    return sorted(name for name in table.names if name.startswith("axis-"))
