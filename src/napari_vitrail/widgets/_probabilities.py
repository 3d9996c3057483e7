"""How probable each class is, as a layer in its colour."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image, Labels, Layer
from napari.utils import Colormap
from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from napari_vitrail.progress import Steps
from napari_vitrail.widgets._form import allow
from napari_vitrail.widgets._image_plane import ImagePlane
from napari_vitrail.widgets._layers import MARK, PROBABILITY, class_colours, is_result, mark, write_values
from napari_vitrail.widgets._workbench import Workbench

if TYPE_CHECKING:
    from napari_vitrail.classify import PixelClassifier

Question = tuple[object, ...]
"""What an answer is about; two that are equal have the same answer."""

_CLASS = f"{MARK} class"  # of a layer's metadata: the label whose probability it is
_HELP = (
    "Show how probable each class is, from 0 to 1, as one layer for each class, in its colour; "
    "together they mix their colours"
)


class Probabilities(QWidget):
    """A button that shows the probability of each class as a layer.

    Parameters
    ----------
    bench : Workbench
    """

    answered = Signal(object)
    """They are shown; what was asked, see `question_of`."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self._bench = bench
        self._show = QPushButton("Probabilities")
        self._show.clicked.connect(lambda: self.ask())
        for signal in (bench.changed, bench.learned):
            signal.connect(self._allow)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._show)
        self._allow()

    def _allow(self) -> None:
        allow(self._show, _HELP, self._bench.classifier_obstacle())

    def ask(self, then: Callable[[], None] = lambda: None) -> None:
        """Start to compute those of the plane in view; have a callback called when they are shown."""
        obstacle, classifier = self._bench.classifier_obstacle(), self._bench.classifier
        if obstacle or classifier is None:
            self._bench.job.refuse(obstacle)
            return
        plane = self._bench.plane()
        self._bench.job.run(
            plane_probabilities_steps(plane, classifier),
            on_done=partial(self._on_done, plane, classifier, then),
            title=f"Asking for the probabilities of {plane.layer_name}",
        )

    def _on_done(
        self,
        plane: ImagePlane,
        classifier: PixelClassifier,
        then: Callable[[], None],
        probabilities: NDArray[np.float32],
    ) -> str:
        colours = colours_of(classifier, self._bench.layers.strokes)
        rename_layers(self._bench.viewer.layers, plane.layer_name, classifier.class_names)
        for class_id, values in zip(classifier.classes_.tolist(), probabilities, strict=True):
            name = classifier.class_names[class_id]
            layer = write_probability(self._bench, plane, name, values, colours[class_id])
            layer.metadata[_CLASS] = class_id
        self.answered.emit(question_of(plane, classifier))
        then()
        return self._bench.report(plane, f"probabilities of {len(probabilities)} classes.")


def question_of(plane: ImagePlane, classifier: PixelClassifier | None, measure: str = "") -> Question:
    """Return what an answer is about: the classifier, the plane and any measure."""
    return classifier, plane.layer_name, str(plane.index), plane.channels, measure


def plane_probabilities_steps(plane: ImagePlane, classifier: PixelClassifier) -> Steps[NDArray[np.float32]]:
    """Yield Progress; return the probability of each class (k, H, W) in a plane."""
    from napari_vitrail.segmentation import probabilities_steps  # loads torch
    from napari_vitrail.store import shared_store

    steps = probabilities_steps(plane.read(), classifier, window=plane.window, store=shared_store())
    return (yield from steps)


def colours_of(classifier: PixelClassifier, strokes: Labels | None) -> dict[int, NDArray[np.floating]]:
    """Return the colour of each class: that of the strokes if there are any."""
    colormap = class_colours() if strokes is None else strokes.colormap
    return {int(class_id): np.asarray(colormap.map(int(class_id))) for class_id in classifier.classes_}


def layers_of(layers: Iterable[Layer], image_name: str) -> list[Layer]:
    """Return the layers of the probabilities in an image, without those that were renamed."""
    marks = [(layer, layer.metadata.get(MARK, {})) for layer in layers if is_result(layer)]
    return [
        layer for layer, own in marks if own["image"] == image_name and own["kind"].startswith(PROBABILITY)
    ]


def rename_layers(layers: Iterable[Layer], image_name: str, names: Mapping[int, str]) -> None:
    """Call the probabilities in an image by the names that their classes have now."""
    for layer in layers_of(layers, image_name):
        name = names.get(layer.metadata.get(_CLASS, 0))
        if name is not None and layer.metadata[MARK]["kind"] != f"{PROBABILITY} {name}":
            layer.metadata[MARK] = mark(image_name, f"{PROBABILITY} {name}")[MARK]
            layer.name = f"{image_name} {PROBABILITY} {name}"


def write_probability(
    bench: Workbench, plane: ImagePlane, name: str, values: NDArray[np.float32], colour: NDArray[np.floating]
) -> Image:
    """Write the probability of a class into its layer, in its colour."""
    clear = np.array([0, 0, 0, 1])
    colormap = Colormap([clear, [*colour[:3], 1]], name=f"black to {name}")
    layer = write_values(
        bench.viewer, plane, f"{PROBABILITY} {name}", values, colormap=colormap, blending="additive"
    )
    layer.colormap = colormap  # the class may have another colour by now
    return layer
