"""What came of all images, a row each."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_vitrail.files import written_aside

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from napari_vitrail.matchfiles._files import FileMatched


class SummaryRow(NamedTuple):
    """What came of an image; what is not known is None.

    Attributes
    ----------
    image : str
    pairs : int
    similarity, cycle_error : float
        Medians over the pairs; the error in pixels of the reference.
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
            medians = np.median(file.pairs.similarity), np.median(file.pairs.cycle_error)
            row = row._replace(similarity=float(medians[0]), cycle_error=float(medians[1]))
        if file.alignment is not None:
            agreeing = file.alignment.residuals[file.alignment.inliers]
            row = row._replace(agreeing=len(agreeing), residual=float(np.median(agreeing)))
        return row


def write_summary(path: Path, done: Sequence[FileMatched]) -> None:
    """Write a table with a row for each image, those that failed included."""
    with written_aside(path) as aside, aside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(SummaryRow._fields)
        for own in map(SummaryRow.of, done):
            writer.writerow(f"{cell:.4f}" if isinstance(cell, float) else cell for cell in own)


def summary_lines(done: Sequence[FileMatched]) -> Iterator[str]:
    """Yield the lines of a table for people."""
    rows = [SummaryRow.of(file) for file in done]
    width = max([len("image"), *(len(row.image) for row in rows)])
    fitted = any(row.agreeing is not None for row in rows)
    line = f"{{:<{width}}} {{:>6}} {{:>11}} {{:>12}}" + (" {:>9} {:>9}" if fitted else "")
    yield line.format("image", "pairs", "similarity", "cycle error", "agreeing", "residual")
    for row in rows:
        yield line.format(
            row.image, row.pairs or "-", _rounded(row.similarity, ".3f"), _rounded(row.cycle_error, ".1f px"),
            _rounded(row.agreeing, "d"), _rounded(row.residual, ".1f px"),
        )  # fmt: skip


def _rounded(value: float | None, form: str) -> str:
    if value is None:
        return "-"
    digits, *unit = form.split(" ")
    return " ".join([f"{value:{digits}}", *unit])
