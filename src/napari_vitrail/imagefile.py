"""Images on disk: TIFF, PNG and JPEG read, TIFF and PNG written whole or not at all."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from napari_vitrail.files import written_aside

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

TIFF_SUFFIXES = (".tif", ".tiff")


def read_image(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Return the pixels of an image file as they are stored.

    Parameters
    ----------
    path : str or path
        A TIFF (all pages), or a PNG, JPEG or other file that Pillow reads.

    Returns
    -------
    image : array
        (H, W), (H, W, C), or with the axes of a TIFF that holds more.

    Raises
    ------
    OSError
        If there is no file, or it cannot be opened.
    ValueError
        If the file is damaged, empty or of an unknown kind; the message names it.
    """
    path = Path(path)
    with path.open("rb") as file:
        try:
            tiff = path.suffix.lower() in TIFF_SUFFIXES
            image = _read_tiff(file) if tiff else _decoded(file.read())
        except Exception as error:  # decoders raise anything on damaged files
            raise ValueError(f"{path} cannot be read as an image: {error}") from error
    if image.size == 0:
        raise ValueError(f"{path} cannot be read as an image: it holds no pixels")
    return image


def read_labels(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Return labels from an image file: as `read_image`, but of a palette the numbers, not the colours."""
    path = Path(path)
    if path.suffix.lower() not in TIFF_SUFFIXES:
        from PIL import Image

        with suppress(OSError), Image.open(path) as image:  # what is wrong is said below
            if image.mode == "P":
                return np.asarray(image)
    return read_image(path)


def _read_tiff(file: BinaryIO) -> NDArray[Any]:
    """Return all pages; those in LZW, which tifffile alone cannot unpack, with Pillow's help."""
    import tifffile

    try:
        return np.asarray(tifffile.imread(file))
    except ValueError as error:
        if "imagecodecs" not in str(error):
            raise
    file.seek(0)
    pages = _decoded(file.read(), index=...)
    return pages[0] if len(pages) == 1 else pages


def _decoded(data: bytes, **options: Any) -> NDArray[Any]:
    """Return the pixels of a file's bytes: from memory, so that a bad file leaves nothing open."""
    import imageio.v3 as iio

    return np.asarray(iio.imread(data, plugin="pillow", **options))


def write_tiff(path: str | os.PathLike[str], image: NDArray[Any], axes: str = "YX") -> None:
    """Write an array as a compressed TIFF.

    Parameters
    ----------
    path : str or path
        An existing file is replaced, and only once the new one is complete.
    image : array
        Of any shape and number type.
    axes : str
        One letter for each axis of `image`, in TIFF's usage: ``CYX`` for channels first, ``YXS`` for colours.
    """
    import tifffile

    photometric = "rgb" if axes.endswith("S") else "minisblack"
    with written_aside(path) as aside:
        tifffile.imwrite(aside, image, photometric=photometric, compression="zlib", metadata={"axes": axes})


def tiff_axes(ndim: int, channels: str = "") -> str:
    """Return TIFF's letters of a plane, a stack or more of them; Q is an axis of another kind."""
    return {2: "", 3: "Z", 4: "TZ"}.get(ndim, "Q" * (ndim - 2)) + channels + "YX"


def jpeg_bytes(image: NDArray[np.uint8]) -> bytes:
    """Return a (H, W, 3) image as the bytes of a JPEG file, a sixth of a PNG's, for pages."""
    import imageio.v3 as iio

    return bytes(iio.imwrite("<bytes>", image, extension=".jpg", plugin="pillow", quality=88))


def png_bytes(image: NDArray[np.uint8]) -> bytes:
    """Return a (H, W) or (H, W, 3) image as the bytes of a PNG file."""
    import imageio.v3 as iio

    return bytes(iio.imwrite("<bytes>", image, extension=".png", plugin="pillow"))


def write_png(path: str | os.PathLike[str], image: NDArray[np.uint8]) -> None:
    """Write a (H, W) or (H, W, 3) image as a PNG file, whole or not at all."""
    with written_aside(path) as aside:
        aside.write_bytes(png_bytes(image))
