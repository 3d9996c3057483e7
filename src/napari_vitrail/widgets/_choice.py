"""Which layers to work on: an image and the strokes painted on it."""

from __future__ import annotations

from collections.abc import Callable

from magicgui.widgets import ComboBox
from napari import Viewer
from napari.components import Dims
from napari.layers import Image, Labels, Layer
from napari.utils.events import Event
from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QPushButton

from napari_vitrail.widgets._channels import ChannelsMenu
from napari_vitrail.widgets._form import label_of, wrapped, yield_space
from napari_vitrail.widgets._layers import add_strokes, is_result
from napari_vitrail.widgets._planes import GEOMETRY, Channels, image_index, mismatch


class LayerChoice:
    """An image layer and the labels layer that carries its strokes, chosen among a viewer's layers.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are offered, always as they are now.
    on_change : callable
        Called without arguments whenever the choice may have changed.
    """

    def __init__(self, viewer: Viewer, *, on_change: Callable[[], None]) -> None:
        self._viewer = viewer
        self._on_change = on_change
        self._image = layer_combo(
            viewer, Image, "Image", "The image to segment; of a stack, the plane in view"
        )
        self._strokes = layer_combo(
            viewer,
            Labels,
            "Strokes",
            "The labels layer you paint on: one label for each class, 0 where nothing is painted. "
            "Strokes on any plane of a stack count",
        )
        self._channels = ChannelsMenu(viewer, on_change=self._on_chosen)
        self._new = QPushButton("New")
        self._new.clicked.connect(self._on_new_clicked)
        for name in ("inserted", "removed", "reordered", "renamed"):
            getattr(viewer.layers.events, name).connect(self._on_layers_changed)
        viewer.layers.events.connect(self._on_layer_event)
        for combo in (self._image, self._strokes):
            combo.changed.connect(self._on_chosen)
        self._allow_new()
        self._channels.show_channels(self.image)

    @property
    def image(self) -> Image | None:
        """The chosen image layer."""
        return self._image.value

    @property
    def strokes(self) -> Labels | None:
        """The chosen labels layer."""
        return self._strokes.value

    @property
    def channels(self) -> Channels:
        """What of the image, and which other layers, are looked at together."""
        return self._channels.chosen

    def image_obstacle(self, dims: Dims) -> str:
        """Return why there is no plane to segment, or nothing if there is one."""
        if self.image is None:
            return "open an image first"
        try:
            image_index(self.image, dims, self.channels)
        except ValueError as error:
            return str(error)
        return ""

    def obstacle(self, dims: Dims) -> str:
        """Return why nothing can be learned from this choice, or nothing if it can."""
        if self.image is None:
            return self.image_obstacle(dims)
        if self.strokes is None:
            return "press New and paint a few strokes of each class"
        try:
            return mismatch(self.strokes, self.image, dims, self.channels)
        except ValueError as error:
            return str(error)

    def add_rows(self, layout: QFormLayout) -> None:
        """Add the choices, as labelled rows."""
        layout.addRow(label_of(self._image), self._image.native)
        layout.addRow("Channels", self._channels)
        row = QHBoxLayout()
        row.addWidget(self._strokes.native, 1)
        row.addWidget(self._new)
        layout.addRow(label_of(self._strokes), row)

    def _allow_new(self) -> None:
        """Let strokes be added where there is an image for them."""
        self._new.setEnabled(self.image is not None)
        self._new.setToolTip(
            "Add an empty labels layer on the image and take up the brush"
            if self.image is not None
            else "Not yet: open an image first"
        )

    def _on_layers_changed(self) -> None:
        for combo in (self._image, self._strokes):
            refresh(combo)
        self._on_chosen()

    def _on_layer_event(self, event: Event) -> None:
        if event.type in ("data", *GEOMETRY):
            self._on_change()

    def _on_chosen(self) -> None:
        self._allow_new()
        self._channels.show_channels(self.image)
        self._on_change()

    def _on_new_clicked(self) -> None:
        self._strokes.value = add_strokes(self._viewer, self.image, self.channels)


def layer_combo(viewer: Viewer, kind: type[Layer], label: str, tooltip: str) -> ComboBox:
    """Return a combo box of a viewer's layers of one kind, on the selected one if it can be.

    Results of ours are not offered.
    """
    combo = ComboBox(
        label=label,
        tooltip=wrapped(tooltip),
        nullable=False,
        choices=lambda _: [
            layer for layer in viewer.layers if isinstance(layer, kind) and not is_result(layer)
        ],
    )
    if viewer.layers.selection.active in combo.choices:
        combo.value = viewer.layers.selection.active
    yield_space(combo)
    return combo


def refresh(combo: ComboBox) -> None:
    """Offer the layers as they are now; what was chosen stays chosen while it exists."""
    chosen = combo.value
    with combo.changed.blocked():
        combo.reset_choices()
        if chosen in combo.choices:
            combo.value = chosen
