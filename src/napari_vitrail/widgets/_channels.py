"""Which channels are looked at: some of an axis of the image's own, further layers, and how finely."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from weakref import WeakKeyDictionary

from napari import Viewer
from napari.layers import Image
from qtpy.QtGui import QAction
from qtpy.QtWidgets import QMenu, QPushButton, QSizePolicy

from napari_vitrail.channels import channel_axis
from napari_vitrail.widgets._form import wrapped
from napari_vitrail.widgets._image_plane import PLAIN, Channels
from napari_vitrail.widgets._layers import is_result
from napari_vitrail.widgets._planes import full_resolution, shape_of

_MOST_CHANNELS = 64
"""A longer axis is hardly one of channels."""
_MOST_PIXELS = 1 << 26
"""Of a plane that is worked on at its finest level unless another is chosen; its features take 2 GB."""
_HINT = (
    "What is looked at together: channels along an axis of the image, and further image layers. The ViT "
    "sees up to three channels as colours; the classical filters see every channel and layer by itself. Of "
    "a pyramid, also the level to work on"
)


class ChannelsMenu(QPushButton):
    """A button that says which channels are chosen, and opens a menu to choose others.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose image layers are offered as further channels.
    on_change : callable
        Called without arguments when other channels are chosen.
    """

    def __init__(self, viewer: Viewer, *, on_change: Callable[[], None]) -> None:
        super().__init__()
        self._viewer = viewer
        self._on_change = on_change
        self._image: Image | None = None
        self._chosen: WeakKeyDictionary[Image, Channels] = WeakKeyDictionary()
        self._menu = QMenu(self)
        self._menu.aboutToShow.connect(self._fill)
        self.setMenu(self._menu)
        self.setToolTip(wrapped(_HINT))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.show_channels(None)

    def show_channels(self, image: Image | None) -> None:
        """Show and change the channels of this image from now on."""
        self._image = image
        if image is not None and image not in self._chosen:
            self._chosen[image] = _guessed(image)
        self.setText(self._said())
        self.setEnabled(bool(self._axes() or self._levels() or self._others()))

    @property
    def chosen(self) -> Channels:
        """The channels of the image that is shown."""
        return self.of(self._image)

    def of(self, image: Image | None) -> Channels:
        """Return the channels of an image as they were chosen, without layers that were removed."""
        channels = PLAIN if image is None else self._chosen.get(image, PLAIN)
        layers = tuple(layer for layer in channels.layers if layer in self._viewer.layers)
        return replace(channels, layers=layers)

    def choose(self, image: Image, channels: Channels) -> None:
        """Take the channels of an image, whether it is the one that is shown or not."""
        self._chosen[image] = channels
        self.setText(self._said())
        self._on_change()

    def _choose(self, channels: Channels) -> None:
        if self._image is not None:
            self.choose(self._image, channels)

    def _axes(self) -> list[int]:
        """Return the axes that may hold channels."""
        image = self._image
        if image is None or image.rgb or image.ndim < 3:
            return []
        sides = full_resolution(image).shape
        return [axis for axis in range(image.ndim) if 1 < sides[axis] <= _MOST_CHANNELS]

    def _levels(self) -> list[tuple[int, ...]]:
        """Return the shapes of the levels of a pyramid."""
        image = self._image
        if image is None or not image.multiscale:
            return []
        return [shape_of(image, Channels(level=level)) for level in range(len(image.data))]

    def _others(self) -> list[Image]:
        layers = [layer for layer in self._viewer.layers if isinstance(layer, Image) and not is_result(layer)]
        return [layer for layer in layers if layer is not self._image]

    def _said(self) -> str:
        channels = self.chosen
        own = f"channels {', '.join(map(str, channels.chosen))}" if channels.axis is not None else "as shown"
        said = " + ".join([own, *(layer.name for layer in channels.layers)])
        return f"{said}, level {channels.level}" if channels.level else said

    def _fill(self) -> None:
        """Offer what can be chosen now."""
        self._menu.clear()
        channels = self.chosen
        if axes := self._axes():
            self._menu.addSection("Axis of channels")
            self._add("None", channels.axis is None, partial(self._choose_axis, None))
        for axis in axes:
            self._add(self._title(axis), channels.axis == axis, partial(self._choose_axis, axis))
        if channels.axis is not None:
            self._menu.addSection("Channels")
            for channel in range(full_resolution(self._image).shape[channels.axis]):
                self._add(
                    f"Channel {channel}", channel in channels.chosen,
                    partial(self._switch, channel),
                )  # fmt: skip
        if levels := self._levels():
            self._menu.addSection("Resolution")
        for level, sides in enumerate(levels):
            size = " x ".join(map(str, sides))
            self._add(f"Level {level} ({size})", level == channels.level, partial(self._choose_level, level))
        if others := self._others():
            self._menu.addSection("Further layers")
            for layer in others:
                self._add(layer.name, layer in channels.layers, partial(self._join, layer))

    def _add(self, title: str, checked: bool, on_chosen: Callable[[bool], None]) -> None:
        action = QAction(title, self._menu)
        action.setCheckable(True)
        action.setChecked(checked)
        action.triggered.connect(on_chosen)
        self._menu.addAction(action)

    def _title(self, axis: int) -> str:
        label = str(self._image.axis_labels[axis]) if self._image is not None else ""
        return f"Axis {axis} ({label}, {full_resolution(self._image).shape[axis]} long)"

    def _choose_axis(self, axis: int | None, _: bool) -> None:
        count = 0 if axis is None else full_resolution(self._image).shape[axis]
        self._choose(replace(self.chosen, axis=axis, chosen=tuple(range(count))))

    def _choose_level(self, level: int, _: bool) -> None:
        self._choose(replace(self.chosen, level=level))

    def _switch(self, channel: int, on: bool) -> None:
        """Take a channel in or leave it out; the last one stays."""
        channels = self.chosen
        chosen = sorted({*channels.chosen, channel} if on else {*channels.chosen} - {channel})
        self._choose(replace(channels, chosen=tuple(chosen) or channels.chosen))

    def _join(self, layer: Image, on: bool) -> None:
        channels = self.chosen
        layers = [other for other in channels.layers if other is not layer]
        self._choose(replace(channels, layers=(*layers, layer) if on else tuple(layers)))


def _guessed(image: Image) -> Channels:
    """Return all channels of the axis that is labelled as theirs, and a level that fits into memory."""
    channels = Channels(level=_workable_level(image))
    axis = channel_axis(image.axis_labels, image.ndim, rgb=image.rgb)
    if axis is None:
        return channels
    return replace(channels, axis=axis, chosen=tuple(range(full_resolution(image).shape[axis])))


def _workable_level(image: Image) -> int:
    """Return the finest level of a pyramid whose planes are not too large to be worked on as a whole."""
    if not image.multiscale:
        return 0
    sides = [shape_of(image, Channels(level=level)) for level in range(len(image.data))]
    workable = [level for level, shape in enumerate(sides) if shape[-1] * shape[-2] <= _MOST_PIXELS]
    return workable[0] if workable else len(sides) - 1
