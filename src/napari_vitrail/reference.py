"""Images that were painted on: how a ``.vitrail`` file names them, and how they are found again."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_vitrail.entries import Geometry, as_geometry, as_text, as_whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST_SIDE = 2**40
_DIGEST_PLANES, _DIGEST_SIDE = 4, 4096
_DIGEST_PIXELS, _SQUARES, _SQUARE = 1 << 26, 16, 64  # squares a side, and pixels a side of each


@dataclass(frozen=True)
class ImageReference:
    """An image that was painted on, and how to find it again; its pixels are not kept.

    Attributes
    ----------
    name : str
        Of its layer.
    shape : tuple of int
        With its channels, if it is RGB(A).
    dtype : str
    rgb : bool
        Whether the last axis is that of colours.
    digest : str
        See `pixels_digest`; empty if it was not asked for.
    path : str, optional
        Where it was; None for an image without a file.
    relative : str, optional
        The same seen from the folder of the project.
    sample : tuple of two str, optional
        Plugin and name, if it is sample data of napari.
    geometry : mapping
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    rgb: bool = False
    digest: str = ""
    path: str | None = None
    relative: str | None = None
    sample: tuple[str, str] | None = None
    geometry: Geometry = field(default_factory=dict)


def places(reference: ImageReference, project: str | os.PathLike[str]) -> list[Path]:
    """Return where an image may be, the likeliest first: as seen from the project, where it was, beside it.

    Places on other machines are left out, unless the project is there too: merely to look at one tells
    it who is asking.
    """
    folder = Path(os.path.abspath(project)).parent
    found = []
    if reference.relative is not None and not _is_anchored(reference.relative):
        found.append(folder / reference.relative)
    if reference.path is not None:
        path = Path(reference.path)
        if path.is_absolute() and (not _is_remote(reference.path) or path.anchor == folder.anchor):
            found.append(path)
        found.append(folder / PureWindowsPath(reference.path).name)  # knows both kinds of slashes
    return list(dict.fromkeys(Path(os.path.normpath(path)) for path in found))


def pixels_digest(pixels: Any, *, rgb: bool = False) -> str:
    """Return a digest by which an image is known again: of all pixels of one plane, or of four of a stack.

    Parameters
    ----------
    pixels : (..., H, W) or (..., H, W, C) array, or lazy array
        Of planes above 4096 pixels a side, evenly spread rows and columns count; of those above 64 megapixels
        evenly spread squares, so that they need not be read as a whole.
    rgb : bool
        Whether the last axis is that of colours.
    """
    digest = hashlib.sha256(f"{tuple(map(int, pixels.shape))} {np.dtype(pixels.dtype).name}".encode())
    leading = pixels.shape[: -3 if rgb else -2]
    count = math.prod(leading)
    for at in np.unique(np.linspace(0, count - 1, min(count, _DIGEST_PLANES)).astype(int)):
        plane = pixels[np.unravel_index(at, leading)] if leading else pixels
        values = _squares(plane) if math.prod(plane.shape[:2]) > _DIGEST_PIXELS else _lines(plane)
        little = values.astype(values.dtype.newbyteorder("<"), order="C", copy=False)
        digest.update(np.ascontiguousarray(little).data)
    return digest.hexdigest()


def _lines(plane: Any) -> NDArray[Any]:
    """Return evenly spread rows and columns of a plane."""
    steps = [-(-side // _DIGEST_SIDE) for side in plane.shape[:2]]
    return np.asarray(plane[:: steps[0], :: steps[-1]])


def _squares(plane: Any) -> NDArray[Any]:
    """Return evenly spread squares of a plane, or parts of it where it is narrower than they are."""
    rows, columns = (np.linspace(0, max(side - _SQUARE, 0), _SQUARES).astype(int) for side in plane.shape[:2])
    looks = [plane[row : row + _SQUARE, column : column + _SQUARE] for row in rows for column in columns]
    return np.stack([np.asarray(look) for look in looks])


def reference_of(entry: Mapping[str, Any]) -> ImageReference:
    """Return the reference that an entry of JSON makes, checked."""
    shape, rgb = tuple(as_whole(size, 1, LARGEST_SIDE) for size in entry["shape"]), entry["rgb"]
    if not isinstance(rgb, bool) or len(shape) < 2 + rgb:
        raise ValueError(f"no image has shape {shape}, {'' if rgb else 'not '}RGB")
    dtype, sample = np.dtype(as_text(entry["dtype"])), entry["sample"]
    if dtype.kind not in "buif":
        raise ValueError(f"no image has data type {dtype}")
    return ImageReference(
        as_text(entry["name"]),
        shape,
        dtype.name,
        rgb,
        as_text(entry["digest"]),
        None if entry["path"] is None else as_text(entry["path"]),
        None if entry["relative"] is None else as_text(entry["relative"]),
        None if sample is None else (as_text(sample[0]), as_text(sample[1])),
        as_geometry(entry["geometry"], len(shape) - rgb),
    )


def reference_entry(reference: ImageReference, folder: Path) -> dict[str, Any]:
    """Return a reference as JSON has it, for a file in some folder."""
    return {
        "name": reference.name,
        "shape": list(reference.shape),
        "dtype": reference.dtype,
        "rgb": reference.rgb,
        "digest": reference.digest,
        "path": reference.path,
        "relative": _relative(reference.path, folder),
        "sample": None if reference.sample is None else list(reference.sample),
        "geometry": dict(reference.geometry),
    }


def _relative(path: str | None, folder: Path) -> str | None:
    """Return a path as seen from a folder; None where there is no way, as between two drives."""
    if path is None:
        return None
    try:
        return PurePosixPath(Path(os.path.relpath(path, folder)).as_posix()).as_posix()
    except ValueError:
        return None


def _is_anchored(path: str) -> bool:
    """Whether a path says where it begins, on any system."""
    return bool(PureWindowsPath(path).anchor or PurePosixPath(path).anchor)


def _is_remote(path: str) -> bool:
    return path.startswith(("\\\\", "//")) or "://" in path
