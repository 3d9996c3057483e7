"""Layers in, layers out: where napari's layers become arrays and arrays become layers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from napari import Viewer
from napari.components import Dims, LayerList
from napari.layers import Image, Labels, Layer
from napari.utils.colormaps import CyclicLabelColormap, DirectLabelColormap, label_colormap
from napari.utils.colormaps.standardize_color import transform_color
from numpy.typing import ArrayLike, NDArray

from napari_vitrail.progress import Progress, Steps

MARK = "napari-vitrail"
SEGMENTATION, UNCERTAINTY, COLOURS = "segmentation", "uncertainty", "PCA"
SIMILARITY, ALIKE = "similarity", "alike"
RESULTS = {SEGMENTATION, UNCERTAINTY, COLOURS, SIMILARITY}
"""Kinds of layers that are looked at; one of the kind `ALIKE` is for painting on, like strokes."""
GEOMETRY = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
"""What says where a layer lies in the world; napari has an event of each name."""

_CLASS = "class"  # the column of a layer's features that names its classes
_RESULT_OPACITY = 0.4
_BRUSHES_PER_SIDE = 64

# Bright, told apart by most eyes, and not the brown, blue and grey of stains and micrographs.
_CLASS_COLOURS = (
    "#ffd92f", "#f0389a", "#1fd1d1", "#7ed321", "#ff8c1a", "#7a8cff", "#c98cff", "#ffb3c7",
)  # fmt: skip

Index = tuple[int | slice, ...]
Painted = tuple[ArrayLike, NDArray[np.integer]]


@dataclass(frozen=True)
class ImagePlane:
    """The plane of an image layer that the viewer shows: the form in which a layer enters the core.

    Attributes
    ----------
    pixels : (H, W) or (H, W, C) array
        At full resolution. Lazy data stay lazy: the worker reads them.
    layer_name : str
        The layer's name when it was read.
    to_world : mapping
        What makes a new layer lie where this one lies: scale, translate, affine, units ...
    index : tuple of int and slice
        Where the plane sits in the layer's data, channels left out.
    shape : tuple of int
        Shape of the layer's data, channels left out.
    """

    pixels: ArrayLike
    layer_name: str
    to_world: Mapping[str, Any]
    index: Index
    shape: tuple[int, ...]


def read_plane(image: Image, dims: Dims) -> ImagePlane:
    """Return the plane of an image layer that the viewer shows.

    Raises
    ------
    ValueError
        If the viewer shows no single plane of it.
    """
    index = plane_index(image, dims)
    to_world = {name: getattr(image, name) for name in GEOMETRY}
    pixels = full_resolution(image)[index]
    return ImagePlane(pixels, image.name, MappingProxyType(to_world), index, shape_of(image))


def read_strokes(strokes: Labels, image: Image, dims: Dims) -> Steps[list[Painted]]:
    """Return the work of finding each plane of an image that carries strokes, and the strokes on it.

    Strokes painted on any plane of a stack count; strokes on a flat layer over a stack belong to
    the plane in view. Strokes in memory are copied by this call, where there are any: the brush may
    go on. Those that are computed, or read from a file, are left to the worker.

    Returns
    -------
    steps : generator of Progress
        Returns a list of (H, W[, C]) array and (H, W) int array, empty where nothing is painted.
    """
    pixels, labels = full_resolution(image), full_resolution(strokes)
    if shape_of(strokes) == shape_of(image):
        planes = [(index, index) for index in _parallel(plane_index(strokes, dims), labels.shape)]
    else:
        planes = [(plane_index(image, dims), plane_index(strokes, dims))]
    if type(labels) is not np.ndarray:  # a memory map is one, of a kind
        return _painted_steps(((pixels[at], labels[own]) for at, own in planes), len(planes))
    painted = [(pixels[at], labels[own].copy()) for at, own in planes if labels[own].any()]
    return _painted_steps(painted, len(painted))


def plane_index(layer: Image | Labels, dims: Dims) -> Index:
    """Return the index of the plane that the viewer shows into the data of a layer.

    Raises
    ------
    ValueError
        If the viewer shows a volume, an axis that the layer lacks, or a plane outside the layer.
    """
    axes = [axis - (dims.ndim - layer.ndim) for axis in dims.displayed]
    if len(axes) != 2:
        raise ValueError("the viewer shows a volume: switch it to 2-D")
    if min(axes) < 0:
        raise ValueError(f"the viewer shows an axis that {layer.name!r} does not have")
    position = np.rint(layer.world_to_data(dims.point)).astype(int)
    index = tuple(slice(None) if axis in axes else int(at) for axis, at in enumerate(position))
    for at, size in zip(index, shape_of(layer), strict=True):
        if isinstance(at, int) and not 0 <= at < size:
            raise ValueError(f"{layer.name!r} is out of view: move the slider to one of its planes")
    return index


def mismatch(strokes: Labels, image: Image, dims: Dims) -> str:
    """Return why strokes on a labels layer are no strokes on an image, or nothing if they are.

    Raises
    ------
    ValueError
        As `plane_index`.
    """
    corners = [_corners(layer, plane_index(layer, dims)) for layer in (strokes, image)]
    sides = [np.ptp(pixels, axis=0) + 1 for pixels, _ in corners]
    if (sides[0] != sides[1]).any():
        sizes = ["{} x {}".format(*side) for side in sides]
        return f"the strokes layer has {sizes[0]} pixels, the image {sizes[1]}: press New"
    if not np.allclose(corners[0][1], corners[1][1]):
        return "the strokes layer lies elsewhere than the image (its scale or place differs): press New"
    return ""


def shape_of(layer: Image | Labels) -> tuple[int, ...]:
    """Return the shape of a layer's data at full resolution, the channels of RGB(A) left out."""
    return tuple(full_resolution(layer).shape[: layer.ndim])


