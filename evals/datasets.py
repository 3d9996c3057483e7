"""Images with ground truth, read from the folder that ``VITRAIL_EVAL_DATA`` names."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage.io import imread

Array = NDArray[np.generic]


@dataclass(frozen=True)
class Case:
    """One image to be segmented.

    Attributes
    ----------
    name : str
    image : (H, W) or (H, W, 3) array
    truth : (H, W) int array or None
        0 is ignored; None where there are strokes only.
    strokes : (H, W) int array or None
        Painted by a person; 0 is unlabelled.
    """

    name: str
    image: Array
    truth: NDArray[np.intp] | None
    strokes: NDArray[np.intp] | None = None


def data_folder() -> Path:
    """Return the folder of the evaluation data, or say how to name it."""
    folder = os.environ.get("VITRAIL_EVAL_DATA")
    if not folder or not Path(folder).is_dir():
        raise SystemExit(
            "set VITRAIL_EVAL_DATA to the folder that holds nasa_sem, isbi2012_em, dsb2018_nuclei ..., "
            f"got {folder!r}"
        )
    return Path(folder)


def _two_classes(mask: Array) -> NDArray[np.intp]:
    return (mask > 0).astype(np.intp) + 1


def _as_they_are(labels: Array) -> NDArray[np.intp]:
    return labels.astype(np.intp)


def _thresholded(mask: Array) -> NDArray[np.intp]:
    return (mask > 127).astype(np.intp) + 1


def _object_second(strokes: Array) -> NDArray[np.intp]:
    """Return strokes of 1 = object and 2 = background the other way round, as the masks are read."""
    return np.array([0, 2, 1])[strokes]


def _folder(
    name: str,
    truth: str = "labels",
    read: Callable[[Array], NDArray[np.intp]] = _as_they_are,
    read_strokes: Callable[[Array], NDArray[np.intp]] = _as_they_are,
) -> Iterator[Case]:
    folder = data_folder() / name
    for path in sorted((folder / "images").glob("*.png")):
        strokes = folder / "scribbles" / path.name
        yield Case(
            path.stem,
            imread(path),
            read(imread(folder / truth / path.name)),
            read_strokes(imread(strokes)) if strokes.is_file() else None,
        )


def _photograph() -> Iterator[Case]:
    folder = data_folder() / "scribbles_real" / "convpaint"
    image, truth, strokes = (imread(folder / f"{name}.png") for name in ("image", "labels", "scribbles"))
    yield Case("convpaint", image, _as_they_are(truth), _as_they_are(strokes))


def _superalloy() -> Iterator[Case]:
    folder = data_folder()
    own = folder / "scribbles_real" / "superalloy"
    truth = imread(folder / "nasa_sem" / "labels" / "super_45kx-SE-15kV-etched-0.png")
    strokes = imread(own / "scribbles.png")
    yield Case("superalloy", imread(own / "image.png"), _as_they_are(truth), _as_they_are(strokes))


def _cells() -> Iterator[Case]:
    folder = data_folder() / "scribbles_real" / "tcell_tem"
    for path in sorted(folder.glob("image_*.png")):
        strokes = imread(folder / path.name.replace("image", "scribbles"))
        yield Case(path.stem, imread(path), None, _as_they_are(strokes))


DENSE: dict[str, Callable[[], Iterator[Case]]] = {
    "nasa_sem": lambda: _folder("nasa_sem"),
    "isbi2012_em": lambda: _folder("isbi2012_em"),
    "dsb2018_nuclei": lambda: _folder("dsb2018_nuclei", read=_two_classes),
    "msrc_cow": lambda: _folder("msrc_cow", "masks", _thresholded, _object_second),
    "convpaint": _photograph,
    "drive_vessels": lambda: _folder("drive_vessels"),
}
"""Sets whose every pixel is labelled."""

PAINTED: dict[str, Callable[[], Iterator[Case]]] = {
    "convpaint": _photograph,
    "superalloy": _superalloy,
    "msrc_cow": lambda: (case for case in DENSE["msrc_cow"]() if case.strokes is not None),
}
"""Sets with strokes of a person and dense truth."""

STROKES_ONLY = {"tcell": _cells}
"""Sets with strokes of a person and nothing else: scored by leaving one image out."""
