"""Which layers to work on: an image and the strokes painted on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple
from weakref import ReferenceType, WeakKeyDictionary, ref

from magicgui.widgets import ComboBox
from napari import Viewer
from napari.components import Dims
from napari.layers import Image, Labels, Layer
from napari.utils.events import Event
from qtpy.QtWidgets import QCheckBox, QFormLayout, QHBoxLayout, QLabel, QPushButton

from napari_vitrail.widgets._annotations import (
    Captured,
    Painting,
    capture,
    named_pairs,
    note_subject,
    subject_known,
    subject_of,
)
from napari_vitrail.widgets._blocks import has_large_planes, paintable_window
from napari_vitrail.widgets._channels import ChannelsMenu
from napari_vitrail.widgets._digests import Digests
from napari_vitrail.widgets._form import allow, label_of, wrapped, yield_space
from napari_vitrail.widgets._image_plane import Channels
from napari_vitrail.widgets._layers import add_strokes, is_result, strokes_name
from napari_vitrail.widgets._paintable import paint_obstacle
from napari_vitrail.widgets._planes import GEOMETRY, image_index, mismatch

_ALL_HINT = (
    "Learn one classifier from the strokes on every image that has a strokes layer, not only from those on "
    "the chosen one"
)
_NEW_HINT = (
    "Add an empty labels layer on the image and take up the brush. On a plane of more than 64 megapixels it "
    "covers what is in view: press New again to paint elsewhere, all of them count. Of strokes that no brush "
    "can write to, New adds a copy"
)


class PaintedImage(NamedTuple):
    """An image layer, the layer of its strokes, and its channels."""

    image: Image
    strokes: Labels
    channels: Channels


class LayerChoice:
    """An image layer and the labels layer that carries its strokes, chosen among a viewer's layers.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are offered, always as they are now.
    on_change : callable
        Called without arguments whenever the choice may have changed.
    on_copy : callable
        Called with strokes that cannot be painted on, when new ones are asked for in their place.
    """

    def __init__(
        self, viewer: Viewer, *, on_change: Callable[[], None], on_copy: Callable[[Labels], None]
    ) -> None:
        self._viewer = viewer
        self._on_change, self._on_copy = on_change, on_copy
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
        self._pairs: WeakKeyDictionary[Image, Labels] = WeakKeyDictionary()  # as they were chosen together
        self._images: WeakKeyDictionary[Labels, ReferenceType[Image]] = WeakKeyDictionary()  # of all strokes
        self.digests = Digests()
        self._all = QCheckBox()
        self._all.setToolTip(wrapped(_ALL_HINT))
        self._all.toggled.connect(self._on_chosen)
        self._new = QPushButton("New")
        self._note = QLabel()
        self._note.setWordWrap(True)
        self._note.setToolTip("What is painted on it is learned from all the same")
        self._new.clicked.connect(self._on_new_clicked)
        for name in ("inserted", "removed", "reordered", "renamed"):
            getattr(viewer.layers.events, name).connect(self._on_layers_changed)
        viewer.layers.events.removing.connect(self._on_removing)
        viewer.layers.events.connect(self._on_layer_event)
        self._image.changed.connect(self._on_image_chosen)
        self._strokes.changed.connect(self._on_strokes_chosen)
        self._show()

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

    def channels_of(self, image: Image) -> Channels:
        """Return what of an image, and which other layers, are looked at together."""
        return self._channels.of(image)

    @property
    def painted(self) -> list[PaintedImage]:
        """The images to learn from: the chosen one, and all others that have strokes where that is wanted.

        A large image may have strokes on several layers, one for each part that was painted.
        """
        chosen = [PaintedImage(self.image, self.strokes, self.channels)]
        if self.image is not None and has_large_planes(self.image, self._viewer.dims, self.channels):
            parts = [strokes for strokes, image in self.pairs if image is self.image]
            chosen += [chosen[0]._replace(strokes=own) for own in parts if own is not self.strokes]
        return [*chosen, *self._others()] if self._all.isChecked() else chosen

    @property
    def pairs(self) -> list[Painting]:
        """All strokes and the image of each, the chosen ones first: what there is to save.

        An image may have several layers of strokes: those that bear its name, and those that were chosen with
        it at any time. Strokes stay those on an image that was removed, or not found.
        """
        strokes = [layer for layer in self._viewer.layers if isinstance(layer, Labels)]
        gone = {layer: subject for layer in strokes if (subject := subject_known(layer)) is not None}
        found = {**gone, **self._images_here()}
        return sorted(found.items(), key=lambda pair: pair[0] is not self.strokes)

    def captured(self, pairs: Sequence[Painting]) -> list[Captured]:
        """Return what a worker needs to keep some strokes."""
        return [
            capture(strokes, on, self.channels_of(on) if isinstance(on, Image) else None, self.digests.of)
            for strokes, on in pairs
        ]

    def note_use(self) -> None:
        """Note that the strokes are learned from with these images: whose image has gone are theirs now."""
        here = self._images_here()
        self._images |= {own.strokes: ref(own.image) for own in self.painted if own.strokes not in here}

    def _images_here(self) -> dict[Labels, Image]:
        """Return the image of all strokes that have one in the viewer."""
        layers = self._viewer.layers
        known = {layer: self._image_of(layer) for layer in layers if isinstance(layer, Labels)}
        chosen = {strokes: image for strokes, image in known.items() if image is not None}
        return {**dict(named_pairs(layers)), **chosen}

    def _image_of(self, strokes: Labels) -> Image | None:
        """Return the image that strokes were last chosen with, if it is still there."""
        reference = self._images.get(strokes)
        image = None if reference is None else reference()
        return image if image in self._viewer.layers else None

    def _others(self) -> list[PaintedImage]:
        """Return the images beside the chosen one that have a strokes layer of their own."""
        images = [layer for layer in self._viewer.layers if isinstance(layer, Image) and not is_result(layer)]
        pairs = [(image, self._strokes_of(image)) for image in images if image is not self.image]
        return [
            PaintedImage(image, strokes, self._channels.of(image))
            for image, strokes in pairs
            if strokes is not None and strokes is not self.strokes
        ]

    def _strokes_of(self, image: Image) -> Labels | None:
        """Return the strokes that were chosen with an image, or else those with its name."""
        layers, paired = self._viewer.layers, self._pairs.get(image)
        if paired in layers:
            return paired
        named = strokes_name(image)
        return layers[named] if named in layers and isinstance(layers[named], Labels) else None

    def choose(self, image: Image, strokes: Labels) -> None:
        """Take an image and the strokes on it."""
        self._image.value = image
        self._strokes.value = strokes

    def choose_channels(self, image: Image, channels: Channels) -> None:
        """Take the channels of an image, whether it is the chosen one or not."""
        self._channels.choose(image, channels)

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
            for other in self.painted[1:]:
                image_index(other.image, dims, other.channels, clipped=True)
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
        layout.addRow(self._note)
        layout.addRow(self._all)

    def _allow_new(self) -> None:
        """Let strokes be added where there is an image for them."""
        allow(self._new, _NEW_HINT, "" if self.image is not None else "open an image first")

    def _on_layers_changed(self) -> None:
        image = self.image
        for combo in (self._image, self._strokes):
            refresh(combo)
        if self.image == image:
            self._on_chosen()
        else:
            self._on_image_chosen()

    def _on_removing(self, event: Event) -> None:
        """Let strokes remember an image that leaves."""
        image = self._viewer.layers[event.index]
        if isinstance(image, Image):
            for strokes, own in self._images_here().items():
                if own == image:
                    note_subject(strokes, subject_of(image, self.channels_of(image), self.digests.look))

    def _on_layer_event(self, event: Event) -> None:
        if event.type in ("data", "editable"):  # napari lets a layer be edited again after some changes
            self._check_brush()
        if event.type in ("data", *GEOMETRY):
            self._on_change()

    def _on_image_chosen(self) -> None:
        """Show the strokes that belong to the image, if any do."""
        strokes = None if self.image is None else self._strokes_of(self.image)
        if strokes is not None:
            with self._strokes.changed.blocked():
                self._strokes.value = strokes
        self._on_chosen()

    def _on_strokes_chosen(self) -> None:
        if self.image is not None and self.strokes is not None:
            self._pairs[self.image] = self.strokes
            self._images[self.strokes] = ref(self.image)
        self._on_chosen()

    def _note_image(self) -> None:
        """Remember which image unnamed strokes are shown with, unless they were chosen with another.

        Nobody may ever choose them: what is shown first is not a choice. Strokes whose image has gone stay on
        that one, until they are chosen or learned from with another.
        """
        if self.image is None or self.strokes is None:
            return
        known = self._image_of(self.strokes)
        was_chosen = known is not None and self._pairs.get(known) is self.strokes
        is_left = known is None and subject_known(self.strokes) is not None
        if not (was_chosen or is_left) and self.strokes not in dict(named_pairs(self._viewer.layers)):
            self._images[self.strokes] = ref(self.image)

    def _on_chosen(self) -> None:
        self._show()
        self._on_change()

    def _show(self) -> None:
        """Offer what can be chosen now."""
        self._note_image()
        self._allow_new()
        self._check_brush()
        self._channels.show_channels(self.image)
        others = self._others()
        self._all.setText(f"Learn from all {1 + len(others)} painted images")
        self._all.setVisible(bool(others))

    def _check_brush(self) -> None:
        """Keep brushes off strokes that they cannot write to, where napari would stop with an error."""
        obstacle = "" if self.strokes is None else paint_obstacle(self.strokes)
        self._note.setText(f"No brush can write to this layer: {obstacle}. Press New for a copy.")
        self._note.setVisible(bool(obstacle))
        if self.strokes is not None and obstacle:
            self.strokes.editable = False

    def _on_new_clicked(self) -> None:
        if self.image is None:
            return
        if self.strokes is not None and paint_obstacle(self.strokes):
            self._on_copy(self.strokes)
            return
        self._strokes.value = add_strokes(
            self._viewer, self.image, self.channels,
            window=paintable_window(self._viewer, self.image, self.channels),
            like=self.strokes if self.strokes in dict(self.pairs) else None,
        )  # fmt: skip


def layer_combo(
    viewer: Viewer,
    kind: type[Layer] | tuple[type[Layer], ...],
    label: str,
    tooltip: str,
    *,
    is_offered: Callable[[Layer], bool] = lambda layer: not is_result(layer),
) -> ComboBox:
    """Return a combo box of a viewer's layers of some kinds, on the selected one if it can be.

    Results of ours are not offered, unless it is said otherwise.
    """
    combo = ComboBox(
        label=label,
        tooltip=wrapped(tooltip),
        nullable=False,
        choices=lambda _: [layer for layer in viewer.layers if isinstance(layer, kind) and is_offered(layer)],
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
