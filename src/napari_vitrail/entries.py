"""Entries of JSON that may come from anyone: each is what it should be, or an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST_TEXT = 10_000

UNIT = re.compile(r"\w{1,60}")
"""A unit by its name; what else a library would compute when it reads it is none of ours."""

Geometry = Mapping[str, Any]
"""Where a layer lies in the world: scale, translate, rotate, shear, affine, units, axis_labels."""


def as_text(value: Any) -> str:
    """Return words; TypeError if it is something else."""
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or "\0" in value:
        raise TypeError(f"expected words, got {value!r:.60}")
    return value


def as_choice(value: Any) -> bool:
    """Return yes or no; TypeError if it is something else."""
    if not isinstance(value, bool):
        raise TypeError(f"expected true or false, got {value!r:.60}")
    return value


def as_whole(value: Any, least: int, most: int) -> int:
    """Return a whole number within bounds; ValueError if it is something else."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(f"expected a whole number from {least} to {most}, got {value!r:.60}")
    return value


def as_numbers(value: Any, shape: tuple[int, ...]) -> list[Any]:
    """Return nested lists of finite numbers of some shape."""
    array: NDArray[np.float64] = np.array(value, np.float64)
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"expected finite numbers of shape {shape}, got {value!r:.60}")
    numbers: list[Any] = array.tolist()
    return numbers


def as_geometry(entry: Mapping[str, Any], ndim: int) -> Geometry:
    """Return the geometry of a layer with some axes; ValueError where it cannot be."""
    shapes = {
        "scale": (ndim,), "translate": (ndim,), "rotate": (ndim, ndim),
        "shear": (ndim * (ndim - 1) // 2,), "affine": (ndim + 1, ndim + 1),
    }  # fmt: skip
    geometry: dict[str, Any] = {}
    for name, value in entry.items():
        if name in shapes:
            geometry[name] = as_numbers(value, shapes[name])
        elif name in ("units", "axis_labels"):
            geometry[name] = tuple(as_text(word) for word in value)
            if len(geometry[name]) != ndim:
                raise ValueError(f"{name} must be {ndim}, got {len(geometry[name])}")
        else:
            raise ValueError(f"{name!r:.60} does not say where a layer lies")
    if not all(UNIT.fullmatch(unit) for unit in geometry.get("units", ())):
        raise ValueError(f"units must be words, got {geometry['units']}")
    if 0 in geometry.get("scale", ()):
        raise ValueError("a scale of 0")
    return geometry
