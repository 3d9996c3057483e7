"""A plot in a widget, in the colours of napari's theme."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari import Viewer
from napari.utils.theme import get_theme
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_vitrail.widgets._form import wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
    from matplotlib.figure import Figure

MISSING = "Plots need matplotlib: pip install 'napari-vitrail[plots]'"
HEIGHT = 230
"""Pixels below which nothing can be read."""
_FONT_SIZE = 8


@dataclass(frozen=True)
class Look:
    """Colours of a plot, as matplotlib takes them.

    Attributes
    ----------
    background, text, faint, accent : str
    """

    background: str
    text: str
    faint: str
    accent: str

    @classmethod
    def of(cls, viewer: Viewer) -> Look:
        """Return the look of a viewer's theme."""
        theme = get_theme(viewer.theme)
        accent = "#7fa7ff" if theme.type == "dark" else "#2f56c4"
        return cls(theme.background.as_hex(), theme.text.as_hex(), theme.secondary.as_hex(), accent)


Drawing = Callable[["Axes", Look], None]


class Plot(QWidget):
    """Shows one drawing at a time; without matplotlib, how to get it.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose theme gives the colours.
    height : int
        Pixels, at least.
    """

    def __init__(self, viewer: Viewer, height: int = HEIGHT) -> None:
        super().__init__()
        self._height = height
        self._viewer = viewer
        self._drawing: Drawing | None = None
        self._canvas: FigureCanvasQTAgg | None = None  # matplotlib takes a moment to import
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)

    def show_drawing(self, drawing: Drawing, hint: str) -> None:
        """Draw something; the hint says what it shows."""
        self._drawing = drawing
        if self._canvas is None and self._layout.count() == 0:
            self._canvas = _canvas(self._height)
            self._layout.addWidget(self._canvas or _missing())
        if self._canvas is not None:
            self._canvas.setToolTip(wrapped(hint))
            self._draw()

    def changeEvent(self, event: QEvent) -> None:
        """Draw again in another theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self._draw()

    def _draw(self) -> None:
        if self._canvas is None or self._drawing is None:
            return
        look = Look.of(self._viewer)
        figure = self._canvas.figure
        figure.clear()
        figure.set_facecolor(look.background)
        axes = figure.add_subplot()
        self._drawing(axes, look)
        _dress(axes, look)
        self._canvas.draw_idle()


def _canvas(height: int) -> FigureCanvasQTAgg | None:
    """Return a canvas to draw on; None without matplotlib."""
    try:
        from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
        from matplotlib.figure import Figure
    except ImportError:
        return None

    class Canvas(FigureCanvasQTAgg):
        """Draws what it can of names in any script and in any size, and warns nobody."""

        def draw(self) -> None:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
                warnings.filterwarnings("ignore", "constrained_layout not applied", UserWarning)
                super().draw()

    canvas = Canvas(Figure(layout="constrained"))
    canvas.setMinimumSize(120, height)
    return canvas


def _missing() -> QLabel:
    label = QLabel(MISSING)
    label.setWordWrap(True)
    label.setToolTip("Everything else works without it")
    return label


def _dress(axes: Axes, look: Look) -> None:
    """Give axes, and those within their figure, the colours and the small print of the viewer."""
    figure: Figure = axes.figure  # type: ignore[assignment]
    for own in figure.axes:
        own.set_facecolor(look.background)
        own.tick_params(colors=look.text, labelsize=_FONT_SIZE)
        for text in (own.title, own.xaxis.label, own.yaxis.label):
            text.set_color(look.text)
            text.set_fontsize(_FONT_SIZE)
        for spine in own.spines.values():
            spine.set_color(look.faint)
        legend = own.get_legend()
        if legend is not None:
            legend.get_frame().set(facecolor=look.background, edgecolor=look.faint, alpha=0.8)
            for text in legend.get_texts():
                text.set(color=look.text, fontsize=_FONT_SIZE)
