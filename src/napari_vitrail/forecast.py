"""How long a segmentation will take on this machine, said before it is begun."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

from napari_vitrail.backbones import backbone_info, resolve_device
from napari_vitrail.features import enlarged_pixels, held_share, plan_features, seen_pixels
from napari_vitrail.image import IntensityRange, LayeredImage, as_image
from napari_vitrail.segmentation import strides_from
from napari_vitrail.speed import kind_of, shared_speeds

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from napari_vitrail.backbones import BackboneInfo
    from napari_vitrail.classify import PixelClassifier
    from napari_vitrail.features import TokenStore
    from napari_vitrail.spec import FeatureSpec
    from napari_vitrail.speed import Speeds


def forecast_seconds(
    shape: tuple[int, ...],
    spec: FeatureSpec,
    *,
    image: ArrayLike | LayeredImage | None = None,
    store: TokenStore | None = None,
    speeds: Speeds | None = None,
    device: str = "auto",
) -> float | None:
    """Return how long learning from strokes and segmenting an image will take; None where nobody knows.

    Parameters
    ----------
    shape : (H, W) or (H, W, C)
        Of the image.
    spec : FeatureSpec
    image : (H, W), (H, W, 3) or (H, W, 4) array, or LayeredImage, optional
        Its pixels say what the store holds already; without them nothing is said to be held.
    store : FeatureStore, optional
    speeds : Speeds, optional
        What is known of this machine; else what this process and those before it have learned.
    device : {"auto", "cuda", "mps", "cpu"}

    Notes
    -----
    What was measured is the work on patches, on queries, and the rest (classical features, training,
    prediction) per pixel. Other programs that use the machine are not known of.
    """
    speeds = shared_speeds() if speeds is None else speeds
    rest = speeds.seconds(rest_of(spec), prod(shape[:2]))
    if not spec.uses_vit:
        return rest
    info, device = backbone_info(spec.backbone), resolve_device(device)
    spec = spec.on_device(device)
    missing = 1.0 if image is None or store is None else 1 - _held(image, spec, info, speeds, store)
    vit = _vit_seconds(shape, spec, info, speeds, device) if missing else 0.0
    return None if rest is None or vit is None else missing * vit + rest


def rest_of(spec: FeatureSpec) -> str:
    """Return the kind of work that comes with the features of a spec, besides those of the ViT."""
    return f"pixel of {spec.features}"


def note_rest(spec: FeatureSpec, classifier: PixelClassifier, pixels: int, seconds: float) -> None:
    """Learn from a segmentation that was made: what it took besides the network, and with which weights."""
    speeds = shared_speeds()
    speeds.note(rest_of(spec), pixels, seconds)
    if classifier.weights is not None:
        speeds.weights[spec.backbone] = classifier.weights.digest
    speeds.save()


def _vit_seconds(
    shape: tuple[int, ...], spec: FeatureSpec, info: BackboneInfo, speeds: Speeds, device: str
) -> float | None:
    """Return how long the network will take for all levels, coarse to fine."""
    plan = plan_features(shape, spec, info)
    if spec.sampling == "strided":
        return speeds.seconds(kind_of("strided patch", info.name, device, spec.dtype), plan.patches)
    strides = strides_from(spec, info.patch_size)
    queries = sum(plan_features(shape, replace(spec, stride=stride), info).queries for stride in strides)
    passes = speeds.seconds(kind_of("patch", info.name, device, spec.dtype), plan.patches)
    asked = speeds.seconds(kind_of("query", info.name, device, spec.dtype), queries)
    return None if passes is None or asked is None else passes + asked


def _held(
    image: ArrayLike | LayeredImage, spec: FeatureSpec, info: BackboneInfo, speeds: Speeds, store: TokenStore
) -> float:
    """Return which part of the network's work on an image is in a store."""
    weights = speeds.weights.get(info.name)
    if weights is None:
        return 0.0
    pixels = as_image(image)
    seen = seen_pixels(pixels, spec, IntensityRange.of([pixels], spec.intensity)).rgb
    if seen is None:
        return 0.0
    return held_share(enlarged_pixels(seen, spec.magnification), spec, info.patch_size, weights, store)
