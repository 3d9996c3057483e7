"""Layers out: where results become napari's layers, and what classes are called and look like."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
from napari import Viewer
from napari.components import LayerList
from napari.layers import Image, Labels, Layer
from napari.utils.colormaps import CyclicLabelColormap, DirectLabelColormap, label_colormap
from napari.utils.colormaps.standardize_color import transform_color
from numpy.typing import NDArray

from napari_vitrail.widgets._areas import finish, write_classes
from napari_vitrail.widgets._image_plane import PLAIN, Channels, ImagePlane, is_lazy
from napari_vitrail.widgets._packed import (
    empty,
    empty_pyramid,
    finest,
    set_data,
    strips,
    write,
    write_levels,
)
from napari_vitrail.widgets._planes import full_resolution, geometry_of, shape_of, shown_axes

if TYPE_CHECKING:
    from napari_vitrail.tiling import Window

MARK = "napari-vitrail"
SEGMENTATION, UNCERTAINTY, COLOURS = "segmentation", "uncertainty", "PCA"
SIMILARITY, ALIKE = "similarity", "alike"
OBJECTS, PROBABILITY = "objects", "probability of"
PARTS, SALIENCY, SCORE, CLUSTERS = "parts", "saliency", "score", "clusters"
FOUND, BOXES = "found objects", "boxes"
PROPAGATED = "propagated"
RESULTS = {
    SEGMENTATION, UNCERTAINTY, COLOURS, SIMILARITY, OBJECTS, PARTS, SALIENCY, SCORE, CLUSTERS, FOUND, BOXES,
    PROPAGATED,
}  # fmt: skip
"""Kinds of layers that are looked at, as are those that begin with `PROBABILITY`.

One of the kind `ALIKE` is for painting on, like strokes.
"""

_CLASS = "class"  # the column of a layer's features that names its classes
_LOCKED = "locked"  # the one that says which of them are
_RESULT_OPACITY = 0.4
_BRUSHES_PER_SIDE = 64

# Bright, told apart by most eyes, and not the brown, blue and grey of stains and micrographs.
_CLASS_COLOURS = (
    "#ffd92f", "#f0389a", "#1fd1d1", "#7ed321", "#ff8c1a", "#7a8cff", "#c98cff", "#ffb3c7",
)  # fmt: skip

_BRIGHTNESS = np.array([0.299, 0.587, 0.114])
"""Of red, green and blue."""
_DARKEST = 0.4
"""Brightness, from 0 to 1, that a class has at least: else it passes for a shadow of the image."""


def add_strokes(
    viewer: Viewer,
    image: Image,
    channels: Channels = PLAIN,
    *,
    window: Window | None = None,
    like: Labels | None = None,
) -> Labels:
    """Add an empty labels layer over an image, with the brush in hand.

    Parameters
    ----------
    viewer : Viewer
    image : Image
    channels : Channels
    window : (rows, columns) slices of the plane in view, optional
        The part of a large plane that is to be painted on.
    like : Labels, optional
        Strokes whose classes the new ones have too.
    """
    shape, start = list(shape_of(image, channels)), [0] * image.ndim
    if window is not None:
        for axis, part in zip(shown_axes(image, viewer.dims), window, strict=True):
            shape[axis], start[axis] = part.stop - part.start, part.start
    layer = Labels(
        empty(tuple(shape), np.dtype(np.uint8), is_lazy(full_resolution(image))),
        name=strokes_name(image),
        colormap=class_colours() if like is None else deepcopy(like.colormap),
        features=None if like is None else like.features,
        opacity=1,
        **geometry_of(image, channels, start),
    )
    viewer.add_layer(layer)
    take_up_brush(layer)
    return layer


def take_up_brush(layer: Labels) -> None:
    """Take up a brush of a size that suits a layer."""
    layer.brush_size = max(1, min(layer.data.shape[-2:]) // _BRUSHES_PER_SIDE)
    layer.mode = "paint"


def strokes_name(image: Image) -> str:
    """Return what new strokes on an image are called."""
    return f"{image.name} strokes"


def write_segmentation(
    viewer: Viewer,
    plane: ImagePlane,
    segmentation: NDArray[np.integer],
    strokes: Labels | None,
    *,
    is_finished: bool = True,
) -> Labels:
    """Write a segmentation into the labels layer of its image, in the colours of the strokes if any.

    The layer that an earlier run has made is updated in place and put where the image lies, unless
    it was renamed or the image has another shape; else a layer ``<image> segmentation`` is added
    below the strokes. The selected layer stays selected. Classes that the strokes lock keep their areas,
    see `write_classes`; one that `is_finished` is not a preview, and what it finds stands.
    """
    layer = _writable(viewer, plane, segmentation.dtype, strokes)
    write_classes(layer, plane.index, segmentation, _locked(strokes), is_finished=is_finished)
    set_data(layer, layer.data)
    place(layer, plane)
    if strokes is not None:
        layer.colormap = deepcopy(strokes.colormap)  # shared, one layer's choices would show on both
        layer.features = strokes.features
    return layer


def write_patch(
    viewer: Viewer,
    plane: ImagePlane,
    window: tuple[slice, slice],
    classes: NDArray[np.integer],
    strokes: Labels | None,
    *,
    is_finished: bool,
) -> Labels:
    """Write a part of a segmentation into the labels layer of its image, see `write_segmentation`."""
    layer = result_at(viewer.layers, plane)
    if layer is None or not np.can_cast(classes.dtype, layer.data.dtype):
        layer = _writable(viewer, plane, classes.dtype, strokes)
    index = plane.within(window)
    write_classes(layer, index, classes, _locked(strokes), is_finished=is_finished)
    layer.refresh(thumbnail=False, highlight=False, extent=False)
    return layer


def place(layer: Layer, plane: ImagePlane) -> None:
    """Put a layer where the image of a plane lies now."""
    for name, value in plane.to_world.items():
        setattr(layer, name, value)


def finish_patches(viewer: Viewer, plane: ImagePlane, window: tuple[slice, slice]) -> None:
    """Let stand what patches have written into a window of a segmentation: the run has ended."""
    layer = result_at(viewer.layers, plane)
    if layer is not None:
        finish(layer, plane.within(window))


def write_values(
    viewer: Viewer, plane: ImagePlane, kind: str, values: NDArray[np.float32], **look: Any
) -> Image:
    """Write values from 0 to 1 into the image layer of their kind that earlier runs have made, or a new one.

    The selected layer stays selected; `look` is what a new layer looks like.
    """
    if (found := written_at(viewer.layers, plane, kind)) is not None:
        write(found, plane.index, values)
        found.visible = True
        place(found, plane)
        found.refresh()
        return found
    layer = Image(
        zeros(plane, np.dtype(np.float32)),
        name=f"{plane.layer_name} {kind}",
        metadata=mark(plane.layer_name, kind),
        contrast_limits=(0, 1),
        multiscale=plane.block is not None,
        **look,
        **plane.to_world,
    )
    write(layer, plane.index, values)
    add_quietly(viewer, layer)
    return layer


def add_quietly(viewer: Viewer, layer: Layer, position: int | None = None) -> None:
    """Add a layer, on top unless a position is given; what was selected stays so, and the brush in hand."""
    selected = set(viewer.layers.selection)
    viewer.layers.insert(len(viewer.layers) if position is None else position, layer)
    viewer.layers.selection.intersection_update(selected)
    viewer.layers.selection.update(selected)


def class_colours() -> CyclicLabelColormap:
    """Return label colours: the first few chosen with care, the rest napari's, of which none is dark."""
    chosen = [(0, 0, 0, 0), *map(transform_color, _CLASS_COLOURS)]
    others = label_colormap().colors[1:].copy()
    brightness = others[:, :3] @ _BRIGHTNESS
    lacking = np.maximum(_DARKEST - brightness, 0) / (1 - brightness)
    others[:, :3] += lacking[:, None] * (1 - others[:, :3])
    return CyclicLabelColormap(colors=np.vstack([*chosen, others]))


