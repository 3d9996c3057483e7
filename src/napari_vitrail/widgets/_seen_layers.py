"""What the network looks at, how sure it is of the object, and the clusters it sees, as layers."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from napari_vitrail.progress import Progress, Steps
from napari_vitrail.widgets._form import allow
from napari_vitrail.widgets._found import Found
from napari_vitrail.widgets._layers import CLUSTERS, SALIENCY, SCORE, write_values
from napari_vitrail.widgets._part_layers import write_labels
from napari_vitrail.widgets._sharing import Sharing

_HINTS = {
    SALIENCY: "Show how much the network looks at each place; from 0 to 1, which is a lot in most images",
    SCORE: "Show how much each place is of the shared object; from 0 to 1",
    CLUSTERS: "Show all clusters that the network sees, not only those of the object",
}
_LOOKS = {SALIENCY: {"colormap": "inferno", "opacity": 0.7}, SCORE: {"colormap": "viridis", "opacity": 0.7}}
_NO_CLUSTERS = "a consensus is of many clusterings: choose Votes for clusters"
_NOT_HERE = "open an image: double-click it in the gallery"

Values = tuple[int, NDArray]
"""The number of an image, and values (H, W) of its pixels."""


class SeenLayers(QWidget):
    """Buttons that ask for layers.

    Parameters
    ----------
    sharing : Sharing
    """

    def __init__(self, sharing: Sharing) -> None:
        super().__init__()
        self._sharing = sharing
        self._buttons = {kind: QPushButton(kind.capitalize()) for kind in _HINTS}
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for kind, button in self._buttons.items():
            button.clicked.connect(partial(self._ask, kind))
            layout.addWidget(button)
        for signal in (sharing.shown, sharing.changed):
            signal.connect(self._allow)
        self._allow()

    def _allow(self) -> None:
        obstacle = self._sharing.found_obstacle() or ("" if self._sharing.here else _NOT_HERE)
        found = self._sharing.found
        no_clusters = "" if found is None or found.voted is not None else _NO_CLUSTERS
        for kind, button in self._buttons.items():
            allow(button, _HINTS[kind], obstacle or (no_clusters if kind == CLUSTERS else ""))

    def _ask(self, kind: str) -> None:
        if (found := self._sharing.found) is not None:
            self._sharing.job.run(
                values_steps(found, kind, self._sharing.here),
                on_done=lambda count: f"{kind} of {count} image{'s' if count > 1 else ''}.",
                on_preview=partial(self._write, kind),
                title=f"Asking for {kind}",
            )

    def _write(self, kind: str, values: Values) -> None:
        image = self._sharing.here.get(values[0])
        if image is None:
            return
        if kind == CLUSTERS:
            write_labels(self._sharing.viewer, image, kind, values[1])
        else:
            write_values(self._sharing.viewer, image.plane, kind, values[1], **_LOOKS[kind])


def values_steps(found: Found, kind: str, indices: Iterable[int]) -> Steps[int]:
    """Yield Progress, so far the `Values` of one image after the other; return how many there are."""
    wanted = sorted(indices)
    most = _usual_most(found) if kind == SALIENCY else 1.0
    for done, index in enumerate(wanted, start=1):
        yield Progress(done, len(wanted), "images", (index, _values(found, kind, index, most)))
    return len(wanted)


def _usual_most(found: Found) -> float:
    """Return what the most looked-at places of an image get: the greatest of all would darken the others."""
    most = [np.percentile(picture.saliency, 99) for picture in found.seen.descriptors.pictures]
    return float(np.median(most)) or 1.0


def _values(found: Found, kind: str, index: int, most: float) -> NDArray:
    pictures = found.seen.descriptors.pictures
    if kind == SALIENCY:
        return np.minimum(pictures[index].placed(pictures[index].saliency, "bilinear") / most, 1)
    if kind == SCORE:
        return np.clip(found.parts.found.scores(index), 0, 1)
    assert found.voted is not None  # else the button could not be pressed
    labels = found.voted.clusters.labels(pictures[index])
    return (1 + pictures[index].placed(labels, "nearest")).astype(np.uint8)
