"""Which channels of an image were chosen: some of an axis, further images, and how finely."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_vitrail.entries import as_whole
from napari_vitrail.reference import ImageReference, reference_entry, reference_of

if TYPE_CHECKING:
    from pathlib import Path

CHANNEL_LABELS = {"c", "ch", "channel", "channels"}
"""How an axis of channels is called; of one that is called so all channels are seen."""
MOST_LEVELS = 64


@dataclass(frozen=True)
class ChosenChannels:
    """What of an image, and which other images, were looked at together.

    Attributes
    ----------
    axis : int or None
        Axis of the image that holds its channels; None where there is none, or the image is RGB.
    chosen : tuple of int
        Channels along the axis, in order.
    layers : tuple of ImageReference
        Further images, each another channel, by the name of its layer.
    level : int
        Of a pyramid, the finest is 0.
    """

    axis: int | None = None
    chosen: tuple[int, ...] = ()
    layers: tuple[ImageReference, ...] = ()
    level: int = 0


def guessed_channels(image: ImageReference) -> ChosenChannels:
    """Return the channels of an image for which none were chosen: all of the axis labelled as theirs."""
    axis = channel_axis(image.geometry.get("axis_labels", ()), len(image.shape), rgb=image.rgb)
    return ChosenChannels() if axis is None else ChosenChannels(axis, tuple(range(image.shape[axis])))


def channel_axis(labels: tuple[str, ...], ndim: int, *, rgb: bool) -> int | None:
    """Return the axis that is labelled as that of the channels; None where none is."""
    if rgb or ndim < 3:
        return None
    found = [axis for axis, label in enumerate(labels) if str(label).lower() in CHANNEL_LABELS]
    return found[0] if found else None


def channels_of(entry: Mapping[str, Any], image: ImageReference) -> ChosenChannels:
    """Return the channels of an image that an entry of JSON names, checked."""
    axis, ndim = entry["axis"], len(image.shape)
    if axis is not None and (image.rgb or ndim < 3):
        raise ValueError(f"{image.name!r:.60} has no axis of channels, being of shape {image.shape}")
    count = 0 if axis is None else image.shape[as_whole(axis, 0, ndim - 1)]
    chosen = tuple(as_whole(channel, 0, count - 1) for channel in _list(entry["chosen"]))
    if list(chosen) != sorted(set(chosen)) or bool(chosen) != (axis is not None):
        raise ValueError(f"the channels of axis {axis} must be some of them in order, got {chosen!s:.60}")
    layers = tuple(reference_of(layer) for layer in _list(entry["layers"]))
    if len({layer.name for layer in layers}) < len(layers):
        raise ValueError(f"the further layers of {image.name!r:.60} must differ in their names")
    return ChosenChannels(axis, chosen, layers, as_whole(entry["level"], 0, MOST_LEVELS))


def channels_entry(channels: ChosenChannels, folder: Path) -> dict[str, Any]:
    """Return channels as JSON has them, for a file in some folder."""
    return {
        "axis": channels.axis,
        "chosen": list(channels.chosen),
        "layers": [reference_entry(layer, folder) for layer in channels.layers],
        "level": channels.level,
    }


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"expected a list, got {value!r:.60}")
    return value