def class_table(class_names: Mapping[int, str], locked: Collection[int] = ()) -> dict[str, list[Any]]:
    """Return the ``features`` of a labels layer that make napari say a class's name under the cursor.

    They also say which classes are locked, each of which has a name.
    """
    unnamed = {label: f"class {label}" for label in locked if label not in class_names}
    named = {0: "unlabelled", **dict(sorted({**class_names, **unnamed}.items()))}
    table: dict[str, list[Any]] = {"index": list(named), _CLASS: list(named.values())}
    if locked:
        table[_LOCKED] = [label in locked for label in named]
    return table


def class_names(labels: Labels) -> dict[int, str]:
    """Return the names that a labels layer gives its classes; empty if it gives none."""
    table = labels.features
    if not {"index", _CLASS} <= set(table.columns):
        return {}
    named = zip(table["index"].astype(int), table[_CLASS].astype(str), strict=True)
    return {label: name for label, name in named if label}


def locked_classes(labels: Labels) -> set[int]:
    """Return the labels of the classes that are locked."""
    table = labels.features
    if not {"index", _LOCKED} <= set(table.columns):
        return set()
    return {int(label) for label in table["index"][table[_LOCKED].astype(bool)]}


def lock_class(labels: Labels, label: int, is_locked: bool) -> None:
    """Lock a class, or unlock it; kept with the names in the ``features`` of the layer."""
    locked = locked_classes(labels) | {label} if is_locked else locked_classes(labels) - {label}
    labels.features = class_table(class_names(labels), locked)


def name_class(labels: Labels, label: int, name: str) -> None:
    """Call a class by a name; an empty one takes its name away."""
    names = {key: value for key, value in class_names(labels).items() if key != label}
    if name:
        names[label] = name
    labels.features = class_table(names, locked_classes(labels))


