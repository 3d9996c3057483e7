"""Where the classifier is unsure: a layer of it, and the way to the spot where it is most so."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from napari import Viewer
from napari.layers import Image
from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGridLayout, QPushButton, QWidget

from napari_vitrail.overlay import PlaneOverlay
from napari_vitrail.progress import Progress, Steps
from napari_vitrail.widgets._form import allow, choice
from napari_vitrail.widgets._image_plane import ImagePlane, is_lazy
from napari_vitrail.widgets._layers import UNCERTAINTY, write_values
from napari_vitrail.widgets._planes import overlays_on
from napari_vitrail.widgets._probabilities import Question, plane_probabilities_steps, question_of
from napari_vitrail.widgets._workbench import Workbench

if TYPE_CHECKING:
    from napari_vitrail.classify import PixelClassifier

_COLORMAP, _OPACITY = "inferno", 0.6
_LAYER_HELP = (
    "Show how unsure the classifier is of each pixel, from 0 (certain) to 1 (all classes equally probable)"
)
_MEASURES = {"Entropy": "entropy", "Margin": "margin"}
_MEASURE_HELP = (
    "What counts as unsure: that probability is shared among many classes (entropy), or that the two most "
    "probable are close (margin)"
)
_SPOT_HELP = "Take the view to the spot where a stroke would say most, and be shown how unsure it is there"


class Uncertainty(QWidget):
    """Two buttons: one shows uncertainty as a layer, one takes the viewer to the most uncertain spot.

    Parameters
    ----------
    bench : Workbench
    """

    answered = Signal(object)
    """It is shown; what was asked, see `question_of`."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self._bench = bench
        self._measure = choice("Measure", _MEASURES.items(), "entropy", _MEASURE_HELP)
        self._show = QPushButton("Uncertainty")
        self._go = QPushButton("Most uncertain spot")
        self._show.clicked.connect(lambda: self.ask())
        self._go.clicked.connect(lambda: self.go())
        for signal in (bench.changed, bench.learned):
            signal.connect(self._allow)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._show, 0, 0)
        layout.addWidget(self._measure.native, 0, 1)
        layout.addWidget(self._go, 1, 0, 1, 2)
        for column in (0, 1):
            layout.setColumnStretch(column, 1)
        self._allow()

    def _allow(self) -> None:
        """Let uncertainty be asked for unless something stands in the way, which becomes the tooltip."""
        obstacle = self._bench.classifier_obstacle()
        for button, hint in ((self._show, _LAYER_HELP), (self._go, _SPOT_HELP)):
            allow(button, hint, obstacle)

    @property
    def measure(self) -> str:
        """What counts as unsure."""
        return str(self._measure.value)

    def ask(self, then: Callable[[], None] = lambda: None) -> None:
        """Start to compute the uncertainty of the plane in view; have a callback called when it is shown."""
        self._start(then, then_go=False)

    def go(self) -> None:
        """Start to compute it, and take the view to the most uncertain spot."""
        self._start(lambda: None, then_go=True)

    def _start(self, then: Callable[[], None], *, then_go: bool) -> None:
        obstacle = self._bench.classifier_obstacle()
        if obstacle or self._bench.classifier is None:
            self._bench.job.refuse(obstacle)
            return
        plane = self._bench.plane()
        question = question_of(plane, self._bench.classifier, self.measure)
        self._bench.job.run(
            uncertainty_steps(plane, self._bench.classifier, self.measure, self._strokes(plane)),
            on_done=partial(self._on_done, plane, question, then_go, then),
            title=f"Asking how sure it is of {plane.layer_name}",
        )

    def _strokes(self, plane: ImagePlane) -> PlaneOverlay | None:
        """Return what is painted on a plane; nothing where no strokes layer is chosen."""
        layers = self._bench.layers
        if layers.strokes is None or layers.image is None:
            return None
        [found] = overlays_on(
            layers.strokes, layers.image, self._bench.viewer.dims, layers.channels, [plane.index]
        )
        return found if is_lazy(found.data) else found.kept()

    def _on_done(
        self, plane: ImagePlane, question: Question, then_go: bool, then: Callable[[], None], found: Unsure
    ) -> str:
        layer = write_uncertainty(self._bench.viewer, plane, found.values)
        self.answered.emit(question)
        then()
        report = f"uncertainty {found.values.mean():.2f} on average."
        if then_go:
            go_to(self._bench.viewer, layer, plane, found.spot)
            row, column = plane.position(found.spot)
            report += f" Least sure round row {row}, column {column}: a stroke there says most."
        return self._bench.report(plane, report)


class Unsure(NamedTuple):
    """How unsure a classifier is of a plane.

    Attributes
    ----------
    values : (H, W) float32
    spot : (row, column)
        Where a stroke would say most.
    """

    values: NDArray[np.float32]
    spot: tuple[int, int]


def uncertainty_steps(
    plane: ImagePlane, classifier: PixelClassifier, measure: str, painted: PlaneOverlay | None
) -> Steps[Unsure]:
    """Yield Progress; return how unsure a classifier is of each pixel of a plane, and where most."""
    from napari_vitrail.uncertainty import most_uncertain, uncertainty

    probabilities = yield from plane_probabilities_steps(plane, classifier)
    yield Progress(0, 1, "uncertainty")
    values = uncertainty(probabilities, measure)
    return Unsure(values, most_uncertain(values, None if painted is None else painted.read() > 0))


def write_uncertainty(viewer: Viewer, plane: ImagePlane, values: NDArray[np.float32]) -> Image:
    """Write the uncertainty of a plane into the image layer that earlier runs have made, or a new one."""
    return write_values(viewer, plane, UNCERTAINTY, values, colormap=_COLORMAP, opacity=_OPACITY)


def go_to(viewer: Viewer, layer: Image, plane: ImagePlane, spot: tuple[int, int]) -> None:
    """Take the viewer to a pixel of a plane, wherever slider and camera are."""
    rest = iter(plane.position(spot))
    world = layer.data_to_world([next(rest) if isinstance(at, slice) else at for at in plane.index])
    first = viewer.dims.ndim - layer.ndim
    for axis, at in enumerate(plane.index, start=first):
        if not isinstance(at, slice):
            viewer.dims.set_point(axis, world[axis - first])
    if viewer.dims.ndisplay == 2 and min(viewer.dims.displayed) >= first:
        camera = getattr(viewer, "scene", viewer).camera  # napari 0.9 moved it
        camera.center = (0, *(world[axis - first] for axis in viewer.dims.displayed))
