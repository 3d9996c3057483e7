"""Look through the frames, correct one, go on from there: by buttons, and by keys over the viewer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from qtpy.QtWidgets import QCheckBox, QGridLayout, QLabel, QPushButton, QWidget

from napari_vitrail.widgets._form import allow, folded, without_arguments, wrapped
from napari_vitrail.widgets._keys import KeyAction, Keys
from napari_vitrail.widgets._propagation import Propagation

KEYS = "propagate_keys"
"""The group of preferences."""
_KEYS_HINT = "The keys for worst frame, correcting and going on, and what stands in the way of any"
_FOLLOW_HINT = "Show each frame as soon as it is finished, until you move the slider yourself"
_SAYS_HINT = "The frame in view, and how far what was propagated into it can be relied on: 1 is fully"
_HINTS = {
    "Worst frame": "Go to the frame that can be relied on least; from there to the next worse",
    "Play": "Play the movie, and stop it: the button beside napari's slider, with its settings",
    "Correct": "Take what was propagated in hand, to paint on it or move it: that corrects the frame in view",
    "Continue from here": (
        "The frame in view is right as it is: let it count as labelled, and compute what depends on it"
    ),
    "Take back": "Forget what was corrected in the frame in view, and compute what depends on it",
}
_PLAY = "Play"
_PLAYER = "QtDims"
"""What napari calls all sliders together."""


class FrameTools(QWidget):
    """Buttons for the frame in view, the same by keys, and how good it is.

    Parameters
    ----------
    propagation : Propagation
    """

    def __init__(self, propagation: Propagation) -> None:
        super().__init__()
        self._propagation = propagation
        self._says = QLabel()
        self._says.setToolTip(wrapped(_SAYS_HINT))
        self._follow = QCheckBox("Show frames as they come")
        self._follow.setToolTip(wrapped(_FOLLOW_HINT))
        self._follow.setChecked(propagation.is_following)
        self._follow.toggled.connect(propagation.follow)
        slots: tuple[Callable[[], None], ...] = (
            propagation.show_worst,
            self.play,
            propagation.correct,
            propagation.go_on,
            propagation.take_back,
        )
        self._buttons = {text: QPushButton(text) for text in _HINTS}
        for button, slot in zip(self._buttons.values(), slots, strict=True):
            button.clicked.connect(without_arguments(slot))
        self._keys = Keys(
            propagation.viewer,
            [
                KeyAction("worst", "worst frame", propagation.show_worst),
                KeyAction("correct", "correct the frame in view", propagation.correct),
                KeyAction("go_on", "continue from here", propagation.go_on),
                KeyAction("take_back", "take a correction back", propagation.take_back),
            ],
            group=KEYS,
        )
        self._lay_out()
        for signal in (propagation.shown, propagation.changed):
            signal.connect(self._show)
        self._show()

    def come(self) -> None:
        """Bind the keys."""
        self._keys.bind(None)

    def leave(self) -> None:
        """Give the keys back."""
        self._keys.leave()

    def play(self) -> None:
        """Play along the axis of the stack as the button beside its slider does, or stop."""
        player, axis = self._player(), self._slider_axis()
        if player is None or axis is None or axis in self._propagation.viewer.dims.displayed:
            self._propagation.job.refuse("show the stack in 2-D, with its slider")
        elif player.is_playing:
            player.stop()
        else:
            player.play(axis)

    def _slider_axis(self) -> int | None:
        """Return which slider of the viewer is that of the stack."""
        passage = self._propagation.passage
        if passage is None:
            return None
        return passage.stack.axis + self._propagation.viewer.dims.ndim - passage.stack.layer.ndim

    def _player(self) -> Any:
        """Return what plays in napari, whose viewer has no door to it."""
        window = self.window()
        parts = [] if window is None else window.findChildren(QWidget)
        return next((own for own in parts if type(own).__name__ == _PLAYER), None)

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        worst, play, correct, go_on, back = self._buttons.values()
        grid.addWidget(self._says, 0, 0, 1, 2)
        grid.addWidget(worst, 1, 0)
        grid.addWidget(play, 1, 1)
        grid.addWidget(correct, 2, 0)
        grid.addWidget(back, 2, 1)
        grid.addWidget(go_on, 3, 0, 1, 2)
        grid.addWidget(self._follow, 4, 0, 1, 2)
        grid.addWidget(folded("Keys", self._keys, _KEYS_HINT), 5, 0, 1, 2)

    def _show(self) -> None:
        """Say how good the frame in view is, and let be done what can be."""
        quality, frame = self._propagation.quality, self._propagation.frame_in_view
        self._says.setText(_said(frame, quality.values, quality.labelled))
        obstacle = self._propagation.found_obstacle()
        passage = self._propagation.passage
        corrected = [] if passage is None else passage.corrected
        own = {_PLAY: self._propagation.choice.stack_obstacle()}
        if frame not in corrected:
            own["Take back"] = obstacle or "show a frame that was corrected"
        for text, button in self._buttons.items():
            allow(button, _HINTS[text], own.get(text, obstacle))


def _said(frame: int | None, values: Mapping[int, float], labelled: frozenset[int]) -> str:
    """Return what is known of a frame in words."""
    if frame is None:
        return "No frame in view"
    if frame in labelled:
        return f"Frame {frame}: labelled"
    return f"Frame {frame}: quality {values[frame]:.2f}" if frame in values else f"Frame {frame}"