def add_strokes(viewer: Viewer, image: Image) -> Labels:
    """Add an empty labels layer over an image, with the brush in hand."""
    shape = shape_of(image)
    layer = Labels(
        np.zeros(shape, np.uint8),
        name=f"{image.name} strokes",
        colormap=class_colours(),
        opacity=1,
        **{name: getattr(image, name) for name in GEOMETRY},
    )
    viewer.add_layer(layer)
    layer.brush_size = max(1, min(shape[-2:]) // _BRUSHES_PER_SIDE)
    layer.mode = "paint"
    return layer


def write_segmentation(
    viewer: Viewer, plane: ImagePlane, segmentation: NDArray[np.integer], strokes: Labels | None
) -> Labels:
    """Write a segmentation into the labels layer of its image, in the colours of the strokes if any.

    The layer that an earlier run has made is updated in place and put where the image lies, unless
    it was renamed or the image has another shape; else a layer ``<image> segmentation`` is added
    below the strokes. The selected layer stays selected.
    """
    layer = _result_layer(viewer.layers, plane.layer_name, plane.shape)
    if layer is None:
        layer = _add_result(viewer, plane, segmentation.dtype, strokes)
    dtype = np.promote_types(layer.data.dtype, segmentation.dtype)
    data = layer.data if layer.data.dtype == dtype else layer.data.astype(dtype)
    data[plane.index] = segmentation
    layer.data = data
    for name, value in plane.to_world.items():
        setattr(layer, name, value)
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
) -> Labels:
    """Write a part of a segmentation into the labels layer of its image, see `write_segmentation`."""
    layer = _result_layer(viewer.layers, plane.layer_name, plane.shape)
    if layer is None or not np.can_cast(classes.dtype, layer.data.dtype):
        shape = [plane.shape[axis] for axis, at in enumerate(plane.index) if isinstance(at, slice)]
        whole = np.zeros(shape, classes.dtype)
        if layer is not None:
            whole[...] = layer.data[plane.index]
        layer = write_segmentation(viewer, plane, whole, strokes)
    layer.data[plane.index][window] = classes
    layer.refresh(thumbnail=False, highlight=False, extent=False)
    return layer


def shown_window(image: Image, plane: ImagePlane) -> tuple[slice, slice]:
    """Return which rows and columns of a plane the canvas shows; all of them where nothing was drawn yet."""
    axes = [axis for axis, at in enumerate(plane.index) if isinstance(at, slice)]
    scale = image.downsample_factors[image.data_level] if image.multiscale else np.ones(image.ndim)
    corners = image.corner_pixels * scale
    first = np.floor(corners[0]).astype(int)
    stop = np.ceil(corners[1] + scale).astype(int)
    shown = [(max(first[axis], 0), min(stop[axis], plane.shape[axis])) for axis in axes]
    if any(end - start <= 1 for start, end in shown):
        shown = [(0, plane.shape[axis]) for axis in axes]
    return slice(*map(int, shown[0])), slice(*map(int, shown[1]))


def class_colours() -> CyclicLabelColormap:
    """Return label colours of which the first few are chosen with care, and the rest napari's."""
    chosen = [(0, 0, 0, 0), *map(transform_color, _CLASS_COLOURS)]
    return CyclicLabelColormap(colors=np.vstack([*chosen, label_colormap().colors[1:]]))


def class_table(class_names: Mapping[int, str]) -> dict[str, list[Any]]:
    """Return the ``features`` of a labels layer that make napari say a class's name under the cursor."""
    named = {0: "unlabelled", **class_names}
    return {"index": list(named), _CLASS: list(named.values())}


