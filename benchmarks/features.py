"""Dense queries beside the strided passes of both papers, on the same image and network."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from skimage.data import immunohistochemistry
from skimage.transform import resize

from napari_vitrail import SEGMENTATION, FeatureSpec, extract_features, features_at, load_backbone
from napari_vitrail.backbones import ViTBackbone


@dataclass(frozen=True)
class Timing:
    """Median seconds of one way to get features."""

    name: str
    seconds: float


def micrograph(side: int) -> np.ndarray:
    """Return a real micrograph, resized to a square."""
    return (resize(immunohistochemistry(), (side, side), anti_aliasing=True) * 255).astype(np.uint8)


def median_seconds(work: Callable[[], object], repeats: int) -> float:
    """Return the median time of some work, after one run that does not count."""
    work()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def timings(side: int, strides: Sequence[int], n_positions: int, repeats: int) -> list[Timing]:
    """Time the plain pass, then queries and strided passes at each stride, and queries at some pixels."""
    image = micrograph(side)
    queries = replace(SEGMENTATION, features="vit")
    backbone = load_backbone(queries.backbone)
    plain = replace(queries, sampling="strided", stride=backbone.info.patch_size, tile=side)
    results = [Timing("plain pass", _seconds(image, plain, backbone, repeats))]
    for stride in strides:
        for sampling in ("queries", "strided"):
            spec = replace(queries, sampling=sampling, stride=stride, tile=side)
            results.append(Timing(f"{sampling}, stride {stride}", _seconds(image, spec, backbone, repeats)))
    positions = np.random.default_rng(0).integers(0, side, (n_positions, 2))
    seconds = median_seconds(lambda: features_at(image, positions, queries, backbone=backbone), repeats)
    return [*results, Timing(f"queries at {n_positions} pixels, stride {queries.stride}", seconds)]


def _seconds(image: np.ndarray, spec: FeatureSpec, backbone: ViTBackbone, repeats: int) -> float:
    return median_seconds(lambda: extract_features(image, spec, backbone=backbone), repeats)


def table(results: Sequence[Timing]) -> str:
    """Return a Markdown table; the first timing is what the others are compared with."""
    lines = ["| features | median seconds | times the plain pass |", "|---|---|---|"]
    for result in results:
        ratio = result.seconds / results[0].seconds
        lines.append(f"| {result.name} | {result.seconds:.2f} | {ratio:.1f} |")
    return "\n".join(lines)
