"""From a classifier to a segmentation, of an image or a window of it, at once or coarse to fine."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.errors import VitrailWarning
from napari_vitrail.features import PixelFeatures, TokenStore, pixel_features_steps
from napari_vitrail.image import LayeredImage, Picture, as_image, main_of, whole_of
from napari_vitrail.imports import importing_steps
from napari_vitrail.progress import Progress, Steps, drain, part_of
from napari_vitrail.tiling import Window, as_window
from napari_vitrail.trained import trained_backbone

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.classify import PixelClassifier
    from napari_vitrail.spec import FeatureSpec
    from napari_vitrail.tiling import Tile

    Keep = Callable[[Tile, NDArray[np.float32]], None]

FINER = (7, 4, 2)
"""Strides on the way from the patch grid to the stride asked for."""
WORTH_A_LEVEL = 0.7
"""A stride that is a larger part of the one before would cost nearly as much as it, and show no more."""


def segment_steps(
    image: ArrayLike | LayeredImage,
    classifier: PixelClassifier,
    *,
    window: Window | None = None,
    backbone: Backbone | None = None,
    device: str = "auto",
    store: TokenStore | None = None,
) -> Steps[NDArray[np.unsignedinteger]]:
    """Yield Progress after every tile; return the segmentation."""
    request = _Request.of(image, classifier, window)
    segmentation = np.zeros(request.shape, classifier.dtype)
    keep = partial(write_classes, segmentation, classifier)
    backbone = yield from _backbone_steps(request, backbone, device)
    yield from _request_steps(request, keep, backbone, store)
    return segmentation


def segment(
    image: ArrayLike | LayeredImage,
    classifier: PixelClassifier,
    *,
    window: Window | None = None,
    backbone: Backbone | None = None,
    device: str = "auto",
    store: TokenStore | None = None,
) -> NDArray[np.unsignedinteger]:
    """Give every pixel of an image its most probable class.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, 4) array, or LayeredImage
    classifier : PixelClassifier
    window : (rows, columns) slices, optional
        The part that is wanted; what it needs of its surroundings is seen too, so that the answer is
        the same as in the segmentation of everything.
    backbone : Backbone, optional
        A loaded one; else the one that the classifier was trained with.
    device : {"auto", "cuda", "mps", "cpu"}
    store : FeatureStore, optional
        See `fit_classifier`.

    Returns
    -------
    segmentation : (H, W) array, or that of the window
        Class ids as painted, in the smallest unsigned type that holds them.

    Raises
    ------
    SpecMismatch
        If the backbone, its weights or the image's further channels are not those the classifier was
        trained with.
    ValueError
        If the window is empty.
    """
    return drain(
        segment_steps(image, classifier, window=window, backbone=backbone, device=device, store=store)
    )


def coarse_to_fine_steps(
    image: ArrayLike | LayeredImage,
    classifier: PixelClassifier,
    *,
    window: Window | None = None,
    backbone: Backbone | None = None,
    device: str = "auto",
    store: TokenStore | None = None,
) -> Steps[NDArray[np.unsignedinteger]]:
    """Segment like `segment_steps`, but soon: on the patch grid first, then at smaller strides.

    The features of the patch grid come with the plain pass and are a quarter of the wait at the default
    stride. With a store the passes of one level serve the next, as far as its contexts reach: the last
    few tiles.

    Parameters
    ----------
    image, classifier, window, backbone, device, store
        See `segment`.

    Yields
    ------
    progress : Progress
        After each level but the last ``so_far`` is the segmentation at that level.
    """
    request = _Request.of(image, classifier, window)
    segmentation = np.zeros(request.shape, classifier.dtype)
    keep = partial(write_classes, segmentation, classifier)
    backbone = yield from _backbone_steps(request, backbone, device)
    yield from _coarse_to_fine_steps(request, keep, backbone, store)
    return segmentation


def coarse_to_fine_probabilities_steps(
    image: ArrayLike | LayeredImage,
    classifier: PixelClassifier,
    *,
    window: Window | None = None,
    backbone: Backbone | None = None,
    device: str = "auto",
    store: TokenStore | None = None,
) -> Steps[NDArray[np.float32]]:
    """Yield what `coarse_to_fine_steps` yields; return the probabilities of `class_probabilities`."""
    request = _Request.of(image, classifier, window)
    probabilities = request.room_for_probabilities()
    keep = partial(_write_probabilities, probabilities)
    backbone = yield from _backbone_steps(request, backbone, device)
    yield from _coarse_to_fine_steps(request, keep, backbone, store)
    return probabilities


def _coarse_to_fine_steps(
    request: _Request, keep: Keep, backbone: Backbone | None, store: TokenStore | None
) -> Steps[None]:
    """Yield Progress and segmentations; hand over what is predicted at the last, the finest level."""
    strides = coarser_strides(request.classifier.spec, backbone)
    for index, stride in enumerate(strides[:-1]):
        step = _preview_step(stride)
        coarse = np.zeros([-(-side // step) for side in request.shape], request.classifier.dtype)
        write = partial(write_classes, coarse, request.classifier, step=step)
        steps = _request_steps(replace(request, stride=stride), write, backbone, store, step=step)
        yield from part_of(steps, index, len(strides))
        yield Progress(index + 1, len(strides), f"stride {stride}", enlarged(coarse, step, request.shape))
    yield from part_of(_request_steps(request, keep, backbone, store), len(strides) - 1, len(strides))


def coarser_strides(spec: FeatureSpec, backbone: Backbone | None) -> list[int]:
    """Return the strides on the way from the patch grid to that of a spec, which is the last."""
    return strides_from(spec, spec.stride if backbone is None else backbone.info.patch_size)


def strides_from(spec: FeatureSpec, patch_size: int) -> list[int]:
    """Return the strides on the way to that of a spec from the patch grid of a network."""
    if spec.sampling != "queries":
        return [spec.stride]
    strides = [patch_size]
    for stride in (*(finer for finer in FINER if finer > spec.stride), spec.stride):
        if stride <= WORTH_A_LEVEL * strides[-1]:
            strides.append(stride)
    return strides if strides[-1] == spec.stride else [*strides[:-1], spec.stride]


def _preview_step(stride: int) -> int:
    """Return every how many pixels a preview is predicted: a power of two, as tiles are sized by."""
    return 1 << max((stride // 3).bit_length() - 1, 0)


def enlarged(
    segmentation: NDArray[np.unsignedinteger], step: int, shape: tuple[int, int]
) -> NDArray[np.unsignedinteger]:
    """Return a segmentation of every `step`-th pixel on all of them."""
    return segmentation.repeat(step, axis=0).repeat(step, axis=1)[: shape[0], : shape[1]]


def write_classes(
    segmentation: NDArray[np.unsignedinteger],
    classifier: PixelClassifier,
    tile: Tile,
    probabilities: NDArray[np.float32],
    *,
    step: int = 1,
) -> None:
    """Write the most probable class of every pixel of a tile, or every `step`-th, into a segmentation."""
    rows, columns = (slice(part.start // step, -(-part.stop // step)) for part in tile.inner)
    segmentation[rows, columns] = classifier.classes_[probabilities.argmax(axis=2)]


def _write_probabilities(known: NDArray[np.float32], tile: Tile, probabilities: NDArray[np.float32]) -> None:
    """Write the probabilities of a tile (h, w, k) into those of all (k, H, W)."""
    known[:, *tile.inner] = np.moveaxis(probabilities, 2, 0)


def probabilities_steps(
    image: ArrayLike | LayeredImage,
    classifier: PixelClassifier,
    *,
    window: Window | None = None,
    backbone: Backbone | None = None,
    device: str = "auto",
    store: TokenStore | None = None,
) -> Steps[NDArray[np.float32]]:
    """Yield Progress after every tile; return the class probabilities."""
    request = _Request.of(image, classifier, window)
    probabilities = request.room_for_probabilities()
    backbone = yield from _backbone_steps(request, backbone, device)
    yield from _request_steps(request, partial(_write_probabilities, probabilities), backbone, store)
    return probabilities


def class_probabilities(
    image: ArrayLike | LayeredImage,
    classifier: PixelClassifier,
    *,
    window: Window | None = None,
    backbone: Backbone | None = None,
    device: str = "auto",
    store: TokenStore | None = None,
) -> NDArray[np.float32]:
    """Compute the probability of every class at every pixel.

    Parameters
    ----------
    image, classifier, window, backbone, device, store
        See `segment`.

    Returns
    -------
    probabilities : (k, H, W) float32, or of the window
        In the order of ``classifier.classes_``; the most probable class is the one that `segment` gives.
    """
    return drain(
        probabilities_steps(image, classifier, window=window, backbone=backbone, device=device, store=store)
    )


@dataclass(frozen=True)
class _Request:
    """What is to be segmented, and how finely."""

    plane: Picture
    classifier: PixelClassifier
    window: Window | None
    stride: int

    @classmethod
    def of(
        cls, image: ArrayLike | LayeredImage, classifier: PixelClassifier, window: Window | None
    ) -> _Request:
        """Return a request, checked."""
        plane = as_image(image)
        if misfit := classifier.intensity.misfit(main_of(whole_of(plane))):
            warnings.warn(misfit, VitrailWarning, stacklevel=4)
        if window is not None:
            window = as_window(window, plane.shape[:2])
        return cls(plane, classifier, window, classifier.spec.stride)

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the answer."""
        if self.window is None:
            return self.plane.shape[0], self.plane.shape[1]
        rows, columns = self.window
        return rows.stop - rows.start, columns.stop - columns.start

    def room_for_probabilities(self) -> NDArray[np.float32]:
        """Return an array for the probability of every class at every pixel of the answer."""
        return np.empty((len(self.classifier.classes_), *self.shape), np.float32)