def class_names(labels: Labels) -> dict[int, str]:
    """Return the names that a labels layer gives its classes; empty if it gives none."""
    table = labels.features
    if not {"index", _CLASS} <= set(table.columns):
        return {}
    named = zip(table["index"].astype(int), table[_CLASS].astype(str), strict=True)
    return {label: name for label, name in named if label}


def name_class(labels: Labels, label: int, name: str) -> None:
    """Call a class by a name; an empty one takes its name away."""
    names = {key: value for key, value in class_names(labels).items() if key != label}
    if name:
        names[label] = name
    labels.features = class_table(dict(sorted(names.items())))


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


def result_of(layers: LayerList, image: Image | None) -> Labels | None:
    """Return the labels layer that holds the segmentation of an image, if there is one."""
    return None if image is None else _result_layer(layers, image.name, shape_of(image))


def mark(image_name: str, kind: str) -> dict[str, Any]:
    """Return the metadata that make a layer named ``<image> <kind>`` known as ours."""
    return {MARK: {"image": image_name, "kind": kind}}


def is_result(layer: Layer) -> bool:
    """Whether a layer is a result of ours; one that was renamed is the user's own."""
    return layer.metadata.get(MARK, {}).get("kind") in RESULTS and _keeps_its_name(layer)


def written(layers: LayerList, image_name: str, kind: str) -> list[Layer]:
    """Return the layers of one kind that we have made of an image, without those that were renamed."""
    marked = mark(image_name, kind)[MARK]
    return [layer for layer in layers if layer.metadata.get(MARK) == marked and _keeps_its_name(layer)]


def _keeps_its_name(layer: Layer) -> bool:
    """Whether a layer of ours has the name that we gave it, with a number where that was taken."""
    marked = layer.metadata[MARK]
    name = re.escape(f"{marked['image']} {marked['kind']}")
    return re.fullmatch(rf"{name}( \[\d+\])?", layer.name) is not None


def _result_layer(layers: LayerList, image_name: str, shape: tuple[int, ...]) -> Labels | None:
    """Return the layer that earlier runs on an image have written to."""
    for layer in written(layers, image_name, SEGMENTATION):
        if layer.data.shape == shape:  # of the same name, an image opened earlier may have had another
            return layer
    return None


def _add_result(viewer: Viewer, plane: ImagePlane, dtype: np.dtype, strokes: Labels | None) -> Labels:
    """Add an empty result below the strokes, or on top."""
    layer = Labels(
        np.zeros(plane.shape, dtype),
        name=f"{plane.layer_name} {SEGMENTATION}",
        metadata=mark(plane.layer_name, SEGMENTATION),
        colormap=class_colours(),
        opacity=_RESULT_OPACITY,
        **plane.to_world,
    )
    selected = viewer.layers.selection.active
    below = viewer.layers.index(strokes) if strokes in viewer.layers else len(viewer.layers)
    viewer.layers.insert(below, layer)
    viewer.layers.selection.active = selected
    return layer


def full_resolution(layer: Image | Labels) -> Any:
    """Return the data of a layer, the finest level of a pyramid."""
    return layer.data[0] if layer.multiscale else layer.data


def _painted_steps(pairs: Iterable[tuple[ArrayLike, ArrayLike]], count: int) -> Steps[list[Painted]]:
    """Yield Progress after every plane; return those that are painted."""
    painted = []
    for done, (pixels, labels) in enumerate(pairs, start=1):
        strokes = np.asarray(labels)
        if strokes.any():
            painted.append((pixels, strokes))
        yield Progress(done, count, "reading strokes")
    return painted


def _corners(layer: Image | Labels, index: Index) -> tuple[NDArray[np.int_], NDArray[np.float64]]:
    """Return the first and last pixel of a plane along its two axes, and where they lie in the world."""
    axes = [axis for axis, at in enumerate(index) if isinstance(at, slice)]
    pixels = np.array([[0 if isinstance(at, slice) else at for at in index]] * 2)
    pixels[1, axes] = [shape_of(layer)[axis] - 1 for axis in axes]
    world = np.array([layer.data_to_world(pixel) for pixel in pixels])
    return pixels[:, axes], world[:, axes]


def _parallel(index: Index, shape: tuple[int, ...]) -> Iterator[Index]:
    """Yield the index of every plane parallel to one."""
    flat = [1 if isinstance(at, slice) else size for at, size in zip(index, shape, strict=True)]
    for position in np.ndindex(*flat):
        yield tuple(at if isinstance(at, slice) else here for at, here in zip(index, position, strict=True))
