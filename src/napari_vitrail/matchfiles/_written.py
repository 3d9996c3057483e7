"""What is written of an image that was matched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_vitrail.alignment import warp_image
from napari_vitrail.files import write_json
from napari_vitrail.imagefile import write_tiff
from napari_vitrail.pairs import save_bigwarp, save_napari_points, save_pairs

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from napari_vitrail.alignment import Alignment
    from napari_vitrail.matchfiles._reading import MatchReading
    from napari_vitrail.matchfiles._wanted import MatchWanted
    from napari_vitrail.pairs import Correspondences


def write_pairs(
    paths: dict[str, Path], found: Correspondences, ids: NDArray[np.int64], wanted: MatchWanted
) -> None:
    """Write pairs in the format that is wanted; nobody has judged them yet."""
    if wanted.format == "napari":
        save_napari_points(paths["reference"], paths["pairs"], found, ids=ids)
    elif wanted.format == "bigwarp":
        spacing0, spacing1 = ((size, size) for size in wanted.pixel_size)
        save_bigwarp(paths["pairs"], found, spacing0=spacing0, spacing1=spacing1, ids=ids, status="proposed")
    else:
        save_pairs(paths["pairs"], found, ids=ids, status="proposed")


def write_alignment(
    path: Path, alignment: Alignment, ids: NDArray[np.int64], reference: Path, image: Path
) -> None:
    """Write where the pixels of an image lie in the reference, and how far off each pair is."""
    told = {
        "kind": alignment.kind,
        "moving": str(image),
        "fixed": str(reference),
        "matrix": None if alignment.matrix is None else alignment.matrix.tolist(),
        "pairs": [
            {"id": id_, "residual": residual, "agrees": agrees}
            for id_, residual, agrees in zip(
                ids.tolist(), map(_finite, alignment.residuals.tolist()), alignment.inliers.tolist(),
                strict=True,
            )
        ],
    }  # fmt: skip
    write_json(path, told, indent=1)


def write_warped(
    path: Path, image: Path, reading: MatchReading, alignment: Alignment, shape: tuple[int, ...]
) -> None:
    """Write all channels and planes of an image file as they lie on the reference."""
    whole = reading.read_whole(image)
    way: Any = "nearest" if whole.pixels.dtype.kind == "b" else "linear"
    moved = whole._replace(pixels=warp_image(whole.pixels, alignment, shape, interpolation=way))
    write_tiff(path, moved.for_tiff(), moved.axes)


def _finite(residual: float) -> float | None:
    """Return a residual; None where a projective alignment has no place for the point."""
    return residual if residual < float("inf") else None
