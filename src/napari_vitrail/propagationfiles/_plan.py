"""Which files are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_vitrail.arrayfile import ZARR_SUFFIX, is_zarr
from napari_vitrail.batch import check_spared
from napari_vitrail.imagefile import TIFF_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True)
class PropagationFiles:
    """The files of a stack that was labelled.

    Attributes
    ----------
    labels : Path
        The stack of labels; what else is written lies beside it and is called alike.
    """

    labels: Path

    @property
    def table(self) -> Path:
        """A row for each frame."""
        return self._beside("frames.csv")

    @property
    def confidence(self) -> Path:
        """How sure the label of each pixel is, as a stack."""
        return self._beside(f"confidence{self.labels.suffix}")

    @property
    def film(self) -> Path:
        """Some frames beside each other with their labels."""
        return self._beside("film.png")

    @property
    def kept(self) -> Path:
        """The folder of what another run may go on with."""
        return self._beside("resume")

    @property
    def all(self) -> list[Path]:
        """All of them."""
        return [self.labels, self.table, self.confidence, self.film, self.kept]

    def _beside(self, end: str) -> Path:
        return self.labels.with_name(f"{self.labels.stem}_{end}")


def plan_propagation(output: Path, stack: Path, inputs: Sequence[Path]) -> PropagationFiles:
    """Return which files are written.

    Parameters
    ----------
    output : Path
        The stack of labels.
    stack : Path
        What is labelled, maybe a folder.
    inputs : sequence of Path
        Other files and folders that are read.

    Raises
    ------
    ValueError
        If the output is neither TIFF nor zarr, something else lies there, an input would be replaced, or a
        folder that is read would get a file.
    """
    is_zarr_output = output.suffix.lower() == ZARR_SUFFIX
    if not is_zarr_output and output.suffix.lower() not in TIFF_SUFFIXES:
        raise ValueError(f"--output must end in .tif or .zarr, got {output}")
    if output.exists() and output.is_dir() != is_zarr_output:
        raise ValueError(f"{output} is {'a folder' if output.is_dir() else 'a file'}: choose another output")
    if output.is_dir() and not is_zarr(output) and any(output.iterdir()):
        raise ValueError(f"{output} is no zarr, and is not replaced: choose another output")
    files = PropagationFiles(output)
    _check_read(files.all, [stack, *inputs])
    return files


def plan_table(output: Path, stack: Path, inputs: Sequence[Path]) -> None:
    """Check where points or boxes are written.

    Raises
    ------
    ValueError
        If the output is no table, an input would be replaced, or a folder that is read would get a file.
    """
    if output.suffix.lower() != ".csv" or output.is_dir():
        raise ValueError(f"--output must end in .csv for points and boxes, got {output}")
    _check_read([output], [stack, *inputs])


def _check_read(outputs: Sequence[Path], inputs: Sequence[Path]) -> None:
    check_spared(outputs, inputs)
    for folder in inputs:
        if folder.is_dir() and outputs[0].resolve().is_relative_to(folder.resolve()):
            raise ValueError(f"{outputs[0]} lies in {folder}, which is read: choose another output")
