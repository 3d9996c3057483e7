"""Strokes that an earlier session has left unsaved: offered once, without a dialog in the way."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_vitrail.annotations import Annotations, load_annotations
from napari_vitrail.errors import ProjectError
from napari_vitrail.unsaved import KEPT_DAYS, left_behind
from napari_vitrail.widgets._form import wrapped

log = logging.getLogger(__name__)


class Recovery(QWidget):
    """A line that names unsaved strokes, and two buttons that restore or discard them; hidden without any.

    Parameters
    ----------
    restore : callable
        Called with the path of the strokes to open.
    """

    def __init__(self, restore: Callable[[Path], None]) -> None:
        super().__init__()
        self._on_restore = restore
        self._offers = [(path, text) for path in left_behind() if (text := _offer(path))]
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setToolTip(f"Kept for {KEPT_DAYS} days unless they are restored or discarded")
        self._restore = QPushButton("Restore")
        self._discard = QPushButton("Discard")
        self._restore.setToolTip(wrapped("Open the image, if it has a file, and the strokes on it"))
        self._discard.setToolTip("Remove these strokes for good")
        self._restore.clicked.connect(self._on_restore_clicked)
        self._discard.clicked.connect(self._on_discard_clicked)
        buttons = QHBoxLayout()
        for button in (self._restore, self._discard):
            buttons.addWidget(button, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._text)
        layout.addLayout(buttons)
        self._show_first()

    def _show_first(self) -> None:
        self.setVisible(bool(self._offers))
        if self._offers:
            more = f" (and {len(self._offers) - 1} more)" if len(self._offers) > 1 else ""
            self._text.setText(f"{self._offers[0][1]}{more}")

    def _on_restore_clicked(self) -> None:
        path, _ = self._offers.pop(0)
        self._on_restore(path)
        self._show_first()

    def _on_discard_clicked(self) -> None:
        path, _ = self._offers.pop(0)
        path.unlink(missing_ok=True)
        self._show_first()


def _offer(path: Path) -> str:
    """Return what to say of unsaved strokes; nothing of a file that cannot be read or holds none."""
    try:
        annotations, changed = load_annotations(path), path.stat().st_mtime
    except (ProjectError, OSError) as error:
        log.warning("unsaved strokes are not offered: %s", error)
        return ""
    if not any(len(each.strokes.ids) for each in annotations.images):
        return ""
    return f"Unsaved strokes on {_names(annotations)}, {_moment(datetime.fromtimestamp(changed))}"


def _names(annotations: Annotations) -> str:
    names = list(dict.fromkeys(each.image.name for each in annotations.images))
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more images"


def _moment(changed: datetime) -> str:
    """Return a time of today as such, another one with its date."""
    today = changed.date() == datetime.now().date()
    return f"from {changed:%H:%M}" if today else f"from {changed:%d %B, %H:%M}"
