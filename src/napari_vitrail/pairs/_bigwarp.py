"""Landmarks of BigWarp: pairs of points in units of length, x before y."""

from __future__ import annotations

import csv
import math
import re
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_vitrail.csvfile import csv_fault, csv_lines, csv_number, write_lines
from napari_vitrail.pairs._files import SavedPairs, checked_pairs
from napari_vitrail.pairs._pairs import Correspondences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from napari_vitrail.csvfile import AnyPath
    from napari_vitrail.pairs._files import PairStatus

_NAME = re.compile(r"Pt-(\d+)")


def save_bigwarp(
    path: AnyPath,
    correspondences: Correspondences,
    *,
    moving: Literal[0, 1] = 1,
    spacing0: tuple[float, float] = (1.0, 1.0),
    spacing1: tuple[float, float] = (1.0, 1.0),
    ids: ArrayLike | None = None,
    status: Sequence[PairStatus] | PairStatus = "accepted",
) -> None:
    """Write pairs as landmarks that BigWarp imports.

    Parameters
    ----------
    path : str or path
        An existing file is replaced, and only once the new one is complete.
    correspondences : Correspondences
    moving : {0, 1}
        Which image BigWarp is to move; the other one is its target.
    spacing0, spacing1 : (row, column) floats
        Size of a pixel of each image, in the unit of which BigWarp knows the image; x is along columns.
    ids : (n,) int array, optional
        Landmarks are called ``Pt-`` and the id; else pairs are counted from 0.
    status : n str, or one for all
        Rejected pairs become landmarks that are not active.

    Raises
    ------
    ValueError
        If ids, status or spacing do not fit.
    OSError
        If the file cannot be written there.
    """
    saved = checked_pairs(correspondences, ids, status)
    scale0, scale1 = _checked_spacing(spacing0, spacing1)
    sides = [(correspondences.points0 * scale0)[:, ::-1], (correspondences.points1 * scale1)[:, ::-1]]
    coordinates = np.hstack(sides[::-1] if moving else sides).tolist()
    active = ["false" if state == "rejected" else "true" for state in saved.status]
    rows = [(f"Pt-{id_}", active[row], *coordinates[row]) for row, id_ in enumerate(saved.ids)]
    write_lines(path, rows, quoting=csv.QUOTE_ALL)


def load_bigwarp(
    path: AnyPath,
    *,
    moving: Literal[0, 1] = 1,
    spacing0: tuple[float, float] = (1.0, 1.0),
    spacing1: tuple[float, float] = (1.0, 1.0),
) -> SavedPairs:
    """Read landmarks that BigWarp exported.

    Parameters
    ----------
    path : str or path
        Landmarks of planes; of volumes only if all lie in the plane z = 0. Those of which one point is not
        yet set are left out.
    moving : {0, 1}
        Which image is the one that BigWarp moves.
    spacing0, spacing1 : (row, column) floats
        Size of a pixel of each image, in the unit of which BigWarp knew the image.

    Returns
    -------
    saved : SavedPairs
        Accepted where the landmark is active, else rejected. Ids are the numbers of names such as ``Pt-7``,
        or counted from 0 where others are among them.

    Raises
    ------
    ValueError
        If the file is none of landmarks; the message has the line.
    OSError
        If it cannot be read.
    """
    scale0, scale1 = _checked_spacing(spacing0, spacing1)
    landmarks = [_landmark(path, line, cells) for line, cells in csv_lines(path)]
    landmarks = [landmark for landmark in landmarks if np.isfinite(landmark[2]).all()]
    places = np.reshape([places for _, _, places in landmarks], (-1, 2, 2))[:, :: -1 if moving else 1, ::-1]
    found = Correspondences(places[:, 0] / scale0, places[:, 1] / scale1)
    numbers = [_NAME.fullmatch(name) for name, _, _ in landmarks]
    ids = [int(number[1]) for number in numbers if number]
    status: list[PairStatus] = ["accepted" if active else "rejected" for _, active, _ in landmarks]
    return checked_pairs(found, ids if len(set(ids)) == len(landmarks) else None, status)


def _landmark(path: AnyPath, line: int, cells: list[str]) -> tuple[str, bool, list[float]]:
    """Return name, whether it is active, and x and y of both points of a line of BigWarp's."""
    if len(cells) not in (6, 8) or cells[1].lower() not in ("true", "false"):
        raise csv_fault(
            path, line, 'must be "name","true","x","y","x","y", as BigWarp writes it', ",".join(cells)
        )
    values = [csv_number(path, line, cell, infinite=True) for cell in cells[2:]]
    if len(cells) == 8:
        if any(z != 0 for z in (values[2], values[5]) if math.isfinite(z)):
            raise csv_fault(path, line, "must be a landmark of planes, or at z = 0", ",".join(cells))
        values = values[:2] + values[3:5]
    return cells[0], cells[1].lower() == "true", values


def _checked_spacing(*spacings: tuple[float, float]) -> list[NDArray[np.float64]]:
    for spacing in spacings:
        if len(spacing) != 2 or not all(0 < size < math.inf for size in spacing):
            raise ValueError(f"spacing must be two sizes of more than 0, got {tuple(spacing)}")
    return [np.array(spacing, np.float64) for spacing in spacings]
