"""Send parts to Paint to segment: as strokes of classes of the same names and colours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from napari_vitrail.progress import Progress, Steps
from napari_vitrail.strokes import inner_strokes
from napari_vitrail.widgets._found import Found
from napari_vitrail.widgets._gallery_images import LayerImage
from napari_vitrail.widgets._naming import Naming
from napari_vitrail.widgets._send_strokes import SendStrokes, send_strokes
from napari_vitrail.widgets._sharing import Sharing

_HINT = (
    "Paint a stroke along the middle of each part, and of the background, into a strokes layer on each "
    "image, and open Paint to segment: correct the strokes there and let them be learned from"
)
_NOT_HERE = "open an image: double-click it in the gallery"

Strokes = list[tuple[int, NDArray[np.uint8]]]
"""Numbers of images, and the strokes (H, W) on each."""


class SendParts(SendStrokes):
    """A button that makes strokes of parts.

    Parameters
    ----------
    sharing : Sharing
    """

    def __init__(self, sharing: Sharing) -> None:
        self._sharing = sharing
        super().__init__("Send parts to Paint to segment", _HINT, (sharing.shown, sharing.changed))

    def _obstacle(self) -> str:
        if obstacle := self._sharing.found_obstacle():
            return obstacle
        if not self._sharing.naming.kept:
            return "there is no part"
        return "" if self._sharing.here else _NOT_HERE

    def _on_clicked(self) -> None:
        if self._sharing.found is None:
            return
        here, naming = self._sharing.here, self._sharing.naming
        self._sharing.job.run(
            strokes_steps(self._sharing.found, naming, here),
            on_done=partial(self._on_done, here, naming),
            title="Making strokes",
        )

    def _on_done(self, images: Mapping[int, LayerImage], naming: Naming, strokes: Strokes) -> str:
        names = {**naming.all_names(), naming.background_label: "background"}
        return send_strokes(self._sharing.viewer, [(images[number], own) for number, own in strokes], names)


def strokes_steps(found: Found, naming: Naming, indices: Iterable[int]) -> Steps[Strokes]:
    """Yield Progress; return strokes along the middle of each part and of the background of some images."""
    wanted, made = sorted(indices), []
    for done, index in enumerate(wanted, start=1):
        made.append((index, inner_strokes(naming.with_background(found.parts.labels(index)))))
        yield Progress(done, len(wanted), "images")
    return made
