"""Live: a stroke becomes a picture at once, since features stay at hand between strokes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_vitrail.backbones import load_backbone
from napari_vitrail.blend import WEIGHT_WITHOUT_EVIDENCE, Blend
from napari_vitrail.classify import PixelClassifier, fit_on_features_steps, training_set
from napari_vitrail.estimators import Haste
from napari_vitrail.features import PixelFeatures, Projection
from napari_vitrail.image import IntensityRange, LayeredImage, Picture, as_image
from napari_vitrail.imports import importing_steps
from napari_vitrail.kept import KeptPlane, KeptPlanes
from napari_vitrail.progress import Progress, Steps
from napari_vitrail.segmentation import coarser_strides, enlarged, seen_by
from napari_vitrail.spec import SEGMENTATION, FeatureSpec
from napari_vitrail.strokes import MAX_PER_CLASS, Painted
from napari_vitrail.tiling import Window, as_window

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.features import TokenStore

HASTY_PIXELS = 400
"""Pixels of a class that a hasty fit sees at most."""
FIRST_PIXELS = 24_000
"""Of a window that the first answer is predicted at; the others follow."""


class Patch(NamedTuple):
    """A part of a segmentation, as far as it is known.

    Attributes
    ----------
    window : (rows, columns) slices in pixels
    classes : (h, w) unsigned int array
        Class ids as painted.
    """

    window: Window
    classes: NDArray[np.unsignedinteger]


@dataclass
class LiveSession:
    """What is kept between strokes: features of planes, and the classifier trained last.

    One job at a time may use a session: its state is not guarded against two threads.

    Parameters
    ----------
    spec : FeatureSpec
    estimator : str or scikit-learn classifier, optional
        See `napari_vitrail.fit_classifier`. The default of the features is first fitted hastily: few
        trees, few pixels, and the share of the linear model that was found last.
    backbone : Backbone, optional
        A loaded one; else the one that the spec names, on `device`.
    device : {"auto", "cuda", "mps", "cpu"}
    store : FeatureStore, optional
        Where ViT features are looked up and kept beyond the session.
    random_state : int

    Attributes
    ----------
    classifier : PixelClassifier or None
        The one trained last.
    settled : bool
        Whether it is the one that `napari_vitrail.fit_classifier` returns for the same strokes.
    """

    spec: FeatureSpec = SEGMENTATION
    estimator: Any = None
    backbone: Backbone | None = None
    device: str = "auto"
    store: TokenStore | None = None
    random_state: int = 0
    classifier: PixelClassifier | None = field(default=None, init=False)
    settled: bool = field(default=False, init=False)
    _planes: KeptPlanes = field(default_factory=KeptPlanes, init=False, repr=False)
    _weight: float = field(default=WEIGHT_WITHOUT_EVIDENCE, init=False)
    _components: Projection | None = field(default=None, init=False, repr=False)

    def learn_steps(
        self,
        images: Sequence[ArrayLike | LayeredImage],
        labels: Sequence[ArrayLike],
        image: ArrayLike | LayeredImage,
        window: Window,
        *,
        class_names: Mapping[int, str] | None = None,
    ) -> Steps[PixelClassifier]:
        """Train hastily on all strokes and show what comes of it in a window.

        Parameters
        ----------
        images, labels, class_names
            See `napari_vitrail.fit_classifier`.
        image : (H, W), (H, W, 3) or (H, W, 4) array, or LayeredImage
            The plane that is looked at.
        window : (rows, columns) slices
            The part of it that is looked at.

        Yields
        ------
        progress : Progress
            ``so_far`` is a `Patch`, coarse ones first.
        """
        self._planes.begin()
        hasty = self.estimator is None
        most = HASTY_PIXELS if hasty else MAX_PER_CLASS
        planes, strokes = training_set(
            images, labels, class_names or {}, self.random_state, most, told_apart=not hasty
        )
        intensity = IntensityRange.of(planes, self.spec.intensity)
        shown = as_image(image)
        window = as_window(window, shown.shape)
        yield from self._backbone_steps()
        for stride in self._levels(planes, strokes, shown, window, intensity):
            haste = self._haste(strokes) if hasty else None
            classifier = yield from self._fit_steps(planes, strokes, intensity, stride, class_names, haste)
            self.classifier, self.settled = classifier, not hasty and stride == self.spec.stride
            yield from self._window_steps(classifier, shown, window, stride)
        return classifier

    def settle_steps(
        self,
        images: Sequence[ArrayLike | LayeredImage],
        labels: Sequence[ArrayLike],
        *,
        class_names: Mapping[int, str] | None = None,
    ) -> Steps[PixelClassifier]:
        """Train as `napari_vitrail.fit_classifier` does, on the features that are at hand.

        Parameters
        ----------
        images, labels, class_names
            See `napari_vitrail.fit_classifier`.
        """
        self._planes.begin()
        planes, strokes = training_set(images, labels, class_names or {}, self.random_state)
        intensity = IntensityRange.of(planes, self.spec.intensity)
        yield from self._backbone_steps()
        classifier = yield from self._fit_steps(
            planes, strokes, intensity, self.spec.stride, class_names, None
        )
        self.classifier, self.settled = classifier, True
        if isinstance(classifier.estimator, Blend):
            self._weight = classifier.estimator.weight
            self._components = _parts_of(classifier)[1]
        return classifier

    def show_steps(
        self, image: ArrayLike | LayeredImage, window: Window, *, around: bool = False
    ) -> Steps[PixelClassifier]:
        """Segment a window of a plane with the classifier trained last, then what is around it.

        Parameters
        ----------
        image : (H, W), (H, W, 3) or (H, W, 4) array, or LayeredImage
        window : (rows, columns) slices
        around : bool
            Whether the rest of the plane follows, what is nearest first.

        Yields
        ------
        progress : Progress
            ``so_far`` is a `Patch`.

        Raises
        ------
        ValueError
            If nothing was trained yet.
        """
        self._planes.begin()
        classifier = self.classifier
        if classifier is None:
            raise ValueError("the session has no classifier yet: let it learn from strokes first")
        shown = as_image(image)
        window = as_window(window, shown.shape)
        yield from self._backbone_steps()
        yield from self._window_steps(classifier, shown, window, self.spec.stride)
        if around:
            yield from self._around_steps(classifier, shown, window)
        return classifier

    def prepare_steps(self, image: ArrayLike | LayeredImage, window: Window) -> Steps[None]:
        """Compute features of a window of a plane ahead of the first stroke."""
        self._planes.begin()
        shown = as_image(image)
        window = as_window(window, shown.shape)
        intensity = IntensityRange.of([shown], self.spec.intensity)
        yield from self._backbone_steps()
        for stride in self._strides():
            kept = self._kept(shown, intensity, stride)
            yield from kept.ensure_steps(window, self.backbone, self.store)
        if self.spec.features != "vit":
            tiles = kept.features.tiles(window)
            for done, tile in enumerate(tiles, start=1):
                kept.features.classical_on(tile)
                yield Progress(done, len(tiles), "classical features")

    def _backbone_steps(self) -> Steps[None]:
        if self.spec.uses_vit and self.backbone is None:
            yield from importing_steps("timm")
            yield Progress(0, 1, "loading weights")
            self.backbone = load_backbone(self.spec.backbone, device=self.device)
            yield Progress(1, 1, "loading weights")

    def _strides(self) -> list[int]:
        """Return the strides of the levels, coarse to fine."""
        if self.backbone is None:
            return [self.spec.stride]
        return coarser_strides(self.spec, self.backbone)

    def _levels(
        self, planes: Sequence[Picture], strokes: Sequence[Painted],
        shown: Picture, window: Window, intensity: IntensityRange,
    ) -> list[int]:  # fmt: skip
        """Return the strides to go through: the last one alone where its features are all there."""
        at_hand = self._kept(shown, intensity, self.spec.stride).knows(window) and all(
            self._kept(plane, intensity, self.spec.stride).knows(own.positions)
            for plane, own in zip(planes, strokes, strict=True)
        )
        return [self.spec.stride] if at_hand else self._strides()

    def _kept(self, plane: Picture, intensity: IntensityRange, stride: int) -> KeptPlane:
        """Return what is kept of a plane at a stride."""
        return self._planes.of(plane, replace(self.spec, stride=stride), intensity)

    def _haste(self, strokes: Sequence[Painted]) -> Haste:
        """Return what is known from before of a fit on some strokes."""
        classes, linear = np.unique(np.concatenate([own.ids for own in strokes])), None
        if self.classifier is not None and np.array_equal(self.classifier.classes_, classes):
            linear = _parts_of(self.classifier)[0]
        return Haste(self._weight, self._components, linear)

    def _fit_steps(
        self, planes: Sequence[Picture], strokes: Sequence[Painted], intensity: IntensityRange,
        stride: int, class_names: Mapping[int, str] | None, haste: Haste | None,
    ) -> Steps[PixelClassifier]:  # fmt: skip
        features = []
        for plane, own in zip(planes, strokes, strict=True):
            kept = self._kept(plane, intensity, stride)
            yield from kept.ensure_steps(own.positions, self.backbone, self.store)
            features.append(kept.features)
        return (
            yield from fit_on_features_steps(
                features, strokes, intensity,
                estimator=self.estimator, haste=haste, class_names=class_names,
                weights=self.backbone.info.weights if self.backbone is not None else None,
                random_state=self.random_state,
            )
        )  # fmt: skip

    def _window_steps(
        self, classifier: PixelClassifier, shown: Picture, window: Window, stride: int
    ) -> Steps[None]:
        """Segment a window: soon at some of its pixels, and then, at the last stride, at all of them."""
        kept = self._kept(shown, classifier.intensity, stride)
        step = _step(window)
        tiles = _nearest_first([tile.inner for tile in kept.features.tiles(window)], window)
        if not kept.knows(window):  # each part as soon as its features are there
            yield from self._parts_steps(classifier, kept, tiles, 1 if stride == self.spec.stride else step)
            return
        features = seen_by(classifier, kept.features.within(window))
        yield Progress(1, 2, "prediction", _patch(classifier, features, window, step))
        if step > 1 and stride == self.spec.stride:
            yield from self._parts_steps(classifier, kept, tiles, 1)

    def _around_steps(self, classifier: PixelClassifier, shown: Picture, window: Window) -> Steps[None]:
        kept = self._kept(shown, classifier.intensity, self.spec.stride)
        tiles = [tile.inner for tile in kept.features.tiles() if not _inside(tile.inner, window)]
        yield from self._parts_steps(classifier, kept, _nearest_first(tiles, window), 1)

    def _parts_steps(
        self, classifier: PixelClassifier, kept: KeptPlane, parts: Sequence[Window], step: int
    ) -> Steps[None]:
        for done, part in enumerate(parts, start=1):
            yield from kept.ensure_steps(part, self.backbone, self.store)
            features = seen_by(classifier, kept.features.within(part))
            yield Progress(done, len(parts), "prediction", _patch(classifier, features, part, step))


def _patch(classifier: PixelClassifier, features: PixelFeatures, window: Window, step: int) -> Patch:
    """Return the classes in a window, predicted at every `step`-th pixel."""
    classes = classifier.predict(features.sampled(window, step))
    shape = (window[0].stop - window[0].start, window[1].stop - window[1].start)
    return Patch(window, enlarged(classes, step, shape))


def _parts_of(classifier: PixelClassifier) -> tuple[Projection | None, Projection | None]:
    """Return the linear model of a blend, and the principal components that its forest sees."""
    whole, blend = classifier.projection, classifier.estimator
    if whole is None:
        return None, None
    logits = len(blend.classes) if blend.weight > 0 else 0
    linear = Projection(whole.basis[:, :logits], whole.offset[:logits])
    components = Projection(whole.basis[:, logits:], whole.offset[logits:])
    return linear if linear.width else None, components if components.width else None


def _nearest_first(parts: Sequence[Window], window: Window) -> list[Window]:
    """Return windows in the order of their distance from the middle of one."""
    middle = np.array([part.start + part.stop for part in window])
    away = [np.abs([part.start + part.stop for part in own] - middle).max() for own in parts]
    return [parts[index] for index in np.argsort(away, kind="stable")]


def _step(window: Window) -> int:
    """Return every how many pixels a window is predicted first: a power of two."""
    pixels = (window[0].stop - window[0].start) * (window[1].stop - window[1].start)
    step = 1
    while pixels > FIRST_PIXELS * step**2:
        step *= 2
    return step


def _inside(inner: Window, window: Window) -> bool:
    return all(
        part.start >= own.start and part.stop <= own.stop for part, own in zip(inner, window, strict=True)
    )
