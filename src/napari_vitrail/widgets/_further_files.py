"""Where the files of further layers are, when files are segmented: a line for each layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from napari.layers import Image
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFormLayout, QLabel, QLineEdit, QWidget

from napari_vitrail.widgets._annotations import reference_to
from napari_vitrail.widgets._form import wrapped

_HELP = (
    "Where the file of this further layer is for each image: {stem} stands for the name of the image without "
    "its ending, {folder} for its folder, as in {folder}/{stem}_depth.tif. It must have the image's pixels, "
    "one for one"
)
_WIDEST = 100  # pixels of a label


class FurtherFiles(QWidget):
    """A line for each further layer; hidden where none is chosen.

    Parameters
    ----------
    on_change : callable
        Called without arguments when another file is named.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        super().__init__()
        self._on_change = on_change
        self._lines: dict[str, QLineEdit] = {}
        self._rows = QFormLayout(self)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self.hide()

    @property
    def extra(self) -> tuple[tuple[str, str], ...]:
        """Name and pattern of each further layer, as the command line takes them; maybe empty."""
        return tuple((name, line.text().strip()) for name, line in self._lines.items())

    def show_layers(self, image: Image | None, layers: Sequence[Image]) -> None:
        """Ask for the files of these layers from now on."""
        if [layer.name for layer in layers] == list(self._lines):
            return
        said = dict(self.extra)
        while self._rows.rowCount():
            self._rows.removeRow(0)
        self._lines = {}
        for layer in layers:
            line = QLineEdit(said.get(layer.name) or _guess(image, layer))
            line.setPlaceholderText("{folder}/{stem}_...")
            line.setToolTip(wrapped(_HELP))
            line.textChanged.connect(self._on_change)
            self._lines[layer.name] = line
            self._rows.addRow(self._label(layer.name), line)
        self.setVisible(bool(layers))

    def _label(self, name: str) -> QLabel:
        """Return a name as a label, shortened where it would make the dock wide."""
        label = QLabel(self.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, _WIDEST))
        label.setToolTip(name)
        return label


def _guess(image: Image | None, layer: Image) -> str:
    """Return how the file of a layer is found from that of an image, if it bears its name."""
    places = None if image is None else (reference_to(image).path, reference_to(layer).path)
    if places is None or None in places:
        return ""
    own, other = (Path(str(place)) for place in places)
    if own.stem not in other.name or own.parent != other.parent:
        return ""
    return "{folder}/" + other.name.replace(own.stem, "{stem}")
