"""Pairs of points as files: our own table, and napari's points as affinder takes them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, cast, get_args

import numpy as np

from napari_vitrail.csvfile import CsvTable, csv_fault, write_lines
from napari_vitrail.pairs._pairs import Correspondences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from napari_vitrail.csvfile import AnyPath

PairStatus: TypeAlias = Literal["proposed", "accepted", "locked", "rejected"]
_STATUSES: tuple[PairStatus, ...] = get_args(PairStatus)
PLACES = ("row0", "column0", "row1", "column1")
AXES = ("axis-0", "axis-1")
_SCORES = ("similarity", "saliency", "cycle_error")


class SavedPairs(NamedTuple):
    """What a file of pairs holds.

    Attributes
    ----------
    correspondences : Correspondences
    ids : (n,) int array
        What each pair is called by, all different.
    status : tuple of n str
        ``"proposed"``, ``"accepted"``, ``"locked"`` or ``"rejected"``.
    """

    correspondences: Correspondences
    ids: NDArray[np.int64]
    status: tuple[PairStatus, ...]


def save_pairs(
    path: AnyPath,
    correspondences: Correspondences,
    *,
    ids: ArrayLike | None = None,
    status: Sequence[PairStatus] | PairStatus = "accepted",
) -> None:
    """Write pairs as comma-separated values in UTF-8: ids, both points in pixels, scores and status.

    Parameters
    ----------
    path : str or path
        An existing file is replaced, and only once the new one is complete.
    correspondences : Correspondences
        A score that is NaN is left empty.
    ids : (n,) int array, optional
        All different; else pairs are counted from 0.
    status : n str, or one for all
        ``"proposed"``, ``"accepted"``, ``"locked"`` or ``"rejected"``.

    Raises
    ------
    ValueError
        If ids or status do not fit the pairs.
    OSError
        If the file cannot be written there.
    """
    saved = checked_pairs(correspondences, ids, status)
    columns = [
        saved.ids.tolist(),
        *np.column_stack([correspondences.points0, correspondences.points1]).T.tolist(),
        *([_written(value) for value in getattr(correspondences, name).tolist()] for name in _SCORES),
        saved.status,
    ]
    write_lines(path, [("id", *PLACES, *_SCORES, "status"), *zip(*columns, strict=True)])


def load_pairs(path: AnyPath) -> SavedPairs:
    """Read pairs that `save_pairs` wrote, or a table made elsewhere.

    Parameters
    ----------
    path : str or path
        Needs the columns ``row0, column0, row1, column1``. Where ``id`` is missing pairs are counted from 0,
        where a score is missing or empty it is NaN, where ``status`` is they are accepted; others are
        ignored.

    Returns
    -------
    saved : SavedPairs

    Raises
    ------
    ValueError
        If the file is none of pairs; the message has the line.
    OSError
        If it cannot be read.
    """
    table = CsvTable(path, PLACES)
    row0, column0, row1, column1 = (table.numbers(name) for name in PLACES)
    points0, points1 = np.column_stack([row0, column0]), np.column_stack([row1, column1])
    found = Correspondences(points0, points1, *(table.scores(name) for name in _SCORES))
    return SavedPairs(found, table.ids(), _status(table))


def save_napari_points(
    path0: AnyPath, path1: AnyPath, correspondences: Correspondences, *, ids: ArrayLike | None = None
) -> None:
    """Write the points of each image as a file that napari opens as a Points layer.

    affinder takes the two layers as points of its reference and moving image: it pairs them by their order.

    Parameters
    ----------
    path0, path1 : str or path
        Ending in ``.csv``, for napari to know them. Existing files are replaced.
    correspondences : Correspondences
    ids : (n,) int array, optional
        All different; else pairs are counted from 0. They become the feature ``id`` of both layers.

    Raises
    ------
    ValueError
        If ids do not fit the pairs.
    OSError
        If a file cannot be written there.
    """
    numbers = checked_pairs(correspondences, ids, "accepted").ids.tolist()
    for path, points in ((path0, correspondences.points0), (path1, correspondences.points1)):
        rows = [(place, *points[place].tolist(), id_) for place, id_ in enumerate(numbers)]
        write_lines(path, [("index", *AXES, "id"), *rows])


def load_napari_points(path0: AnyPath, path1: AnyPath) -> SavedPairs:
    """Read the points of two images that napari saved from two Points layers.

    Parameters
    ----------
    path0, path1 : str or path
        Points with the same ``id`` are a pair, if both files have that column; else those in the same place
        of their file.

    Returns
    -------
    saved : SavedPairs
        All accepted.

    Raises
    ------
    ValueError
        If a file is none of points of a plane, or points have no partner.
    OSError
        If a file cannot be read.
    """
    table0, table1 = (CsvTable(path, AXES) for path in (path0, path1))
    points0, points1 = (points_of(table) for table in (table0, table1))
    if len(points0) != len(points1):
        raise ValueError(
            f"{path0} and {path1} must hold as many points, got {len(points0)} and {len(points1)}"
        )
    ids = table0.ids()
    if "id" in table0.names and "id" in table1.names:
        places = {id_: place for place, id_ in enumerate(table1.ids().tolist())}
        for (line, _), id_ in zip(table0.rows, ids.tolist(), strict=True):
            if id_ not in places:
                raise csv_fault(path0, line, f"must have an id that is also in {path1}", str(id_))
        points1 = points1[[places[id_] for id_ in ids.tolist()]]
    return checked_pairs(Correspondences(points0, points1), ids, "accepted")


def checked_pairs(
    correspondences: Correspondences, ids: ArrayLike | None, status: Sequence[PairStatus] | PairStatus
) -> SavedPairs:
    """Return pairs with ids and status, or say what does not fit."""
    count = len(correspondences)
    numbers = np.arange(count) if ids is None else np.asarray(ids)
    whole = numbers.dtype.kind in "iu" or not numbers.size
    if not whole or numbers.shape != (count,) or len(np.unique(numbers)) < count:
        raise ValueError(f"ids must be {count} different whole numbers, got {numbers.tolist()}")
    states = cast("Sequence[PairStatus]", (status,) * count if isinstance(status, str) else tuple(status))
    if len(states) != count or not set(states) <= set(_STATUSES):
        raise ValueError(f"status must be {count} of {', '.join(_STATUSES)}, got {status!r}")
    return SavedPairs(correspondences, numbers.astype(np.int64), tuple(states))


def _status(table: CsvTable) -> tuple[PairStatus, ...]:
    """Return the status of each row; accepted where there is no such column."""
    if "status" not in table.names:
        return tuple("accepted" for _ in table.rows)
    for line, row in table.rows:
        if row["status"] not in _STATUSES:
            wanted = f"must have a status of {', '.join(_STATUSES)}"
            raise csv_fault(table.path, line, wanted, repr(row["status"]))
    return tuple(cast("PairStatus", row["status"]) for _, row in table.rows)


def points_of(table: CsvTable) -> NDArray[np.float64]:
    """Return the points of a plane."""
    if "axis-2" in table.names:
        raise ValueError(f"{table.path} must hold points of a plane, rows and columns, got one axis more")
    return np.column_stack([table.numbers(name) for name in AXES])


def _written(value: float) -> float | str:
    return "" if math.isnan(value) else value
