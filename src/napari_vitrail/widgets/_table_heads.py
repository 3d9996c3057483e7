"""The heads of a table: what its columns are called, and what each means."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem

from napari_vitrail.widgets._form import wrapped


def give_heads(table: QTableWidget, heads: Mapping[str, str], stretched: int) -> QHeaderView:
    """Write the heads of all columns, with their tooltips, and hide the numbers of rows.

    Parameters
    ----------
    table : QTableWidget
    heads : mapping from str to str
        Titles and hints, from left to right.
    stretched : int
        The column that takes what width is left; the others are as wide as what they hold.

    Returns
    -------
    numbers : QHeaderView
        The hidden one, which knows how high rows are.
    """
    for column, (title, hint) in enumerate(heads.items()):
        head = QTableWidgetItem(title)
        head.setToolTip(wrapped(hint))
        table.setHorizontalHeaderItem(column, head)
    header = QHeaderView(Qt.Orientation.Horizontal)
    table.setHorizontalHeader(header)
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(stretched, QHeaderView.ResizeMode.Stretch)
    numbers = QHeaderView(Qt.Orientation.Vertical)
    table.setVerticalHeader(numbers)
    numbers.hide()
    return numbers
