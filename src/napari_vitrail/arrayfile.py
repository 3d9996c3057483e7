"""Arrays on disk of which only what is asked for is read: pages of a TIFF, chunks of a zarr."""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_vitrail.files import folder_written_aside, written_aside
from napari_vitrail.imagefile import TIFF_SUFFIXES, read_image

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import DTypeLike, NDArray

Index = tuple[int | slice, ...]
UNKNOWN = "Q"
"""TIFF's letter of an axis of which nothing is said."""
ZARR_SUFFIX = ".zarr"
LARGEST_TIFF = 2**32 - 2**25
"""Bytes of pixels that fit into a TIFF with addresses of 32 bits, with room for its tags."""
_ZARR_FILES = ("zarr.json", ".zarray", ".zgroup")


class FileArray(NamedTuple):
    """An array in a file.

    Attributes
    ----------
    values : array
        Has ``shape`` and ``dtype``; what is indexed, by a number or a slice for each axis, is read.
    axes : str
        A letter for each axis as TIFF has them: ``TYX``, ``ZCYX``; Q where the file does not say.
    """

    values: Any
    axes: str

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array."""
        return tuple(map(int, self.values.shape))


def is_zarr(path: Path) -> bool:
    """Whether a folder is an array or a group of zarr."""
    return any((path / name).is_file() for name in _ZARR_FILES)


@contextmanager
def open_array(path: Path) -> Iterator[FileArray]:
    """Open an array of any size; what is not a TIFF nor a zarr is read at once.

    Parameters
    ----------
    path : Path
        A TIFF, whose first series counts; a zarr array; a group of zarr with one array or, as OME-Zarr has
        it, a pyramid, of which the finest level counts; or an image file of another kind.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be opened.
    ValueError
        If it is damaged or of an unknown kind; the message names it.
    """
    if path.is_dir():
        yield _zarr_array(path)
    elif path.suffix.lower() in TIFF_SUFFIXES:
        with path.open("rb") as file:
            yield _tiff_array(path, file)
    else:
        pixels = read_image(path)
        yield FileArray(pixels, UNKNOWN * pixels.ndim)


def _tiff_array(path: Path, file: Any) -> FileArray:
    import tifffile

    try:
        series = tifffile.TiffFile(file).series[0]
    except Exception as error:  # decoders raise anything on damaged files
        raise ValueError(f"{path} cannot be read as an image: {error}") from error
    page, n_pages = tuple(series.keyframe.shape), len(series.pages)
    counts = series.shape[: series.ndim - len(page)]
    if series.shape == (*counts, *page) and n_pages == math.prod(counts):
        return FileArray(_TiffPages(path, series, counts, page), series.axes)
    try:  # pages that are written as one, as ImageJ does beyond 4 GB, or that hold several planes each
        return FileArray(tifffile.memmap(path, mode="r"), series.axes)
    except ValueError:
        return FileArray(read_image(path), series.axes)


@dataclass(frozen=True)
class _TiffPages:
    """The pages of a TIFF as one array.

    Attributes
    ----------
    path : Path
    series : tifffile.TiffPageSeries
    counts : tuple of int
        Shape of the axes that count pages.
    page : tuple of int
        Shape of each page.
    """

    path: Path
    series: Any
    counts: tuple[int, ...]
    page: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return (*self.counts, *self.page)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.series.dtype)

    def __getitem__(self, index: Index) -> NDArray[Any]:
        numbers = np.arange(len(self.series.pages)).reshape(self.counts)[index[: len(self.counts)]]
        inner = index[len(self.counts) :]
        planes = [self._page(number)[inner] for number in np.ravel(numbers).tolist()]
        return np.stack(planes).reshape(*np.shape(numbers), *planes[0].shape)

    def _page(self, number: int) -> NDArray[Any]:
        page = self.series.pages[number]
        if page is None:  # OME-TIFF may leave planes out
            return np.zeros(self.page, self.dtype)
        try:
            return np.asarray(page.asarray())
        except Exception as error:
            if "imagecodecs" in str(error):  # LZW, which tifffile alone cannot unpack
                return self._page_of_pillow(page.index)
            raise ValueError(f"{self.path}, page {number}, cannot be read: {error}") from error

    def _page_of_pillow(self, number: int) -> NDArray[Any]:
        from PIL import Image

        try:
            with Image.open(self.path) as image:
                image.seek(number)
                return np.asarray(image)
        except Exception as error:
            raise ValueError(f"{self.path}, page {number}, cannot be read: {error}") from error


def _zarr_array(path: Path) -> FileArray:
    import zarr

    try:
        found = zarr.open(path, mode="r")
    except Exception as error:  # anything, where its JSON is damaged
        raise ValueError(f"{path} cannot be read as zarr: {error}") from error
    if isinstance(found, zarr.Array):
        return FileArray(found, UNKNOWN * found.ndim)
    return _array_of_group(path, found)


def _array_of_group(path: Path, group: Any) -> FileArray:
    """Return the finest level of the first pyramid, or the only array there is."""
    attributes = dict(group.attrs)
    ome = attributes.get("ome", attributes)
    if "bioformats2raw.layout" in ome and "0" in group:
        return _array_of_group(path / "0", group["0"])
    if "multiscales" in ome:
        pyramid = ome["multiscales"][0]
        array = group[pyramid["datasets"][0]["path"]]
        axes = [axis["name"] if isinstance(axis, dict) else axis for axis in pyramid.get("axes", "tczyx")]
        return FileArray(array, "".join(str(name)[:1].upper() for name in axes))
    arrays = list(group.arrays())
    if len(arrays) != 1:
        names = ", ".join(sorted(name for name, _ in arrays)) or "none"
        raise ValueError(f"{path} must be one array or an OME-Zarr; its arrays: {names}")
    return FileArray(arrays[0][1], UNKNOWN * arrays[0][1].ndim)


def write_planes(
    path: Path, planes: Iterable[NDArray[Any]], shape: tuple[int, ...], dtype: DTypeLike, axes: str = "ZYX"
) -> None:
    """Write an array plane by plane, whole or not at all; only one of them is in memory at a time.

    Parameters
    ----------
    path : Path
        A zarr array where it ends in .zarr, of which each plane is a chunk; else a compressed TIFF.
    planes : iterable of array
        One for each place along the first axis.
    shape : tuple of int
        Of the array.
    dtype : data type
    axes : str
        TIFF's letter for each axis.
    """
    if path.suffix.lower() == ZARR_SUFFIX:
        import zarr

        with folder_written_aside(path) as aside:
            array = zarr.create_array(aside, shape=shape, dtype=np.dtype(dtype), chunks=(1, *shape[1:]))
            for number, plane in enumerate(planes):
                array[number] = plane
        return
    import tifffile

    own = (np.asarray(plane, dtype) for plane in planes)
    is_big = math.prod(shape) * np.dtype(dtype).itemsize > LARGEST_TIFF
    with written_aside(path) as aside:
        tifffile.imwrite(
            aside, own, shape=shape, dtype=np.dtype(dtype), bigtiff=is_big, photometric="minisblack",
            compression="zlib", metadata={"axes": axes},
        )  # fmt: skip
