"""Which tokens to look at, as a form: backbone, layer, facet and how many of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from magicgui.widgets import SpinBox
from qtpy.QtWidgets import QFormLayout

from napari_vitrail.backbones import backbone_info
from napari_vitrail.spec import DEFAULT_BACKBONE, FeatureSpec
from napari_vitrail.widgets._form import backbone_choices, choice, label_of, wrapped

_FACETS = [
    ("Token, normalised", "token_norm"),
    ("Token", "token"),
    ("Key", "key"),
    ("Query", "query"),
    ("Value", "value"),
]
_PER_PATCH = [("One per patch", 1), ("2 x 2 per patch", 2), ("4 x 4 per patch", 4)]
_PER_PATCH_HELP = "More tokens show smaller things; twice as many along each side take four times as long"
_LAYER_HELP = "Block of the network, from 0; late ones see what things are, early ones edges and places"


class TokenForm:
    """Backbone, layer, facet and density of the tokens.

    Parameters
    ----------
    on_change : callable
        Called without arguments whenever a value has changed.
    """

    def __init__(self, *, on_change: Callable[[], None]) -> None:
        explained = FeatureSpec.field_help()
        self._backbone = choice("Backbone", backbone_choices(), DEFAULT_BACKBONE, explained["backbone"])
        self._layer: Any = SpinBox(label="Layer", min=0, max=0, tooltip=wrapped(_LAYER_HELP))
        self._facet = choice("Facet", _FACETS, "token_norm", explained["facet"])
        self._per_patch = choice("Tokens", _PER_PATCH, 1, _PER_PATCH_HELP)
        self._on_backbone_changed()
        self._backbone.changed.connect(self._on_backbone_changed)
        for part in (self._backbone, self._layer, self._facet, self._per_patch):
            part.changed.connect(on_change)

    @property
    def spec(self) -> FeatureSpec:
        """What the form asks for."""
        stride = max(backbone_info(self._backbone.value).patch_size // self._per_patch.value, 1)
        last = self._layer.value == self._layer.max
        return FeatureSpec(
            features="vit",
            backbone=self._backbone.value,
            layer=-1 if last else self._layer.value,
            facet=self._facet.value,
            stride=stride,
        )

    def add_rows(self, layout: QFormLayout) -> None:
        """Add the choices, as labelled rows."""
        for widget in (self._backbone, self._layer, self._facet, self._per_patch):
            layout.addRow(label_of(widget), widget.native)

    def _on_backbone_changed(self) -> None:
        """Offer the layers that the backbone has; the last stays the last."""
        last = self._layer.value == self._layer.max
        self._layer.max = backbone_info(self._backbone.value).depth - 1
        if last:
            self._layer.value = self._layer.max
