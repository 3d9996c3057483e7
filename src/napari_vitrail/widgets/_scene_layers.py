"""What was found in images as layers: labels of the objects right above each image, and their boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from napari import Viewer
from napari.layers import Labels, Layer, Shapes
from napari.utils.theme import get_theme
from numpy.typing import NDArray

from napari_vitrail.planes import Index
from napari_vitrail.widgets._gallery_images import LayerImage
from napari_vitrail.widgets._layers import (
    BOXES,
    FOUND,
    add_quietly,
    class_names,
    mark,
    place,
    written,
    written_at,
)
from napari_vitrail.widgets._part_layers import dress, in_view, part_colours, write_labels
from napari_vitrail.widgets._scene import Corners, JudgedBox, Scene, SceneCut
from napari_vitrail.widgets._score_texts import score_texts

_THIN, _THICK = 1 / 250, 1 / 120
"""Widths of edges, as shares of the longer side of the image."""
_GREY = (0.5, 0.5, 0.5, 0.6)
_FILLED = 0.25
"""Opacity of what is inside the box that a key would judge."""
_COLUMNS = ("label", "score", "status")


def write_found(viewer: Viewer, scene: Scene, cut: SceneCut, *, with_ground: bool) -> Labels:
    """Write the objects of an image, of the ground too if that is wanted, into their layer."""
    labels = cut.table(with_ground=with_ground)[scene.found.pieces.labels]
    layer = write_labels(viewer, scene.image, FOUND, labels)
    if not class_names(layer) or scene.image in in_view(viewer, [scene.image]):
        dress_found(layer, scene, cut)
    return layer


def dress_found(layer: Labels, scene: Scene, cut: SceneCut) -> None:
    """Give a layer the names of the classes of an image, of a stack those of one plane: its others differ."""
    dress(layer, {label: cut.name(label) for label in range(1, scene.found.tree.n_pieces + 1)}, ())


def write_boxes(
    viewer: Viewer, image: LayerImage, rows: Sequence[tuple[Scene, JudgedBox]], current: int | None
) -> Shapes:
    """Write the boxes in the planes of an image into their layer, or a new one on top of all others.

    Parameters
    ----------
    viewer : Viewer
    image : LayerImage
        Any plane of the image.
    rows : sequence of (Scene, JudgedBox)
        In which plane each box is, and the box.
    current : int or None
        The number of the box that a key would judge, which stands out.
    """
    layer = boxes_layer(viewer, image) or _add(viewer, image)
    boxes = [box for _, box in rows]
    layer.selected_data = set()
    layer.data = []
    if boxes:
        colours = part_colours({box.label for box in boxes})
        edges = np.array([_edge(box, colours) for box in boxes])
        faces = edges * [1, 1, 1, 0]
        if current is not None:
            faces[current, 3] = _FILLED
        side = max(image.plane.sides)
        layer.add(
            [vertices(box.corners, scene.image.plane.index) for scene, box in rows],
            shape_type="rectangle",
            edge_width=[side * (_THICK if box.status == "accepted" else _THIN) for box in boxes],
            edge_color=edges,
            face_color=faces,
        )
    layer.features = _table(boxes)
    layer.text = score_texts(rows, current, _canvas_brightness(viewer))
    return layer


def place_found(viewer: Viewer, image: LayerImage) -> None:
    """Put the layers that are there already where the image lies now."""
    for layer in layers_of(viewer, image):
        place(layer, image.plane)


def layers_of(viewer: Viewer, image: LayerImage) -> list[Layer]:
    """Return the layers that there are of what was found in an image."""
    both = (found_layer(viewer, image), boxes_layer(viewer, image))
    return [layer for layer in both if layer is not None]


def found_layer(viewer: Viewer, image: LayerImage) -> Labels | None:
    """Return the layer of the labels of an image, if there is one."""
    return written_at(viewer.layers, image.plane, FOUND)


def boxes_layer(viewer: Viewer, image: LayerImage) -> Shapes | None:
    """Return the layer of the boxes in an image, if there is one."""
    found = written(viewer.layers, image.plane.layer_name, BOXES)
    return next((layer for layer in found if layer.ndim == len(image.plane.shape)), None)


def vertices(corners: Corners, index: Index) -> NDArray[np.float64]:
    """Return the corners (4, ndim) of a box in a layer, of which an index takes one plane.

    A pixel's centre is a whole number there, its borders are half a pixel off.
    """
    top, left, bottom, right = np.array(corners) - 0.5
    flat = np.array([[top, left], [top, right], [bottom, right], [bottom, left]])
    found = np.empty((4, len(index)))
    sides = iter(flat.T)
    for axis, at in enumerate(index):
        found[:, axis] = next(sides) if isinstance(at, slice) else at
    return found


def corners_of(shape: NDArray[np.floating], index: Index) -> Corners | None:
    """Return the box round a shape of a layer, in whole pixels of a plane; None if it is not in the plane."""
    axes = [axis for axis, at in enumerate(index) if isinstance(at, slice)]
    elsewhere = [at for at in index if not isinstance(at, slice)]
    others = np.delete(shape, axes, axis=1)
    if not np.array_equal(np.rint(others).min(axis=0, initial=np.inf), elsewhere):
        return None
    first, last = shape[:, axes].min(axis=0) + 0.5, shape[:, axes].max(axis=0) + 0.5
    top, left, bottom, right = np.rint([*first, *last]).astype(int).tolist()
    return top, left, bottom, right


def _add(viewer: Viewer, image: LayerImage) -> Shapes:
    layer = Shapes(
        ndim=len(image.plane.shape),
        name=f"{image.plane.layer_name} {BOXES}",
        metadata=mark(image.plane.layer_name, BOXES),
        features=_table([]),
        opacity=1,
        **image.plane.to_world,
    )
    add_quietly(viewer, layer)
    return layer


def _canvas_brightness(viewer: Viewer) -> float:
    return float(np.mean(get_theme(viewer.theme).canvas.as_rgb_tuple()[:3])) / 255


def _edge(box: JudgedBox, colours: Mapping[int, tuple[int, ...]]) -> tuple[float, ...]:
    if box.status == "rejected":
        return _GREY
    red, green, blue = (255, 255, 255) if box.label == 0 else colours[box.label]
    return red / 255, green / 255, blue / 255, 1.0


def _table(boxes: Sequence[JudgedBox]) -> dict[str, NDArray]:
    kinds = (np.dtype(int), np.dtype(float), np.dtype(object))
    return {
        name: np.array([getattr(box, name) for box in boxes], kind)
        for name, kind in zip(_COLUMNS, kinds, strict=True)
    }
