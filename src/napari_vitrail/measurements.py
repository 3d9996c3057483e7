"""Measurements of objects as a table, one row for each."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from skimage.measure import regionprops_table

from napari_vitrail.files import written_aside

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

Table: TypeAlias = "dict[str, NDArray[Any]]"
"""Columns of equal length, by name."""

_POSITION = {2: ("row", "column"), 3: ("plane", "row", "column")}
_SIZE = {2: "area", 3: "volume"}
_LENGTHS = {
    "perimeter": "perimeter",
    "equivalent_diameter_area": "equivalent_diameter",
    "axis_major_length": "major_axis",
    "axis_minor_length": "minor_axis",
}
_RATIOS = ("eccentricity", "solidity")
_INTENSITY = ("intensity_mean", "intensity_std", "intensity_min", "intensity_max")


def measure(
    instances: ArrayLike,
    *,
    segmentation: ArrayLike | None = None,
    class_names: Mapping[int, str] | None = None,
    image: ArrayLike | None = None,
    spacing: Sequence[float] | None = None,
    unit: str = "um",
) -> Table:
    """Measure every object: where it is, how large, of what form, how bright.

    Parameters
    ----------
    instances : (H, W) or (Z, H, W) int array
        Such as `find_instances` returns; 0 is none.
    segmentation : int array of the same shape, optional
        Its class at each object becomes the column ``class``.
    class_names : dict of id to name, optional
        What is written there instead of the id.
    image : array of the same shape, or with channels as one more axis, optional
        Its grey values are measured too, for each channel.
    spacing : sequence of float, optional
        Size of a pixel along each axis. Lengths, areas and volumes are then in `unit`, and say so.
    unit : str
        Of the spacing, in letters and digits.

    Returns
    -------
    table : dict of str to (n,) array
        ``index``, then ``class``, ``row`` and ``column`` of the centre in pixels (``plane`` too), then
        ``area`` or ``volume``, lengths and form; with a spacing named for instance ``area_um2`` and
        ``perimeter_um``. Volumes have no perimeter, minor axis, eccentricity and solidity, objects of
        oblong pixels no perimeter.

    Raises
    ------
    ValueError
        If the arrays do not fit each other, or the spacing does not fit them.
    """
    objects = _checked(instances)
    _check_spacing(spacing, objects.ndim, unit)
    table: Table = {"index": regionprops_table(objects, properties=("label",))["label"]}
    if segmentation is not None:
        table["class"] = _classes(objects, np.asarray(segmentation), class_names or {})
    table |= _places(objects) | _forms(objects, spacing, unit)
    if image is not None:
        table |= _intensities(objects, np.asarray(image))
    return table


def join_tables(tables: Sequence[Table], places: Sequence[Mapping[str, int]]) -> Table:
    """Put the tables of several planes, or volumes, below each other.

    Parameters
    ----------
    tables : sequence of dict of str to (n,) array
        Such as `measure` returns, all with the same columns.
    places : sequence of dict of str to int
        What each table is of, for instance ``{"plane": 3}``: more columns, after ``index`` and ``class``.

    Returns
    -------
    table : dict of str to (n,) array

    Raises
    ------
    ValueError
        If there are no tables, not one place for each, or the columns differ.
    """
    if not tables or len(tables) != len(places):
        raise ValueError(f"places must be one for each table, got {len(places)} for {len(tables)} tables")
    if any(list(table) != list(tables[0]) for table in tables):
        raise ValueError("tables must all have the same columns")
    counts = [len(table["index"]) for table in tables]
    joined = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
    where = {name: np.repeat([place[name] for place in places], counts) for name in places[0]}
    first = {name: joined.pop(name) for name in ("index", "class") if name in joined}
    return first | where | joined


def write_csv(path: str | os.PathLike[str], table: Table) -> None:
    """Write a table as comma-separated values in UTF-8, the names of the columns first.

    Parameters
    ----------
    path : str or path
        An existing file is replaced, and only once the new one is complete.
    table : dict of str to (n,) array
        Such as `measure` returns.

    Raises
    ------
    OSError
        If the file cannot be written there.
    """
    with written_aside(path) as aside, aside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table)
        writer.writerows(zip(*(column.tolist() for column in table.values()), strict=True))


def _places(objects: NDArray[np.integer]) -> Table:
    """Return the centre of each object, in pixels."""
    centres = regionprops_table(objects, properties=("centroid",))
    return dict(zip(_POSITION[objects.ndim], centres.values(), strict=True))


def _forms(objects: NDArray[np.integer], spacing: Sequence[float] | None, unit: str) -> Table:
    """Return sizes, lengths and ratios, under names that say their unit."""
    flat = objects.ndim == 2
    lengths = [name for name in _LENGTHS if flat or name not in ("perimeter", "axis_minor_length")]
    if spacing is not None and len(set(spacing)) > 1 and flat:
        lengths.remove("perimeter")  # scikit-image has none for oblong pixels
    found = regionprops_table(
        objects,
        properties=("area", *lengths, *(_RATIOS if flat else ())),
        spacing=None if spacing is None else tuple(spacing),
    )
    length, size = ("", "") if spacing is None else (f"_{unit}", f"_{unit}{objects.ndim}")
    named = {name: f"{_LENGTHS[name]}{length}" for name in lengths}
    named["area"] = f"{_SIZE[objects.ndim]}{size}"
    return {named.get(name, name): values for name, values in found.items()}


def _intensities(objects: NDArray[np.integer], image: NDArray[Any]) -> Table:
    """Return the grey values in each object, of every channel."""
    if image.shape[: objects.ndim] != objects.shape or image.ndim > objects.ndim + 1:
        raise ValueError(
            f"image must have the shape of the instances, {objects.shape}, and channels at most, "
            f"got {image.shape}"
        )
    return dict(regionprops_table(objects, image, properties=_INTENSITY, separator="_"))


def _classes(
    objects: NDArray[np.integer], segmentation: NDArray[np.integer], names: Mapping[int, str]
) -> NDArray[Any]:
    """Return the class of each object: its name, or its id where there are no names."""
    if segmentation.shape != objects.shape:
        raise ValueError(
            f"segmentation must have the shape of the instances, {objects.shape}, got {segmentation.shape}"
        )
    ids = regionprops_table(objects, segmentation, properties=("intensity_max",))["intensity_max"]
    ids = ids.astype(np.intp)
    if not names:
        return ids
    return np.array([names.get(int(id_), f"class {id_}") for id_ in ids], dtype=object)


def _checked(instances: ArrayLike) -> NDArray[np.integer]:
    objects = np.asarray(instances)
    if objects.ndim not in _SIZE or not objects.size:
        raise ValueError(f"instances must be (H, W) or (Z, H, W), got shape {objects.shape}")
    if objects.dtype.kind not in "ui":
        raise ValueError(f"instances must hold whole numbers, got data type {objects.dtype}")
    return objects


def _check_spacing(spacing: Sequence[float] | None, ndim: int, unit: str) -> None:
    if spacing is not None and (len(spacing) != ndim or not all(0 < size < np.inf for size in spacing)):
        raise ValueError(f"spacing must be {ndim} sizes of more than 0, got {tuple(spacing)}")
    if not re.fullmatch(r"\w+", unit):
        raise ValueError(f"unit must be letters and digits such as 'um', got {unit!r}")
