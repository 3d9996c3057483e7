"""Parts as labels layers, each right above its image, in the same colours everywhere."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cache

import numpy as np
from napari import Viewer
from napari.layers import Image, Labels
from napari.utils.colormaps import CyclicLabelColormap
from numpy.typing import NDArray

from napari_vitrail.picture import Colour
from napari_vitrail.planes import Index
from napari_vitrail.widgets._gallery_images import LayerImage
from napari_vitrail.widgets._layers import (
    PARTS,
    add_quietly,
    class_colours,
    class_names,
    class_table,
    mark,
    place,
    written_at,
    zeros,
)
from napari_vitrail.widgets._packed import write
from napari_vitrail.widgets._planes import plane_index
from napari_vitrail.widgets._uncertain import go_to

_OPACITY = 0.55
_FAINT = 0.08
"""Opacity of what is not highlighted, as a share of what it else has."""


@cache
def _colours() -> NDArray[np.floating]:
    """Return the colour (n, 4) of each label, which napari takes a while to make; labels are fewer."""
    return class_colours().colors


def part_colours(labels: Iterable[int]) -> dict[int, Colour]:
    """Return the colour of each label, from 0 to 255: that of its layer."""
    colours = np.rint(_colours()[:, :3] * 255).astype(int).tolist()
    return {label: tuple(colours[label]) for label in labels}


def write_parts(
    viewer: Viewer, image: LayerImage, labels: NDArray[np.uint8], names: Mapping[int, str],
    highlighted: Collection[int],
) -> Labels:  # fmt: skip
    """Write the parts (H, W) of an image into their layer, with their names and what stands out."""
    layer = write_labels(viewer, image, PARTS, labels)
    dress(layer, names, highlighted)
    return layer


def write_labels(viewer: Viewer, image: LayerImage, kind: str, labels: NDArray[np.uint8]) -> Labels:
    """Write labels (H, W) into the layer of their kind, or a new one right above the image, see `_above`."""
    layer = written_at(viewer.layers, image.plane, kind)
    if layer is None:
        layer = Labels(
            zeros(image.plane, np.dtype(np.uint8)),
            name=f"{image.plane.layer_name} {kind}",
            metadata=mark(image.plane.layer_name, kind),
            colormap=CyclicLabelColormap(colors=_colours().copy()),
            opacity=_OPACITY,
            **image.plane.to_world,
        )
        add_quietly(viewer, layer, _above(viewer, image.layer))
    write(layer, image.plane.index, labels)
    if _shown_index(viewer, image.layer) in (None, image.plane.index):
        layer.refresh()
    return layer


def _above(viewer: Viewer, image: Image) -> int:
    """Return the position right above an image, and above the channels that are added to it."""
    position = viewer.layers.index(image) + 1
    for layer in viewer.layers[position:]:
        if not isinstance(layer, Image) or layer.blending != "additive":
            break
        position += 1
    return position


def dress(layer: Labels, names: Mapping[int, str], highlighted: Collection[int]) -> None:
    """Give a layer of parts their names and colours; where some are highlighted the others are faint."""
    colours = _colours().copy()
    if highlighted:
        faint = np.ones(len(colours), bool)
        faint[list(highlighted)] = False
        colours[faint, 3] *= _FAINT
    if class_names(layer) != dict(names):
        layer.features = class_table(dict(names))
    if not np.array_equal(getattr(layer.colormap, "colors", ()), colours):  # to set it takes its time
        layer.colormap = CyclicLabelColormap(colors=colours)


def place_parts(viewer: Viewer, images: Iterable[LayerImage]) -> None:
    """Put layers of parts that are there already where their images lie now."""
    for image in images:
        layer = written_at(viewer.layers, image.plane, PARTS)
        if layer is not None:
            place(layer, image.plane)


def layers_of_parts(viewer: Viewer, images: Iterable[LayerImage]) -> list[Labels]:
    """Return the layers of the parts of some images, each once."""
    found = (written_at(viewer.layers, image.plane, PARTS) for image in images)
    return list(dict.fromkeys(layer for layer in found if layer is not None))


def in_view(viewer: Viewer, images: Iterable[LayerImage]) -> list[LayerImage]:
    """Return those of some images that are in view now, the top one first: visible, of a stack the slice."""
    found, shown = [], {}
    for image in images:
        if image.layer not in shown:
            shown[image.layer] = _shown_index(viewer, image.layer)
        if image.layer.visible and image.plane.index == shown[image.layer]:
            found.append(image)
    return sorted(found, key=lambda image: -viewer.layers.index(image.layer))


def _shown_index(viewer: Viewer, layer: Image) -> Index | None:
    """Return the index of the plane in view of a layer; None where it is not one plane that is seen."""
    try:
        return plane_index(layer, viewer.dims, clipped=True)
    except ValueError:  # a volume, or another side of it
        return None


def reveal(viewer: Viewer, images: Mapping[int, LayerImage], index: int) -> None:
    """Show one of some images with its parts: of a stack its slice, of others which lie over it none."""
    wanted = images[index]
    layers = {image.layer for image in images.values()}
    for layer in layers | set(layers_of_parts(viewer, images.values())):
        layer.visible = False
    for layer in (wanted.layer, *layers_of_parts(viewer, [wanted])):
        layer.visible = True
    viewer.layers.selection.active = wanted.layer
    rows, columns = wanted.plane.sides
    go_to(viewer, wanted.layer, wanted.plane, (rows // 2, columns // 2))
