"""Pairs to a file and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.utils.notifications import show_error, show_info
from qtpy.QtWidgets import QGridLayout, QPushButton, QWidget

from napari_vitrail.pairs import (
    SavedPairs,
    load_bigwarp,
    load_napari_points,
    load_pairs,
    save_bigwarp,
    save_napari_points,
    save_pairs,
)
from napari_vitrail.widgets._dialogs import TABLE, ask_path
from napari_vitrail.widgets._form import allow, choice
from napari_vitrail.widgets._matching import Matching

_FORMATS = {"Vitrail table": "pairs", "BigWarp landmarks": "bigwarp", "napari points": "napari"}
_FORMAT_HELP = (
    "Our table holds pixels, scores and status. BigWarp's holds landmarks in the units of the layers' "
    "scales. napari's are two files, one for each image, which napari opens as layers and affinder takes"
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

    def _ask_paths(self, verb: str, name: str = "") -> list[str]:
        """Return the file of both images, or for napari's points one of each; none where none is chosen."""
        if self._format.value != "napari":
            return [path for path in [ask_path(self, f"{verb} pairs", TABLE, name and f"{name}.csv")] if path]
        paths: list[str] = []
        for which in ("fixed", "moving"):
            title = f"{verb} the points of the {which} image"
            path = ask_path(self, title, TABLE, name and f"{name} {which}.csv")
            if not path:
                return []
            paths.append(path)
        return paths

    def _on_save_clicked(self) -> None:
        pairs = self._matching.pairs
        if pairs is None or not (paths := self._ask_paths("Save", "pairs")):
            return
        try:
            self._write(paths, pairs)
        except (ValueError, OSError) as error:
            show_error(str(error))
        else:
            show_info(f"{len(pairs.ids)} pairs are saved as {' and '.join(paths)}")

    def _on_load_clicked(self) -> None:
        if not (paths := self._ask_paths("Load")):
            return
        try:
            loaded = self._read(paths)
        except (ValueError, OSError) as error:
            show_error(str(error))
        else:
            self._matching.link().write(loaded)

    def _write(self, paths: Sequence[str], pairs: SavedPairs) -> None:
        found = pairs.correspondences
        if self._format.value == "napari":
            kept = np.array(pairs.status) != "rejected"  # such points know no status
            save_napari_points(paths[0], paths[1], found[kept], ids=pairs.ids[kept])
        elif self._format.value == "bigwarp":
            save_bigwarp(paths[0], found, **self._spacing(), ids=pairs.ids, status=pairs.status)
        else:
            save_pairs(paths[0], found, ids=pairs.ids, status=pairs.status)

    def _read(self, paths: Sequence[str]) -> SavedPairs:
        if self._format.value == "napari":
            return load_napari_points(paths[0], paths[1])
        if self._format.value == "bigwarp":
            return load_bigwarp(paths[0], **self._spacing())
        return load_pairs(paths[0])
