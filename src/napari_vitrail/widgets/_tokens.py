"""The tokens of image planes: computed once, kept while their image stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari import Viewer
from napari.components import Dims
from napari.layers import Image, Labels
from napari.utils.events import Event
from napari.utils.transforms import Affine
from numpy.typing import ArrayLike, NDArray

from napari_vitrail.grid import FeatureGrid, Grid
from napari_vitrail.planes import Index
from napari_vitrail.progress import Steps, part_of
from napari_vitrail.spec import FeatureSpec
from napari_vitrail.widgets._image_plane import ImagePlane
from napari_vitrail.widgets._planes import GEOMETRY, full_resolution, plane_index

if TYPE_CHECKING:
    from napari_vitrail.features import DescriptorGrid, Descriptors

Tokens = tuple[FeatureGrid, "DescriptorGrid"]

_SAMPLES = 5  # positions a side of each cell at which its label is asked


@dataclass(frozen=True, eq=False)  # compared by identity: arrays have no single answer
class TokenPlane:
    """The tokens of the plane of an image layer that the viewer showed when they were asked for.

    Attributes
    ----------
    image : Image
        The layer.
    plane : ImagePlane
        What was read of it.
    spec : FeatureSpec
        What was computed of that.
    features, descriptors : FeatureGrid, Descriptors
        The tokens as they are, and scaled to length 1.
    """

    image: Image
    plane: ImagePlane
    spec: FeatureSpec
    features: FeatureGrid
    descriptors: Descriptors

    @property
    def grid(self) -> Grid:
        """Where the tokens sit in the plane."""
        return self.features.grid

    @property
    def axes(self) -> list[int]:
        """The two axes of the layer that the plane extends along."""
        return plane_axes(self.plane.index)

    def is_in_view(self, dims: Dims) -> bool:
        """Whether the viewer shows this very plane."""
        try:
            return plane_index(self.image, dims) == self.plane.index
        except ValueError:
            return False

    def pixel_at(self, position: Sequence[float]) -> NDArray[np.float64] | None:
        """Return the row/column pixel (2,) at a position in the world; None outside the image."""
        pixel = np.asarray(self.image.world_to_data(position))[self.axes]
        sides = np.array(self.plane.shape)[self.axes]
        inside = ((pixel >= -0.5) & (pixel < sides - 0.5)).all()
        return pixel if inside else None

    def world_at(self, cell: Sequence[int]) -> tuple[float, ...]:
        """Return where in the world the centre of a cell lies."""
        position = _at_origin(self.plane.index)
        position[self.axes] = self.grid.to_pixels([cell])[0]
        return tuple(float(at) for at in self.image.data_to_world(position))


class TokenPlanes:
    """The tokens of one plane of each image layer, dropped when its pixels change or it goes.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers they are of.
    on_change : callable
        Called without arguments when tokens were kept or dropped.
    """

    def __init__(self, viewer: Viewer, *, on_change: Callable[[], None]) -> None:
        self._viewer = viewer
        self._on_change = on_change
        self._planes: dict[Image, TokenPlane] = {}
        viewer.layers.events.removed.connect(self._on_removed)

    def keep(self, tokens: TokenPlane) -> None:
        """Keep tokens in place of those of another plane, or another spec, of the same image."""
        self._planes[tokens.image] = tokens
        tokens.image.events.data.connect(self._on_data)
        self._on_change()

    def of(self, image: Image) -> TokenPlane | None:
        """Return the tokens of what the viewer shows of an image; None if there are none."""
        tokens = self._planes.get(image)
        return tokens if tokens is not None and tokens.is_in_view(self._viewer.dims) else None

    def has_other_plane(self, image: Image) -> bool:
        """Whether there are tokens of an image, but of a plane that is out of view."""
        return image in self._planes and self.of(image) is None

    def _drop(self, image: Image) -> None:
        if self._planes.pop(image, None) is not None:
            image.events.data.disconnect(self._on_data)
            self._on_change()

    def _on_data(self, event: Event) -> None:
        self._drop(event.source)

    def _on_removed(self, event: Event) -> None:
        self._drop(event.value)


def plane_axes(index: Index) -> list[int]:
    """Return the axes of a layer that a plane extends along."""
    return [axis for axis, at in enumerate(index) if isinstance(at, slice)]


def placed_over(tokens: TokenPlane) -> dict[str, Any]:
    """Return what puts a layer with one pixel per token over its image as it lies now: scale, translate ...

    The layer has the axes of the image and, along those that the plane does not extend along, one
    pixel where the plane is.
    """
    to_world = {name: getattr(tokens.image, name) for name in GEOMETRY}
    corner = _at_origin(tokens.plane.index)
    corner[tokens.axes] = tokens.grid.origin
    own = Affine(**{name: to_world[name] for name in ("scale", "translate", "rotate", "shear")})
    scale = np.array(to_world["scale"])
    scale[tokens.axes] *= tokens.grid.spacing
    return to_world | {"scale": scale, "translate": own(corner)}


def in_plane(values: NDArray[Any], index: Index) -> NDArray[Any]:
    """Return a plane (h, w[, C]) with the missing axes of its layer, of one pixel each."""
    return values[tuple(slice(None) if isinstance(at, slice) else None for at in index)]


def tokens_steps(planes: Sequence[ArrayLike], spec: FeatureSpec) -> Steps[list[Tokens]]:
    """Yield Progress; return features and descriptors of some images, computed alike."""
    from napari_vitrail.features import DescriptorGrid, extract_features_steps  # loads torch
    from napari_vitrail.store import shared_store

    tokens = []
    for index, pixels in enumerate(planes):
        steps = extract_features_steps(np.asarray(pixels), spec, store=shared_store())
        features = yield from part_of(steps, index, len(planes))
        tokens.append((features, DescriptorGrid.of(features)))
    return tokens


def labels_of(tokens: TokenPlane, cells: NDArray[np.intp], labels: Labels, dims: Dims) -> NDArray[np.integer]:
    """Return the labels (n, k) at k places in each of some cells (n, 2); 0 where there are none.

    The layers may differ in size and place: what counts is where they lie in the world. Along axes that
    the labels have and the image has not, the plane in view counts.
    """
    values = full_resolution(labels)
    within = (np.indices((_SAMPLES, _SAMPLES)).reshape(2, -1).T + 0.5) / _SAMPLES - 0.5
    pixels = tokens.grid.to_pixels((cells[:, None] + within).reshape(-1, 2))
    positions = np.tile(_at_origin(tokens.plane.index), (len(pixels), 1))
    positions[:, tokens.axes] = pixels
    nearest = np.floor(_moved(positions, tokens.image, labels) + 0.5).astype(int)
    beyond = max(labels.ndim - tokens.image.ndim, 0)
    nearest[:, :beyond] = np.rint(labels.world_to_data(dims.point)[:beyond])
    inside = ((nearest >= 0) & (nearest < values.shape)).all(axis=1)
    asked = np.zeros(len(pixels), values.dtype)
    if inside.any():
        asked[inside] = _values_at(values, nearest[inside])
    return asked.reshape(len(cells), -1)


def _values_at(values: Any, positions: NDArray[np.intp]) -> NDArray[np.integer]:
    """Return the values at positions (n, d), reading no more of lazy data than the box round them."""
    first, last = positions.min(axis=0), positions.max(axis=0)
    box = tuple(slice(int(start), int(stop) + 1) for start, stop in zip(first, last, strict=True))
    return np.asarray(values[box])[tuple((positions - first).T)]


def _at_origin(index: Index) -> NDArray[np.float64]:
    """Return the position of a plane's first pixel in the data of its layer."""
    return np.array([0.0 if isinstance(at, slice) else float(at) for at in index])


def _moved(positions: NDArray[np.float64], source: Image, target: Labels) -> NDArray[np.float64]:
    """Return where positions (n, d) in one layer's data lie in the data of another; the way is affine."""

    def move(position: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(target.world_to_data(source.data_to_world(position)))

    start = move(np.zeros(positions.shape[1]))
    linear = [move(unit) - start for unit in np.eye(positions.shape[1])]
    return positions @ np.array(linear) + start
