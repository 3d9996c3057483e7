"""Layers in: where napari's layers become the planes and strokes that the core takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
from napari import Viewer
from napari.components import Dims
from napari.layers import Image, Labels
from napari.utils.transforms import Affine
from numpy.typing import NDArray

from napari_vitrail.blocks import is_large
from napari_vitrail.overlay import PlaneOverlay, Viewpoint, overlays
from napari_vitrail.planes import Index
from napari_vitrail.progress import Progress, Steps
from napari_vitrail.widgets._image_plane import PLAIN, Channels, ImagePlane, is_lazy
from napari_vitrail.widgets._painted import painted_planes

if TYPE_CHECKING:
    from napari_vitrail.image import Picture

GEOMETRY = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
"""What says where a layer lies in the world; napari has an event of each name."""


Painted = tuple[ImagePlane, NDArray[np.integer]]
"""A plane and the strokes (H, W) on it."""


def arrays_of(painted: Sequence[Painted]) -> tuple[list[Picture], list[NDArray[np.integer]]]:
    """Return the planes, read, and the strokes on them, as the core takes them."""
    return [plane.read() for plane, _ in painted], [strokes for _, strokes in painted]


def read_plane(image: Image, dims: Dims, channels: Channels = PLAIN) -> ImagePlane:
    """Return the plane of an image layer that the viewer shows.

    Raises
    ------
    ValueError
        If the viewer shows no single plane of it.
    """
    [plane] = _planes_at(image, dims, channels, [image_index(image, dims, channels)])
    return plane


def all_planes(image: Image, dims: Dims, channels: Channels = PLAIN) -> list[ImagePlane]:
    """Return every plane of an image that is parallel to the one in view, that one first.

    Raises
    ------
    ValueError
        As `read_plane`, but the slider may be beyond the image.
    """
    shown = image_index(image, dims, channels, clipped=True)
    others = [index for index in _parallel(shown, shape_of(image, channels)) if index != shown]
    return _planes_at(image, dims, channels, [shown, *others])


def slider_axes(image: Image, dims: Dims) -> list[int]:
    """Return which axes of the data of an image have a slider: it has several planes along them.

    Raises
    ------
    ValueError
        If the viewer shows no planes of it.
    """
    shown, sides = image_index(image, dims, PLAIN, clipped=True), shape_of(image)
    return [axis for axis, at in enumerate(shown) if not isinstance(at, slice) and sides[axis] > 1]


def planes_along(image: Image, dims: Dims, axis: int) -> list[ImagePlane]:
    """Return the planes of an image along one axis, which has a slider; elsewhere it is as in view.

    Raises
    ------
    ValueError
        As `slider_axes`.
    """
    shown = image_index(image, dims, PLAIN, clipped=True)
    places = range(shape_of(image)[axis])
    return _planes_at(image, dims, PLAIN, [(*shown[:axis], at, *shown[axis + 1 :]) for at in places])


def _planes_at(image: Image, dims: Dims, channels: Channels, indices: Sequence[Index]) -> list[ImagePlane]:
    data, shape = resolution(image, channels.level), shape_of(image, channels)
    to_world = MappingProxyType(geometry_of(image, channels))
    others = [
        (
            layer.name,
            overlays(layer, full_resolution(layer), _seen_from(image, channels), indices, dims.point),
        )
        for layer in channels.layers
    ]
    return [
        ImagePlane(
            data, image.name, to_world, index, shape, channels,
            MappingProxyType({name: own[number] for name, own in others}), image.data,
        )
        for number, index in enumerate(indices)
    ]  # fmt: skip


def planes_with_strokes(
    strokes: Labels, image: Image, dims: Dims, channels: Channels = PLAIN, *, clipped: bool = False
) -> list[tuple[ImagePlane, PlaneOverlay]]:
    """Return each plane of an image that may carry strokes, and the strokes, not yet read.

    Strokes painted on any plane of a stack count; strokes on a flat layer over a stack belong to
    the plane in view. They count where they lie on the image as the world has it, whatever their layer's
    shape and scale. Strokes in memory are copied by this call, where there are any: the brush may
    go on; only planes that may be painted are looked at, see `PaintedPlanes`. Those that are computed, or
    read from a file, or have very many pixels are left to the worker. The slider may be beyond a `clipped`
    image.
    """
    shown = image_index(image, dims, channels, clipped=clipped)
    flat = strokes.ndim < image.ndim
    indices = [shown] if flat else list(_parallel(shown, shape_of(image, channels)))
    labels = full_resolution(strokes)
    is_left = is_lazy(labels) or is_large(labels.shape[-2:])
    found: list[tuple[Index, PlaneOverlay]] = []
    seen = overlays_on(strokes, image, dims, channels, indices)
    kept = seen if is_left else _kept(strokes, labels, seen, seen[indices.index(shown)].index)
    for index, own in zip(indices, kept, strict=True):
        if own is not None:
            found.append((index, own))
    planes = _planes_at(image, dims, channels, [index for index, _ in found])
    return [(plane, overlay) for plane, (_, overlay) in zip(planes, found, strict=True)]


def _kept(
    strokes: Labels, labels: NDArray[np.integer], seen: Sequence[PlaneOverlay], shown: Index | None
) -> list[PlaneOverlay | None]:
    """Return copies of the planes of strokes that are painted, None for the others."""
    there = [overlay.index for overlay in seen if overlay.index is not None]
    if not there:
        return [None] * len(seen)
    known = painted_planes(strokes)
    painted = known.positions(labels, axes_of(there[0]))
    if shown is not None and labels[shown].any():
        painted.add(position_of(shown))
        known.add([position_of(shown)])
    return [
        overlay.kept() if overlay.index is not None and position_of(overlay.index) in painted else None
        for overlay in seen
    ]


def _seen_from(image: Image, channels: Channels) -> Viewpoint:
    """Return the pixels from which strokes and further layers are seen."""
    factors = level_factors(image, channels.level)
    sides = resolution(image, channels.level).shape[: image.ndim]

    def to_world(position: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(image.data_to_world(position * factors + (factors - 1) / 2))

    return Viewpoint(sides, to_world)


def read_strokes(planes: Sequence[tuple[ImagePlane, PlaneOverlay]]) -> Steps[list[Painted]]:
    """Yield Progress after every plane; return those that are painted, and the strokes (H, W) on each."""
    painted = []
    for done, (plane, overlay) in enumerate(planes, start=1):
        labels = overlay.read()
        if labels.any():
            painted.append((plane, labels))
        yield Progress(done, len(planes), "reading strokes")
    return painted


def plane_index(layer: Image | Labels, dims: Dims, *, clipped: bool = False) -> Index:
    """Return the index of the plane that the viewer shows into the data of a layer.

    Raises
    ------
    ValueError
        If the viewer shows a volume, an axis that the layer lacks, or a plane outside the layer; with
        `clipped` that is the nearest one.
    """
    axes = [axis - (dims.ndim - layer.ndim) for axis in dims.displayed]
    if len(axes) != 2:
        raise ValueError("the viewer shows a volume: switch it to 2-D")
    if min(axes) < 0:
        raise ValueError(f"the viewer shows an axis that {layer.name!r} does not have")
    position = np.rint(layer.world_to_data(dims.point)).astype(int)
    if clipped:
        position = np.clip(position, 0, np.array(shape_of(layer)) - 1)
    index = tuple(slice(None) if axis in axes else int(at) for axis, at in enumerate(position))
    for at, size in zip(index, shape_of(layer), strict=True):
        if isinstance(at, int) and not 0 <= at < size:
            raise ValueError(f"{layer.name!r} is out of view: move the slider to one of its planes")
    return index


def shown_axes(layer: Image | Labels, dims: Dims) -> list[int]:
    """Return which two axes of the data of a layer the viewer shows, see `plane_index`."""
    return [axis for axis, at in enumerate(plane_index(layer, dims, clipped=True)) if isinstance(at, slice)]


def image_index(image: Image, dims: Dims, channels: Channels, *, clipped: bool = False) -> Index:
    """Return the index of the plane in view into a layer of the shape of `shape_of`.

    Raises
    ------
    ValueError
        As `plane_index`, or if the viewer shows the axis of the channels.
    """
    index = plane_index(image, dims, clipped=clipped)
    if channels.level:
        coarser = zip(index, level_factors(image, channels.level), strict=True)
        index = tuple(at if isinstance(at, slice) else int(at / factor) for at, factor in coarser)
    if channels.axis is None:
        return index
    if isinstance(index[channels.axis], slice):
        raise ValueError("the viewer shows the axis of the channels: choose other axes to look at")
    return (*index[: channels.axis], 0, *index[channels.axis + 1 :])


def mismatch(strokes: Labels, image: Image, dims: Dims, channels: Channels = PLAIN) -> str:
    """Return why strokes on a labels layer are no strokes on an image, or nothing if they are.

    Raises
    ------
    ValueError
        As `plane_index`.
    """
    plane_index(strokes, dims)
    index = image_index(image, dims, channels)
    axis = channels.axis
    if axis is not None and strokes.ndim == image.ndim and shape_of(strokes)[axis] > 1:
        return "the strokes layer tells channels apart, which are now seen together: press New"
    [overlay] = overlays_on(strokes, image, dims, channels, [index])
    return "" if overlay.overlaps else "the strokes layer lies elsewhere than the image: press New"


def overlays_on(
    strokes: Labels, image: Image, dims: Dims, channels: Channels, indices: Sequence[Index]
) -> list[PlaneOverlay]:
    """Return strokes as seen from some planes of an image."""
    return overlays(strokes, full_resolution(strokes), _seen_from(image, channels), indices, dims.point)


def shape_of(layer: Image | Labels, channels: Channels = PLAIN) -> tuple[int, ...]:
    """Return the shape of a layer's data: without colours, and with one place for all channels."""
    shape = list(resolution(layer, channels.level).shape[: layer.ndim])
    if channels.axis is not None:
        shape[channels.axis] = 1
    return tuple(shape)


