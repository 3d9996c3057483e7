"""Which classes of a segmentation are meant: a button with a menu of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from qtpy.QtGui import QAction
from qtpy.QtWidgets import QMenu, QPushButton, QSizePolicy

from napari_vitrail.widgets._form import wrapped
from napari_vitrail.widgets._layers import class_names
from napari_vitrail.widgets._packed import finest
from napari_vitrail.widgets._workbench import Workbench

_HELP = "The classes whose objects are wanted; until you choose, all but the one that covers most"


class ClassMenu(QPushButton):
    """A button that says which classes are chosen, and opens a menu to choose others.

    Parameters
    ----------
    bench : Workbench
        Its segmentation has the classes.
    """

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self._bench = bench
        self._areas: dict[int, int] = {}  # in pixels
        self._asked: dict[int, bool] = {}  # by a click
        self._menu = QMenu(self)
        self._menu.aboutToShow.connect(self._fill)
        self.setMenu(self._menu)
        self.setToolTip(wrapped(_HELP))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.show_classes()

    @property
    def chosen(self) -> list[int]:
        """The chosen classes, of those that the plane in view had when it was last looked at."""
        return [class_id for class_id in self._areas if self.is_wanted(class_id)]

    @property
    def is_wanted(self) -> Callable[[int], bool]:
        """Tells whether a class is wanted, of this plane or another, as things are now."""
        largest, asked = max(self._areas, key=self._areas.__getitem__, default=0), dict(self._asked)
        return lambda class_id: asked.get(class_id, class_id != largest)

    def show_classes(self) -> None:
        """Look at the plane in view, and say what is chosen now."""
        self._areas = self._areas_in_view()
        self.setEnabled(bool(self._areas))
        self._say()

    def _say(self) -> None:
        names = self._names()
        self.setText(", ".join(names[class_id] for class_id in self.chosen) or "none")

    def _areas_in_view(self) -> dict[int, int]:
        """Return how many pixels of the plane in view are of each class."""
        result = self._bench.result()
        if result is None or self._bench.image_obstacle():
            return {}
        counts = np.bincount(np.ravel(finest(result)[self._bench.plane().index]))
        return {int(class_id): int(counts[class_id]) for class_id in np.flatnonzero(counts) if class_id}

    def _names(self) -> dict[int, str]:
        result = self._bench.result()
        known = {} if result is None else class_names(result)
        return {class_id: known.get(class_id, f"class {class_id}") for class_id in self._areas}

    def _fill(self) -> None:
        self._menu.clear()
        chosen = self.chosen
        for class_id, name in self._names().items():
            action = QAction(name, self._menu)
            action.setCheckable(True)
            action.setChecked(class_id in chosen)
            action.toggled.connect(partial(self._on_toggled, class_id))
            self._menu.addAction(action)

    def _on_toggled(self, class_id: int, wanted: bool) -> None:
        chosen = self.chosen
        self._asked |= {own: own in chosen for own in self._areas} | {class_id: wanted}
        self._say()
