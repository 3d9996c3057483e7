"""Send objects to Paint to segment: as strokes, to be corrected and learned from."""

from __future__ import annotations

from napari_vitrail.widgets._scene_steps import strokes_steps
from napari_vitrail.widgets._scenes import Scenes
from napari_vitrail.widgets._send_strokes import PlaneStrokes, SendStrokes, send_strokes

_HINT = (
    "Paint a stroke along the middle of each object, and of the ground, into a strokes layer on each image "
    "that was looked at, and open Paint to segment: correct the strokes there and let them be learned from"
)


class SendObjects(SendStrokes):
    """A button that makes strokes of objects.

    Parameters
    ----------
    scenes : Scenes
    """

    def __init__(self, scenes: Scenes) -> None:
        self._scenes = scenes
        super().__init__("Send to Paint to segment", _HINT, (scenes.shown, scenes.changed))

    def _obstacle(self) -> str:
        return "" if self._scenes.here else self._scenes.obstacle()

    def _on_clicked(self) -> None:
        self._scenes.job.run(
            strokes_steps(self._scenes.here, self._scenes.scale),
            on_done=self._on_done,
            title="Making strokes",
        )

    def _on_done(self, made: tuple[list[PlaneStrokes], dict[int, str]]) -> str:
        return send_strokes(self._scenes.viewer, *made)
