"""Comma-separated values that come from anywhere: what is wrong with them is named with its line."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from napari_vitrail.files import written_aside

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    AnyPath: TypeAlias = str | os.PathLike[str]


class CsvTable:
    """A file whose first line names its columns.

    Attributes
    ----------
    path : str or path
    names : list of str
        Of the columns.
    rows : list of (int, dict of str to str)
        Number of the line, and what is in each column.
    """

    def __init__(self, path: AnyPath, needed: Sequence[str]) -> None:
        lines = csv_lines(path)
        if not lines:
            raise ValueError(f"{path} must begin with the names of columns, and is empty")
        first, self.names = lines[0]
        if not set(needed) <= set(self.names):
            raise csv_fault(path, first, f"must name the columns {', '.join(needed)}", ",".join(self.names))
        self.path = path
        self.rows: list[tuple[int, dict[str, str]]] = []
        for line, cells in lines[1:]:
            if len(cells) != len(self.names):
                raise csv_fault(path, line, f"must have {len(self.names)} cells", str(len(cells)))
            self.rows.append((line, dict(zip(self.names, cells, strict=True))))

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return a column (n,) of finite numbers."""
        return np.array([csv_number(self.path, line, row[name]) for line, row in self.rows], np.float64)

    def scores(self, name: str) -> NDArray[np.float64]:
        """Return a column (n,) of numbers, NaN where it is empty or missing."""
        filled = [(line, row.get(name, "")) for line, row in self.rows]
        return np.array([csv_number(self.path, line, cell) if cell else math.nan for line, cell in filled])

    def whole_numbers(self, name: str) -> NDArray[np.int64]:
        """Return a column (n,) of whole numbers."""
        values = []
        for line, row in self.rows:
            value = csv_number(self.path, line, row[name])
            if not value.is_integer() or abs(value) > 2**53:
                raise csv_fault(self.path, line, f"must have a whole number for {name}", row[name])
            values.append(int(value))
        return np.array(values, np.int64)

    def ids(self) -> NDArray[np.int64]:
        """Return the column ``id`` (n,), all different; counted from 0 where it is missing."""
        if "id" not in self.names:
            return np.arange(len(self.rows), dtype=np.int64)
        numbers = self.whole_numbers("id")
        seen: dict[int, int] = {}
        for (line, _), number in zip(self.rows, numbers.tolist(), strict=True):
            other = seen.setdefault(number, line)
            if other != line:
                raise csv_fault(self.path, line, "must have an id of its own", f"that of line {other}")
        return numbers


def csv_lines(path: AnyPath) -> list[tuple[int, list[str]]]:
    """Return the lines of a file that are not empty, each with its number and its cells."""
    with Path(path).open(encoding="utf-8-sig", newline="") as file:  # spreadsheets put a mark first
        reader = csv.reader(file, strict=True)
        try:
            return [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if cells]
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} must be text in UTF-8, and is not: {error.reason}") from error
        except csv.Error as error:
            raise csv_fault(path, reader.line_num, "must be comma-separated values", str(error)) from error


def csv_number(path: AnyPath, line: int, cell: str, *, infinite: bool = False) -> float:
    """Return the number in a cell, which is finite unless it may be `infinite`."""
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) and not (infinite and math.isinf(value)):
        raise csv_fault(path, line, "must have a number there", repr(cell))
    return value


def csv_fault(path: AnyPath, line: int, wanted: str, got: str) -> ValueError:
    """Return the error that says what is wrong with a line."""
    return ValueError(f"{path}, line {line}, {wanted}, got {got[:80]}")


def write_lines(
    path: AnyPath, rows: Iterable[Sequence[object]], quoting: Literal[0, 1] = csv.QUOTE_MINIMAL
) -> None:
    """Write rows of cells in UTF-8; an existing file is replaced, and only once the new one is complete."""
    with written_aside(path) as aside, aside.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=quoting, lineterminator="\n").writerows(rows)