def geometry_of(
    image: Image, channels: Channels = PLAIN, start: Sequence[int] | None = None
) -> dict[str, Any]:
    """Return what makes a layer of the shape of `shape_of`, or one that begins within it, lie on an image.

    Its single place along an axis of channels is as thick as all of them, so that it is seen with each.
    """
    geometry = {name: getattr(image, name) for name in GEOMETRY}
    factors = level_factors(image, channels.level)
    if channels.axis is not None:
        factors[channels.axis] = full_resolution(image).shape[channels.axis]
    first = np.zeros(image.ndim) if start is None else np.array(start, float)
    if (factors == 1).all() and not first.any():
        return geometry
    own = Affine(**{name: geometry[name] for name in ("scale", "translate", "rotate", "shear")})
    middle = own(first * factors + (factors - 1) / 2)  # a pixel's centre is that of those it stands for
    return geometry | {"scale": image.scale * factors, "translate": middle}


def level_factors(image: Image, level: int) -> NDArray[np.float64]:
    """Return how many pixels of the finest level one of another is long, along each axis."""
    if level == 0:
        return np.ones(image.ndim)
    return np.array(image.downsample_factors[level], float)[: image.ndim]


def shown_window(viewer: Viewer, image: Image, plane: ImagePlane) -> tuple[slice, slice]:
    """Return which rows and columns of a plane the canvas shows; all of them where it shows none."""
    axes = [axis for axis, at in enumerate(plane.index) if isinstance(at, slice)]
    corners = _seen_corners(viewer, image)
    factors = level_factors(image, plane.channels.level)
    first = np.floor(corners[0] / factors).astype(int)
    stop = np.ceil((corners[1] + 1) / factors).astype(int)
    begins = plane.position((0, 0))
    shown = [
        (max(first[axis] - begin, 0), min(stop[axis] - begin, side))
        for axis, begin, side in zip(axes, begins, plane.sides, strict=True)
    ]
    if any(end - start <= 1 for start, end in shown):
        shown = [(0, side) for side in plane.sides]
    return slice(*map(int, shown[0])), slice(*map(int, shown[1]))


