"""What came of all images, a row each."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_vitrail.csvfile import write_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_vitrail.matchfiles._files import FileMatched


class SummaryRow(NamedTuple):
    """What came of an image; what is not known is None.

    Attributes
    ----------
    image : str
    pairs : int
    similarity, cycle_error : float
        Medians over the pairs; the error in pixels of the reference. It is not known of pairs that an
        alignment has verified.
    agreeing : int
        How many pairs agree with the transform.
    residual : float, pixels of the reference
        Median of those.
    error : str
        What went wrong, if something did.
    """

    image: str
    pairs: int
    similarity: float | None = None
    cycle_error: float | None = None
    agreeing: int | None = None
    residual: float | None = None
    error: str = ""

    @classmethod
    def of(cls, file: FileMatched) -> SummaryRow:
        """Return the row of an image."""
        row = cls(str(file.image), len(file.pairs), error=file.error)
        if len(file.pairs):
            row = row._replace(
                similarity=_median(file.pairs.similarity), cycle_error=_median(file.pairs.cycle_error)
            )
        if file.alignment is not None:
            agreeing = file.alignment.residuals[file.alignment.inliers]
            row = row._replace(agreeing=len(agreeing), residual=float(np.median(agreeing)))
        return row


class Summary:
    """The rows of all images, on disk after each, so that they outlive an interruption.

    Parameters
    ----------
    images : sequence of Path
        In the order of the rows.
    path : Path, optional
        Where they are written; None for nowhere.
    """

    def __init__(self, images: Sequence[Path], path: Path | None = None) -> None:
        self.path, self._images = path, images
        self._rows: dict[Path, SummaryRow] = {}

    @property
    def rows(self) -> list[SummaryRow]:
        """Those of images that are done, or failed."""
        return [self._rows[image] for image in self._images if image in self._rows]

    def add(self, file: FileMatched) -> None:
        """Take in what came of an image."""
        self._rows[file.image] = SummaryRow.of(file)
        if self.path is not None:
            write_summary(self.path, self.rows)

    def take_over(self, outputs: Sequence[dict[str, Path]]) -> None:
        """Take over the rows of an earlier run of images that went well and whose files are all there."""
        earlier = {row.image: row for row in read_summary(self.path)} if self.path else {}
        for image, files in zip(self._images, outputs, strict=True):
            row = earlier.get(str(image))
            if row is not None and not row.error and all(file.exists() for file in files.values()):
                self._rows[image] = row

    @property
    def images_left(self) -> list[Path]:
        """Those of which nothing is known yet."""
        return [image for image in self._images if image not in self._rows]


def write_summary(path: Path, rows: Iterable[SummaryRow]) -> None:
    """Write a table with a row for each image, those that failed included."""
    written = ([f"{cell:.4f}" if isinstance(cell, float) else cell for cell in row] for row in rows)
    write_lines(path, [SummaryRow._fields, *written])


def read_summary(path: Path) -> list[SummaryRow]:
    """Return the rows that `write_summary` wrote; none where there is no such file.

    Raises
    ------
    ValueError
        If it is another table.
    """
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))
    try:
        if tuple(lines[0]) != SummaryRow._fields:
            raise ValueError(f"the columns {','.join(lines[0])}")
        return [_row(*cells) for cells in lines[1:]]
    except (ValueError, IndexError, TypeError) as error:
        raise ValueError(f"{path} must be a summary of vitrail match, and is not: {error}") from error


def _row(
    image: str, pairs: str, similarity: str, cycle_error: str, agreeing: str, residual: str, error: str
) -> SummaryRow:
    numbers = [float(cell) if cell else None for cell in (similarity, cycle_error, residual)]
    count = int(agreeing) if agreeing else None
    return SummaryRow(image, int(pairs), numbers[0], numbers[1], count, numbers[2], error)


def summary_lines(rows: Sequence[SummaryRow]) -> Iterator[str]:
    """Yield the lines of a table for people."""
    width = max([len("image"), *(len(row.image) for row in rows)])
    fitted = any(row.agreeing is not None for row in rows)
    line = f"{{:<{width}}} {{:>6}} {{:>11}} {{:>12}}" + (" {:>9} {:>9}" if fitted else "")
    yield line.format("image", "pairs", "similarity", "cycle error", "agreeing", "residual")
    for row in rows:
        cells = (
            _told(row.pairs or None), _told(row.similarity, ".3f"), _told(row.cycle_error, ".1f", " px"),
            _told(row.agreeing), _told(row.residual, ".1f", " px"),
        )  # fmt: skip
        yield line.format(row.image, *cells)


def _median(values: NDArray[np.float64]) -> float | None:
    """Return the median of what is known of all pairs, or of none."""
    return None if np.isnan(values).any() else float(np.median(values))


def _told(value: float | None, digits: str = "", unit: str = "") -> str:
    return "-" if value is None else f"{value:{digits}}{unit}"
