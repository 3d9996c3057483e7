"""A frozen spec as a form, and the form as a frozen spec."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from textwrap import fill
from typing import Any, get_args

from magicgui.schema._ui_field import build_widget  # has no public name yet
from magicgui.widgets import CheckBox, ComboBox, Widget
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QFormLayout,
    QFrame,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_vitrail.backbones import BackboneInfo, available_source, list_backbones
from napari_vitrail.spec import Estimator, FeatureSpec

FEATURE_TITLES = {
    "auto": "Automatic",
    "hybrid": "Classical + ViT",
    "vit": "ViT",
    "classical": "Classical",
}
ESTIMATOR_TITLES = {
    "logistic": "Logistic regression",
    "forest": "Random forest",
    "trees": "Extra trees",
    "boosting": "Gradient boosting",
    "mlp": "Neural network",
    "ridge": "Ridge regression",
}
EMPTY_BOXES = (
    "::indicator:unchecked { width: 12px; height: 12px; border: 1px solid #808890; border-radius: 2px }"
)
"""A style that shows the boxes of a list or table that are not ticked: napari draws them dark on dark."""
_SIZES = {"small": "S", "small_plus": "S+", "base": "B", "large": "L", "giant": "g"}
_ESTIMATOR_HELP = "What learns from the strokes; automatic is what does best in our evaluation"
_POLICY, _LOW = QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum


class SpecForm:
    """Feature set and backbone of a `FeatureSpec`, an estimator, and the other fields folded away.

    Parameters
    ----------
    spec : FeatureSpec
        What the form shows at first; the fields' bounds come from its annotations, their tooltips
        from its docstring.
    on_change : callable
        Called without arguments whenever a value has changed.
    """

    def __init__(self, spec: FeatureSpec, *, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._others: Any = build_widget(spec)  # an instance: a class loses its defaults
        self._features = choice("Features", _swap(FEATURE_TITLES), spec.features)
        self._backbone = choice("Backbone", backbone_choices(), spec.backbone)
        self._estimator = choice("Estimator", _estimators(), "", _ESTIMATOR_HELP)
        self._features.name, self._backbone.name = "features", "backbone"
        for name in ("features", "backbone"):
            self._others.remove(name)
        explained = {name: wrapped(text) for name, text in FeatureSpec.field_help().items()}
        self._features.tooltip = explained["features"]
        self._backbone.tooltip = explained["backbone"]
        for widget in self._others:
            widget.tooltip = explained[widget.name]
            widget.label = _spoken(widget.name)
            if isinstance(widget, CheckBox):  # its label is inside
                widget.text = widget.label
        for part in (self._features, self._backbone, self._others):
            part.changed.connect(on_change)

    @property
    def spec(self) -> FeatureSpec:
        """The spec that the form shows.

        Raises
        ------
        ValueError
            If some values do not go together.
        """
        chosen = {"features": self._features.value, "backbone": self._backbone.value}
        return FeatureSpec(**chosen, **self._others.asdict())

    @property
    def backbone(self) -> str:
        """Name of the chosen backbone."""
        return self._backbone.value

    @property
    def valid_spec(self) -> FeatureSpec | None:
        """The spec that the form shows; None if some values do not go together."""
        try:
            return self.spec
        except ValueError:
            return None

    @property
    def estimator(self) -> str | None:
        """Name of the chosen estimator; None leaves the choice to the core."""
        return self._estimator.value or None

    def show(self, spec: FeatureSpec, estimator: str | None) -> None:
        """Show a spec, and the name of an estimator."""
        self._estimator.value = estimator or ""
        parts = (self._features, self._backbone, *self._others)
        with ExitStack() as silence:  # what lies between is no spec that anyone asked for
            for part in (*parts, self._others):
                silence.enter_context(part.changed.blocked())
            for part in parts:
                part.value = getattr(spec, part.name)
        self._on_change()

    def add_rows(self, layout: QFormLayout) -> None:
        """Add the choices, as labelled rows."""
        for widget in (self._features, self._backbone, self._estimator):
            layout.addRow(label_of(widget), widget.native)

    def advanced(self) -> QWidget:
        """Return all other fields, under a title that unfolds them."""
        self._others.margins = (0, 0, 4, 0)
        scroll = QScrollArea()
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its fields are reached, and scroll into view
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self._others.native)
        return folded("Advanced", scroll, "All other settings; the defaults suit most images")


def folded(title: str, content: QWidget, tooltip: str) -> QWidget:
    """Return a widget that shows its content only when its title is pressed.

    superqt's collapsible draws its arrow in the colour of the system's theme, not of napari's.
    """
    button = QPushButton()
    button.setCheckable(True)
    button.setToolTip(wrapped(tooltip))
    button.setStyleSheet("text-align: left")
    button.toggled.connect(content.setVisible)
    button.toggled.connect(lambda shown: button.setText(f"{'▾' if shown else '▸'}  {title}"))
    whole = QWidget()
    layout = QVBoxLayout(whole)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(button)
    layout.addWidget(content, 1)
    layout.addStretch()  # holds the title up while nothing else is shown
    button.toggled.connect(lambda shown: whole.setSizePolicy(_POLICY, _POLICY if shown else _LOW))
    button.toggled.emit(False)
    return whole


def choice(label: str, choices: Iterable[tuple[str, Any]], value: Any, tooltip: str = "") -> ComboBox:
    """Return a combo box of (text, value) pairs that gives way where space is scarce."""
    combo = ComboBox(label=label, choices=list(choices), value=value, tooltip=wrapped(tooltip))
    yield_space(combo)
    return combo


def yield_space(combo: ComboBox) -> None:
    """Let a combo box be narrower than its longest text."""
    native: QComboBox = combo.native
    native.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    native.setMinimumContentsLength(6)


def label_of(widget: Widget) -> QLabel:
    """Return a label for a magicgui widget, with the widget's tooltip."""
    label = QLabel(widget.label)
    label.setToolTip(widget.tooltip)
    return label


