"""Which images are looked at together: ticked layers, or the files of a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari import Viewer
from napari.components import Dims
from napari.layers import Image
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_vitrail.blocks import is_large
from napari_vitrail.widgets._checklist import ImageChecklist
from napari_vitrail.widgets._form import wrapped
from napari_vitrail.widgets._gallery_images import FileImage, GalleryImage, planes_of
from napari_vitrail.widgets._planes import all_planes

_LAYERS, _FOLDER = range(2)
_KIND_HINT = "Where the images are: layers of this viewer, or files"
_LAYERS_HINT = "The images to look at; of a stack, every plane that is parallel to the one in view"
_FOLDER_HINT = "A folder whose images are looked at, or a pattern such as cats/**/*.jpg"


def layers_obstacle(layers: Sequence[Image], dims: Dims) -> str:
    """Return why the planes of some layers cannot be looked at, nothing if they can."""
    if not layers:
        return "tick an image"
    try:
        for layer in layers:
            plane, *_ = all_planes(layer, dims)
            if is_large(plane.sides):
                return f"{layer.name!r} has more than 64 megapixels: open a smaller copy of it"
    except ValueError as error:
        return str(error)
    return ""


class SourcePanel(QWidget):
    """A list of layers to tick, or a line for a folder.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    changed = Signal()
    """Other images may be chosen."""

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self._viewer = viewer
        self._kind = QComboBox()
        self._layers = ImageChecklist(viewer, _LAYERS_HINT, is_all=True)
        self._folder = QLineEdit()
        self._files = QWidget()
        self._kind.addItems(["Image layers", "Files of a folder"])
        self._kind.setToolTip(wrapped(_KIND_HINT))
        self._lay_out()
        for signal in (self._kind.currentIndexChanged, self._layers.changed, self._folder.textChanged):
            signal.connect(self._on_changed)
        self._on_changed()

    def obstacle(self) -> str:
        """Return why there is nothing to look at, nothing if there is."""
        if self._kind.currentIndex() == _FOLDER:
            return "" if self._folder.text().strip() else "say which folder the images are in"
        return layers_obstacle(self._layers.chosen, self._viewer.dims)

    def images(self) -> list[GalleryImage]:
        """Return the images; see `obstacle` first.

        Raises
        ------
        ValueError
            If the folder holds none, or the pattern matches none.
        """
        if self._kind.currentIndex() == _FOLDER:
            from napari_vitrail.batch import find_images  # loads torch

            names = [Path(self._folder.text().strip()).expanduser()]
            return [FileImage(path) for path in find_images(names)]
        layers = reversed(self._layers.chosen)  # as they were opened
        return [plane for layer in layers for plane in planes_of(layer, self._viewer.dims)]

    def _lay_out(self) -> None:
        browse = QPushButton("Browse...")
        browse.clicked.connect(self._on_browse_clicked)
        for part in (self._folder, browse):
            part.setToolTip(wrapped(_FOLDER_HINT))
        row = QHBoxLayout(self._files)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._folder, 1)
        row.addWidget(browse)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._kind)
        layout.addWidget(self._layers)
        layout.addWidget(self._files)

    def _on_browse_clicked(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Choose a folder of images", self._folder.text())
        if folder:
            self._folder.setText(folder)

    def _on_changed(self) -> None:
        is_folder = self._kind.currentIndex() == _FOLDER
        self._layers.setVisible(not is_folder)
        self._files.setVisible(is_folder)
        self.changed.emit()