def colour_class(labels: Labels, label: int, colour: Sequence[float]) -> None:
    """Give a class of a labels layer another colour, an RGBA from 0 to 1."""
    colormap = labels.colormap
    if isinstance(colormap, CyclicLabelColormap):
        colours = colormap.colors.copy()
        colours[1 + (label - 1) % (len(colours) - 1)] = colour
        labels.colormap = CyclicLabelColormap(colors=colours)
    else:
        labels.colormap = DirectLabelColormap(
            color_dict={**colormap.color_dict, label: np.asarray(colour, np.float32)}
        )


def result_of(layers: LayerList, image: Image | None, channels: Channels = PLAIN) -> Labels | None:
    """Return the labels layer that holds the segmentation of an image, if there is one."""
    if image is None:
        return None
    return _of_shape(written(layers, image.name, SEGMENTATION), shape_of(image, channels))


def result_at(layers: LayerList, plane: ImagePlane) -> Labels | None:
    """Return the labels layer that holds the segmentation of the image of a plane, whatever is chosen now."""
    return written_at(layers, plane, SEGMENTATION)


def written_at(layers: LayerList, plane: ImagePlane, kind: str) -> Any:
    """Return the layer of one kind that we have made of the image of a plane, if there is one."""
    return _of_shape(written(layers, plane.layer_name, kind), plane.shape)


def mark(image_name: str, kind: str) -> dict[str, Any]:
    """Return the metadata that make a layer named ``<image> <kind>`` known as ours."""
    return {MARK: {"image": image_name, "kind": kind}}


def is_result(layer: Layer) -> bool:
    """Whether a layer is a result of ours; one that was renamed is the user's own."""
    kind = layer.metadata.get(MARK, {}).get("kind", "")
    return (kind in RESULTS or kind.startswith(PROBABILITY)) and _keeps_its_name(layer)


def written(layers: LayerList, image_name: str, kind: str) -> list[Layer]:
    """Return the layers of one kind that we have made of an image, without those that were renamed."""
    marked = mark(image_name, kind)[MARK]
    return [layer for layer in layers if layer.metadata.get(MARK) == marked and _keeps_its_name(layer)]


def _keeps_its_name(layer: Layer) -> bool:
    """Whether a layer of ours has the name that we gave it, with a number where that was taken."""
    marked = layer.metadata[MARK]
    name = re.escape(f"{marked['image']} {marked['kind']}")
    return re.fullmatch(rf"{name}( \[\d+\])?", layer.name) is not None


def _of_shape(layers: Sequence[Layer], shape: tuple[int, ...]) -> Any:
    """Return the first of some layers that has a shape: an image of the same name may have had another."""
    return next((layer for layer in layers if layer.data.shape == shape), None)


def _writable(viewer: Viewer, plane: ImagePlane, dtype: np.dtype, strokes: Labels | None) -> Labels:
    """Return the layer for the segmentations of an image, whose data can hold values of a type."""
    layer = result_at(viewer.layers, plane)
    if layer is None:
        return _add_result(viewer, plane, dtype, strokes)
    if not np.can_cast(dtype, layer.data.dtype):
        wider = zeros(plane, np.promote_types(dtype, layer.data.dtype))
        levels = wider if layer.multiscale else [wider]
        for strip in strips(plane.shape):  # one after the other: all of them may not fit into memory
            write_levels(levels, strip, np.asarray(finest(layer)[strip]))
        set_data(layer, wider)
    return layer


def _locked(strokes: Labels | None) -> set[int]:
    return set() if strokes is None else locked_classes(strokes)


def zeros(plane: ImagePlane, dtype: np.dtype) -> Any:
    """Return what a new layer for results on the image of a plane holds; several levels of a large one."""
    if plane.block is None:
        return empty(plane.shape, dtype, plane.is_lazy)
    axes = [axis for axis, at in enumerate(plane.index) if isinstance(at, slice)]
    return empty_pyramid(plane.shape, dtype, axes)


def _add_result(viewer: Viewer, plane: ImagePlane, dtype: np.dtype, strokes: Labels | None) -> Labels:
    """Add an empty result below the strokes, or on top; in any case above its image."""
    layer = Labels(
        zeros(plane, dtype),
        multiscale=plane.block is not None,
        name=f"{plane.layer_name} {SEGMENTATION}",
        metadata=mark(plane.layer_name, SEGMENTATION),
        colormap=class_colours() if strokes is None else deepcopy(strokes.colormap),
        features=None if strokes is None else strokes.features,
        opacity=_RESULT_OPACITY,
        **plane.to_world,
    )
    layers = viewer.layers
    below = layers.index(strokes) if strokes in layers else len(layers)
    above = layers.index(plane.layer_name) + 1 if plane.layer_name in layers else 0
    add_quietly(viewer, layer, max(below, above))  # the strokes may be on an image further down
    return layer
