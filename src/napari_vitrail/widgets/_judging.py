"""Boxes that are proposed, and what is thought of them: by buttons, and by keys over the viewer."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtWidgets import QDoubleSpinBox, QGridLayout, QLabel, QPushButton, QWidget

from napari_vitrail.widgets._form import allow, folded, without_arguments, wrapped
from napari_vitrail.widgets._keys import KeyAction, Keys
from napari_vitrail.widgets._scene import JudgedBox, Judgement
from napari_vitrail.widgets._scene_layers import boxes_layer, corners_of
from napari_vitrail.widgets._scenes import Scenes

KEYS = "object_keys"
"""The group of preferences."""
_KEYS_HINT = "The keys that judge boxes, and what stands in the way of any"
_SAYS_HINT = "How many boxes in the image in view were accepted, are proposed, and were rejected"
_SCORE_HINT = (
    "Propose boxes of at least this score: how many times more than the mean place of the image the network "
    "looks at what is in them. Boxes that were accepted stay"
)
_WHICH = "the box that is filled, or those that are selected in their layer"
_STATUSES: tuple[Judgement, ...] = ("accepted", "proposed", "rejected")


class Judging(QWidget):
    """Buttons that accept, reject and skip boxes, the same by keys, and how many there are of each.

    Parameters
    ----------
    scenes : Scenes
    """

    def __init__(self, scenes: Scenes) -> None:
        super().__init__()
        self._scenes = scenes
        self._says = QLabel()
        self._says.setWordWrap(True)
        self._says.setToolTip(wrapped(_SAYS_HINT))
        self._score = QDoubleSpinBox()
        self._score.setRange(0, 99)
        self._score.setSingleStep(0.5)
        self._score.setDecimals(1)
        self._score.setPrefix("score ")
        self._score.setValue(scenes.least_score)
        self._score.setToolTip(wrapped(_SCORE_HINT))
        self._score.valueChanged.connect(scenes.propose_from)
        self._hints = {
            "Accept": f"Accept {_WHICH}: it stays at every detail",
            "Reject": f"Reject {_WHICH}: it turns grey, and stays so while it is proposed",
            "Skip": "Go on to the next box that is proposed",
            "Accept all": "Accept all boxes in the image in view that are proposed",
            "Reject all": "Reject all boxes in the image in view that are proposed",
            "Start over": "Take back what was thought of the boxes in the image in view",
        }
        slots: tuple[Callable[[], None], ...] = (
            self.accept,
            self.reject,
            scenes.skip,
            lambda: self._judge(self._proposed(), "accepted"),
            lambda: self._judge(self._proposed(), "rejected"),
            lambda: self._judge(scenes.boxes(), "proposed"),
        )
        self._buttons = {text: QPushButton(text) for text in self._hints}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self._says, 0, 0, 1, 3)
        grid.addWidget(shown := QLabel("Proposed from"), 1, 0, 1, 2)
        grid.addWidget(self._score, 1, 2)
        shown.setToolTip(self._score.toolTip())
        for place, (button, slot) in enumerate(zip(self._buttons.values(), slots, strict=True)):
            button.clicked.connect(without_arguments(slot))
            grid.addWidget(button, 2 + place // 3, place % 3)
        self._keys = Keys(
            scenes.viewer,
            [
                KeyAction("accept", "accept a box", self.accept),
                KeyAction("reject", "reject a box", self.reject),
                KeyAction("skip", "skip a box", scenes.skip),
            ],
            group=KEYS,
        )
        grid.addWidget(folded("Keys", self._keys, _KEYS_HINT), 4, 0, 1, 3)
        for signal in (scenes.shown, scenes.changed):
            signal.connect(self._show)
        self._show()

    def come(self) -> None:
        """Bind the keys."""
        self._keys.bind(None)

    def leave(self) -> None:
        """Give the keys back."""
        self._keys.leave()

    def accept(self) -> None:
        """Accept the boxes that are meant."""
        self._judge(self._meant(), "accepted")

    def reject(self) -> None:
        """Reject the boxes that are meant."""
        self._judge(self._meant(), "rejected")

    def _meant(self) -> list[JudgedBox]:
        """Return the boxes that are selected in their layer; where none is, the one that stands out."""
        if selected := self._selected():
            return selected
        proposed = self._scenes.proposed()
        return [] if proposed is None else [proposed]

    def _selected(self) -> list[JudgedBox]:
        """Return the boxes that are selected in the layer of boxes, if that is; perhaps moved by hand."""
        scene = self._scenes.current
        layer = None if scene is None else boxes_layer(self._scenes.viewer, scene.image)
        if scene is None or layer is None or layer != self._scenes.viewer.layers.selection.active:
            return []
        found = []
        for row in sorted(layer.selected_data):
            corners = corners_of(layer.data[row], scene.image.plane.index)
            if corners is not None:
                own = layer.features.iloc[row]
                found.append(JudgedBox(corners, int(own["label"]), float(own["score"])))
        return found

    def _proposed(self) -> list[JudgedBox]:
        return [box for box in self._scenes.boxes() if box.status == "proposed"]

    def _judge(self, boxes: list[JudgedBox], status: Judgement) -> None:
        if boxes:
            self._scenes.judge([box._replace(status=status) for box in boxes])
        else:
            self._scenes.job.refuse(self._scenes.obstacle() or "no box is proposed")

    def _where(self) -> str:
        """Return which of several images it is whose classes and boxes are listed."""
        scene = self._scenes.current
        return "" if scene is None or len(self._scenes.here) == 1 else f" in {scene.image.name}"

    def _show(self) -> None:
        """Say how many boxes there are of each kind, and let be done what can be."""
        obstacle = self._scenes.obstacle()
        statuses = [box.status for box in self._scenes.boxes()]
        counts = ", ".join(f"{statuses.count(status)} {status}" for status in _STATUSES)
        where = self._where()
        self._says.setText(
            f"Boxes{where}: {counts}" if statuses else "No boxes yet" if obstacle else f"No box{where}"
        )
        for text, button in self._buttons.items():
            allow(button, self._hints[text], obstacle)