def allow(button: QAbstractButton, hint: str, obstacle: str) -> None:
    """Let a button be pressed unless something stands in the way, which becomes its tooltip."""
    button.setEnabled(not obstacle)
    button.setToolTip(wrapped(f"Not yet: {obstacle}" if obstacle else hint))


def wrapped(text: str) -> str:
    """Return a text in lines that a tooltip can show; Qt breaks none."""
    return fill(text, 60)


def backbone_title(info: BackboneInfo) -> str:
    """Return a backbone's name for people: ``DINOv2 S/14, registers``."""
    size = info.name.partition("_patch")[0].partition("_")[2]
    title = f"{info.family} {_SIZES[size]}/{info.patch_size}"
    return f"{title}, registers" if "_reg" in info.name else title


def backbone_choices() -> list[tuple[str, str]]:
    """Return title and name of each backbone; the title says what would have to be fetched."""
    return [(_offer(info), info.name) for info in list_backbones()]


def _offer(info: BackboneInfo) -> str:
    title = backbone_title(info)
    return title if available_source(info.name) else f"{title} (download of {info.megabytes} MB)"


def _estimators() -> list[tuple[str, str]]:
    """Return title and name of each estimator, and of leaving the choice to the core."""
    return [("Automatic", ""), *((ESTIMATOR_TITLES.get(name, name), name) for name in get_args(Estimator))]


def _spoken(name: str) -> str:
    """Return a field's name as one would say it: ``n_components`` is ``Number of components``."""
    words = re.sub(r"^n_", "number of ", name).replace("_", " ")
    return words[0].upper() + words[1:]


def _swap(titles: dict[str, str]) -> list[tuple[str, str]]:
    return [(title, value) for value, title in titles.items()]


def without_arguments(slot: Callable[[], None]) -> Callable[[], None]:
    """Return a slot that is not told whether a button is ticked."""
    return lambda: slot()