def _backbone_steps(request: _Request, backbone: Backbone | None, device: str) -> Steps[Backbone | None]:
    """Return the backbone that a classifier needs, if any."""
    if not request.classifier.spec.uses_vit:
        return None
    if backbone is None:
        yield from importing_steps("timm")
        yield Progress(0, 1, "loading weights")
    return trained_backbone(request.classifier, backbone, device)


def _request_steps(
    request: _Request,
    keep: Keep,
    backbone: Backbone | None,
    store: TokenStore | None,
    *,
    step: int = 1,
) -> Steps[None]:
    """Compute the features that a request needs, then predict tile by tile."""
    classifier = request.classifier
    steps = pixel_features_steps(
        request.plane, replace(classifier.spec, stride=request.stride), classifier.intensity, backbone,
        positions=request.window, projection=classifier.projection, store=store,
    )  # fmt: skip
    features = yield from part_of(steps, 0, 2)
    predicting = predict_steps(features, classifier, keep, window=request.window, step=step)
    yield from part_of(predicting, 1, 2)


def predict_steps(
    features: PixelFeatures,
    classifier: PixelClassifier,
    keep: Keep,
    *,
    window: Window | None = None,
    step: int = 1,
) -> Steps[None]:
    """Yield Progress after every tile; hand each tile and its probabilities (h, w, k) to `keep`.

    Parameters
    ----------
    features : PixelFeatures
        As the classifier sees them, see `seen_by`.
    classifier : PixelClassifier
    keep : callable
        Gets a tile of the image, or of its window, and what was predicted there.
    window : (rows, columns) slices, optional
    step : int, pixels
        Only every `step`-th row and column is predicted.
    """
    tiles = features.tiles(window)
    origin = (0, 0) if window is None else (window[0].start, window[1].start)
    for done, tile in enumerate(tiles, start=1):
        keep(tile.moved(origin), classifier.predict_proba(features.on(tile, step=step)))
        yield Progress(done, len(tiles), "prediction")


def seen_by(classifier: PixelClassifier, features: PixelFeatures) -> PixelFeatures:
    """Return features as a classifier sees them: its feature set, its components."""
    return replace(features.projected(classifier.projection), spec=classifier.spec)
