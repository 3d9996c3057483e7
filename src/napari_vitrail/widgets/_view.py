"""What is shown of an image: itself, its segmentation, probabilities or uncertainty, one at a time."""

from __future__ import annotations

from functools import partial

from magicgui.widgets import ComboBox
from napari.utils.events import Event
from qtpy.QtWidgets import QFormLayout

from napari_vitrail.widgets._form import choice, label_of
from napari_vitrail.widgets._layers import PROBABILITY, SEGMENTATION, UNCERTAINTY, written
from napari_vitrail.widgets._probabilities import Probabilities, Question, layers_of, question_of
from napari_vitrail.widgets._uncertain import Uncertainty
from napari_vitrail.widgets._workbench import Workbench

IMAGE = "image"
_VIEWS = {
    "Image": IMAGE,
    "Segmentation": SEGMENTATION,
    "Probability": PROBABILITY,
    "Uncertainty": UNCERTAINTY,
}
_KINDS = (UNCERTAINTY, PROBABILITY, SEGMENTATION)
"""Of layers, the topmost first."""
_NO_SEGMENTATION = "there is no segmentation; paint and press Segment"
_HELP = (
    "What lies over the image; a key shows the next, see Settings. Probabilities and uncertainty are "
    "computed when they are first looked at. The strokes stay as they are"
)


class View:
    """A choice of what is shown, and the way to the next.

    Parameters
    ----------
    bench : Workbench
    uncertain : Uncertainty
        Computes the uncertainty of the plane in view.
    probabilities : Probabilities
        Compute those of each class in it.
    """

    def __init__(self, bench: Workbench, uncertain: Uncertainty, probabilities: Probabilities) -> None:
        self._bench = bench
        self._uncertain = uncertain
        self._asks = {UNCERTAINTY: uncertain.ask, PROBABILITY: probabilities.ask}
        self._chosen = IMAGE
        self._is_awaited = False
        self._answered: dict[str, Question] = {}  # of each view that is computed, the last question
        uncertain.answered.connect(partial(self._answered.__setitem__, UNCERTAINTY))
        probabilities.answered.connect(partial(self._answered.__setitem__, PROBABILITY))
        self._combo: ComboBox = choice("View", _VIEWS.items(), IMAGE, _HELP)
        self._combo.changed.connect(self.show)
        bench.viewer.layers.events.connect(self._on_layer_event)
        for signal in (bench.changed, bench.shown):
            signal.connect(self._follow)

    def add_rows(self, layout: QFormLayout) -> None:
        """Add the choice, as a labelled row."""
        layout.addRow(label_of(self._combo), self._combo.native)

    def show_next(self) -> None:
        """Show the next of what there is; after the last, the image."""
        there = [view for view in _VIEWS.values() if not self._lacks(view)]
        if len(there) == 1:
            self._bench.job.refuse("there is nothing to show but the image; paint and segment first")
            return
        waiting = self._is_awaited and self._bench.job.is_busy
        position = there.index(self._chosen if waiting else self._combo.value)
        self.show(there[(position + 1) % len(there)])

    def show(self, view: str) -> None:
        """Show one of the views; what has to be computed for it is shown once it is there."""
        self._is_awaited = False
        if lack := self._lacks(view):
            self._bench.job.refuse(lack)
            self._follow()
            return
        self._chosen = view
        if self._is_out_of_date(view):
            self._is_awaited = True
            self._asks[view](self._on_answered)
            self._follow()
        else:
            self._reveal(view)

    def _on_answered(self) -> None:
        """Show what was asked for, unless another view was chosen meanwhile."""
        self._is_awaited = False
        self._reveal(self._chosen)

    def _reveal(self, view: str) -> None:
        """Make the layers of a view visible and those of the others not."""
        for kind in _KINDS:
            for layer in self._layers(kind):
                layer.visible = kind == view
        self._follow()

    def _lacks(self, view: str) -> str:
        """Return why a view cannot be shown, nothing if it can."""
        if view == IMAGE or self._layers(view):
            return ""
        return _NO_SEGMENTATION if view == SEGMENTATION else self._bench.classifier_obstacle()

    def _layers(self, kind: str) -> list:
        image, layers = self._bench.layers.image, self._bench.viewer.layers
        if image is None:
            return []
        return layers_of(layers, image.name) if kind == PROBABILITY else written(layers, image.name, kind)

    def _question(self, view: str) -> Question:
        """Return what an answer would be about."""
        measure = self._uncertain.measure if view == UNCERTAINTY else ""
        return question_of(self._bench.plane(), self._bench.classifier, measure)

    def _is_out_of_date(self, view: str) -> bool:
        if view not in self._asks or self._bench.classifier_obstacle():  # then what is there is shown
            return False
        return not self._layers(view) or self._question(view) != self._answered.get(view)

    def _on_layer_event(self, event: Event) -> None:
        if event.type in ("visible", "removed", "inserted"):
            self._follow()

    def _follow(self) -> None:
        """Say what is shown now."""
        shown = [kind for kind in _KINDS if any(layer.visible for layer in self._layers(kind))]
        self._say(shown[0] if shown else IMAGE)

    def _say(self, view: str) -> None:
        with self._combo.changed.blocked():
            self._combo.value = view