def _seen_corners(viewer: Viewer, image: Image) -> NDArray[np.float64]:
    """Return between which two positions in the data of an image everything in view lies."""
    drawn = level_factors(image, image.data_level if image.multiscale else 0)
    loaded = image.corner_pixels[:, : image.ndim] * drawn
    canvas = getattr(viewer, "canvas", None)
    if not image.multiscale or canvas is None:  # napari 0.9 loads whole chunks of a pyramid, and keeps them
        return loaded + np.array([np.zeros(image.ndim), drawn - 1])
    camera = getattr(viewer, "scene", viewer).camera
    half = np.array(canvas.size, float) / camera.zoom / 2
    corners = []
    for sign in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        world = np.array(viewer.dims.point, float)
        world[list(viewer.dims.displayed[-2:])] = np.array(camera.center[-2:]) + half * sign
        corners.append(image.world_to_data(world)[: image.ndim])
    return np.array([np.min(corners, axis=0), np.max(corners, axis=0)])


def full_resolution(layer: Image | Labels) -> Any:
    """Return the data of a layer, the finest level of a pyramid; dask where planes must be read."""
    return resolution(layer, 0)


def resolution(layer: Image | Labels, level: int) -> Any:
    """Return the data of a layer, those of one level of a pyramid; dask where planes must be read."""
    data = layer.data[level] if layer.multiscale else layer.data
    if isinstance(data, (np.ndarray, da.Array)):
        return data
    return da.from_array(data, name=False)  # a zarr array would be read where it is indexed


def axes_of(index: Index) -> tuple[int, ...]:
    """Return the axes along which an index takes more than one place."""
    return tuple(axis for axis, at in enumerate(index) if isinstance(at, slice))


def position_of(index: Index) -> tuple[int, ...]:
    """Return the places that an index takes along the other axes."""
    return tuple(at for at in index if not isinstance(at, slice))


def _parallel(index: Index, shape: tuple[int, ...]) -> Iterator[Index]:
    """Yield the index of every plane parallel to one."""
    flat = [1 if isinstance(at, slice) else size for at, size in zip(index, shape, strict=True)]
    for position in np.ndindex(*flat):
        yield tuple(at if isinstance(at, slice) else here for at, here in zip(index, position, strict=True))
