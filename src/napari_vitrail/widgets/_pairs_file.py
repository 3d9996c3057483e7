"""Pairs to a file and back."""

from __future__ import annotations

from typing import Any

from napari.utils.notifications import show_error, show_info
from qtpy.QtWidgets import QGridLayout, QPushButton, QWidget

from napari_vitrail.pairs import load_bigwarp, load_pairs, save_bigwarp, save_pairs
from napari_vitrail.widgets._dialogs import TABLE, ask_path
from napari_vitrail.widgets._form import allow, choice
from napari_vitrail.widgets._matching import Matching

_FORMATS = {"Vitrail table": "pairs", "BigWarp landmarks": "bigwarp"}
_FORMAT_HELP = (
    "Our table holds pixels, scores and status. BigWarp's holds landmarks in the units of the layers' "
    "scales. Points alone, as affinder takes them, are saved by napari itself: File > Save Selected Layers"
)
_SAVE_HINT = "Save all pairs of both images, with their ids"
_LOAD_HINT = "Take the pairs of a file in place of those that there are, which can be undone"


class PairsFile(QWidget):
    """Buttons that save and load pairs, and in which form.

    Parameters
    ----------
    matching : Matching
    """

    def __init__(self, matching: Matching) -> None:
        super().__init__()
        self._matching = matching
        self._format = choice("Format", _FORMATS.items(), "pairs", _FORMAT_HELP)
        self._save, self._load = QPushButton("Save …"), QPushButton("Load …")
        self._save.clicked.connect(lambda: self._on_save_clicked())
        self._load.clicked.connect(lambda: self._on_load_clicked())
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for column, part in enumerate((self._format.native, self._save, self._load)):
            layout.addWidget(part, 0, column)
        layout.setColumnStretch(0, 1)
        matching.changed.connect(self._on_changed)
        self._on_changed()

    def _on_changed(self) -> None:
        allow(self._save, _SAVE_HINT, self._matching.pairs_obstacle(least=1))
        allow(self._load, _LOAD_HINT, self._matching.obstacle())

    def _spacing(self) -> dict[str, Any]:
        """Return the size of pixels of both images, by which BigWarp knows them."""
        images = zip((0, 1), self._matching.images, strict=True)
        return {f"spacing{side}": tuple(map(float, image.scale[-2:])) for side, image in images if image}

    def _on_save_clicked(self) -> None:
        pairs = self._matching.pairs
        path = ask_path(self, "Save pairs", TABLE, "pairs.csv")
        if not path or pairs is None:
            return
        found = pairs.correspondences
        try:
            if self._format.value == "bigwarp":
                save_bigwarp(path, found, **self._spacing(), ids=pairs.ids, status=pairs.status)
            else:
                save_pairs(path, found, ids=pairs.ids, status=pairs.status)
        except (ValueError, OSError) as error:
            show_error(str(error))
        else:
            show_info(f"{len(pairs.ids)} pairs are saved as {path}")

    def _on_load_clicked(self) -> None:
        path = ask_path(self, "Load pairs", TABLE)
        if not path:
            return
        try:
            loaded = (
                load_bigwarp(path, **self._spacing()) if self._format.value == "bigwarp" else load_pairs(path)
            )
        except (ValueError, OSError) as error:
            show_error(str(error))
        else:
            self._matching.link().write(loaded)
