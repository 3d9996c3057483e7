"""How finely what was found is told apart: a slider that cuts merge trees, and whether the ground shows."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QGridLayout, QLabel, QSlider, QWidget

from napari_vitrail.widgets._form import wrapped
from napari_vitrail.widgets._scenes import Scenes

STEPS = 40
DEFAULT = 4
"""Where the slider stands for a scale of 1: coarser cuts differ little, finer ones more and more."""
_HINT = (
    "How finely the image is told apart: to the left what is alike in meaning is one class, to the right "
    "each piece is a class of its own. No network is asked again, and all images follow"
)
_GROUND_HINT = "Show the classes of the ground in the layers too, not only the objects"


class DetailSlider(QWidget):
    """A slider for the scale at which merge trees are cut, which says how many classes that makes.

    Parameters
    ----------
    scenes : Scenes
    """

    def __init__(self, scenes: Scenes) -> None:
        super().__init__()
        self._scenes = scenes
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(0, STEPS)
        self._slider.setValue(DEFAULT)
        self._slider.setPageStep(4)
        self._number = QLabel()
        self._number.setMinimumWidth(self.fontMetrics().horizontalAdvance("24 classes"))
        self._ground = QCheckBox("Show the ground, too")
        self._ground.setToolTip(wrapped(_GROUND_HINT))
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(title := QLabel("Detail"), 0, 0)
        grid.addWidget(self._slider, 0, 1)
        grid.addWidget(self._number, 0, 2)
        grid.addWidget(self._ground, 1, 0, 1, 3)
        for part in (title, self._slider, self._number):
            part.setToolTip(wrapped(_HINT))
        self._slider.valueChanged.connect(lambda value: scenes.cut_at(scale_at(value)))
        self._ground.toggled.connect(scenes.show_ground)
        scenes.shown.connect(self._say)
        self._say()

    def _say(self) -> None:
        scene = self._scenes.current
        count = 0 if scene is None else len(self._scenes.cut_of(scene).labels)
        self._number.setText("" if scene is None else f"{count} class{'' if count == 1 else 'es'}")


def scale_at(value: int) -> float:
    """Return at which multiple of the semantic distance trees are cut for a place of the slider."""
    return ((STEPS - value) / (STEPS - DEFAULT)) ** 2
