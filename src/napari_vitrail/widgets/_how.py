"""How the shared object is found: by a consensus, or by votes for clusters, whose number is on a curve."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QComboBox, QFormLayout, QHBoxLayout, QLabel, QPushButton, QSpinBox, QWidget

from napari_vitrail.widgets._form import folded, wrapped
from napari_vitrail.widgets._found import Seen
from napari_vitrail.widgets._plot import Look, Plot
from napari_vitrail.widgets._sharing import Sharing
from napari_vitrail.widgets._timer import timer

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from napari_vitrail.cosegmentation import Consensus, Curve, Votes

_CONSENSUS, _VOTES = range(2)
_PATIENCE_MS = 150
_MOST_CLUSTERS = 40
_COUNT_WIDTH, _CURVE_HEIGHT = 104, 150
_METHOD_HINT = (
    "What tells the object from the rest: what clusterings of several sizes agree on, or, as published, "
    "clusters of one size for which enough images vote. No network is asked again"
)
_COUNT_HINT = (
    "Into how many clusters what the network sees is divided; at the lowest value the elbow rule takes the "
    "first number beyond which one more helps little"
)
_CURVE_HINT = (
    "How far descriptors are from the centre of their cluster, for each number of clusters; the dot is the "
    "number that is taken, the ring the one of the elbow rule"
)


class HowPanel(QWidget):
    """A choice of the method and the number of clusters, and the curve by which that is chosen.

    Parameters
    ----------
    sharing : Sharing

    Attributes
    ----------
    curve : QWidget
        Folded away at first: it takes more room than the choices.
    """

    def __init__(self, sharing: Sharing) -> None:
        super().__init__()
        self._sharing = sharing
        self._elbow: tuple[Seen, Curve] | None = None
        self._method = QComboBox()
        self._method.addItems(["Consensus", "Votes for clusters"])
        self._method.setToolTip(wrapped(_METHOD_HINT))
        self._count = QSpinBox()
        self._count.setRange(1, _MOST_CLUSTERS)
        self._count.setSpecialValueText("Elbow")
        self._count.setToolTip(wrapped(_COUNT_HINT))
        self._count.setMinimumWidth(_COUNT_WIDTH)
        self._plot = Plot(sharing.viewer, height=_CURVE_HEIGHT)
        self.curve = folded("Elbow", self._plot, _CURVE_HINT)
        self.curve.findChild(QPushButton).toggled.connect(self._draw)
        self._soon = timer(self, _PATIENCE_MS, self._find_again)
        self._method.currentIndexChanged.connect(self._on_changed)
        self._count.valueChanged.connect(self._on_changed)
        sharing.shown.connect(self._show)
        self._lay_out()
        self._show()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        self._method.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._method.setMinimumContentsLength(6)
        row.addWidget(self._method, 1)
        row.addWidget(self._count)
        title = QLabel("Object by")
        title.setToolTip(self._method.toolTip())
        rows = QFormLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addRow(title, row)

    def _how(self) -> Consensus | Votes | None:
        """Return how the object is found; None leaves it to the library."""
        if self._method.currentIndex() == _CONSENSUS:
            return None
        from napari_vitrail.cosegmentation import COSEGMENTATION, Votes  # loads torch

        count = self._count.value()
        own = Votes(n_clusters=None if count == self._count.minimum() else count)
        # A share of the greatest saliency is no threshold where 1 is the mean.
        return replace(own, saliency_threshold=1.0) if COSEGMENTATION.saliency == "density" else own

    def _find_again(self) -> None:
        self._sharing.find_again(replace(self._sharing.wish, how=self._how()))

    def _on_changed(self) -> None:
        self._soon.start()
        self._show()

    def _show(self) -> None:
        """Show the number of clusters and the curve where they count for something."""
        by_votes = self._method.currentIndex() == _VOTES
        self._count.setVisible(by_votes)
        found = self._sharing.found
        voted = None if found is None else found.voted
        if found is not None and voted is not None and len(voted.curve.counts) > 1:
            self._elbow = found.seen, voted.curve
        has_curve = self._elbow is not None and found is not None and self._elbow[0] is found.seen
        self.curve.setVisible(by_votes and voted is not None and has_curve)
        self._draw()

    def _draw(self) -> None:
        """Draw the curve, unless it is folded away."""
        found = self._sharing.found
        if found is None or found.voted is None or self._elbow is None or self._plot.isHidden():
            return
        drawing = partial(draw_elbow, curve=self._elbow[1], taken=found.voted.curve)
        self._plot.show_drawing(drawing, _CURVE_HINT)


def draw_elbow(axes: Axes, look: Look, curve: Curve, taken: Curve) -> None:
    """Draw a curve, the number that its rule has chosen, and the one that is taken."""
    axes.plot(curve.counts, curve.distortions, "-", color=look.faint, lw=1.5)
    at = curve.counts.tolist().index(curve.chosen)
    axes.plot(curve.chosen, curve.distortions[at], "o", color=look.text, ms=11, mfc="none")
    axes.plot(
        taken.chosen, taken.distortions[taken.counts.tolist().index(taken.chosen)], "o", color=look.accent
    )
    axes.locator_params(axis="x", integer=True)
    axes.set_xlabel("clusters")
    axes.set_ylabel("mean squared distance")
    axes.set_ylim(bottom=0)
