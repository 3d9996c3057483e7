"""The peak of memory of a spec, measured in a process of its own, beside what the plan says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from napari_vitrail import SEGMENTATION, FeatureSpec, list_backbones
from napari_vitrail.features import plan_features


@dataclass(frozen=True)
class Peak:
    """Megabytes above the imported libraries: as planned, as needed, and as they stay resident."""

    name: str
    planned: float
    needed: float
    resident: float


SEGMENTED = 4096
"""Pixels a side of the large image that is segmented."""
VARIANTS = [
    (224, {}),
    (518, {}),
    (518, {"stride": 4}),
    (518, {"stride": 2}),
    (518, {"sampling": "strided"}),
    (518, {"sampling": "strided", "stride": 4}),
    (518, {"backbone": "vit_base_patch14_dinov2.lvd142m"}),
    (1024, {}),
    (2048, {}),
]


def peaks(variants: Sequence[tuple[int, dict[str, object]]] = VARIANTS) -> list[Peak]:
    """Measure some (side, changed fields of the spec); backbones have random weights, of the same size."""
    found = []
    for side, changed in variants:
        spec = replace(SEGMENTATION, features="vit", **changed)
        info = next(info for info in list_backbones() if info.name == spec.backbone)
        planned = plan_features((side, side, 3), spec, info).peak_bytes / 1e6
        words = " ".join(f"{name}={value}" for name, value in changed.items())
        needed, kept = (measured(side, spec, hand_back=hand_back) / 1e6 for hand_back in (True, False))
        found.append(Peak(f"{side} px {words}".strip(), planned, needed, kept))
    return found


def measured(side: int, spec: FeatureSpec, *, hand_back: bool) -> int:
    """Return the peak of the resident set above the imported libraries, in bytes.

    Left to itself, glibc keeps freed blocks of up to 32 MB for later, more or less of them from run to
    run. `hand_back` has it return them, so that the peak is what was needed at a time.
    """
    command = [sys.executable, "-m", "benchmarks.memory", str(side), json.dumps(spec.to_dict())]
    environment = os.environ | ({"MALLOC_MMAP_THRESHOLD_": "1000000"} if hand_back else {})
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return int(done.stdout)


def segmenting() -> float:
    """Return the peak in megabytes, above the imported libraries, of segmenting a large image.

    Training on a corner of it is included, and the store that widgets and commands use.
    """
    command = [sys.executable, "-m", "benchmarks.memory", "segment"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout) / 1e6


def table(found: Sequence[Peak]) -> str:
    """Return a Markdown table."""
    lines = ["| image and spec | planned MB | needed MB | needed / planned | resident MB |"]
    lines.append("|---|---|---|---|---|")
    for one in found:
        figures = (
            f"{one.planned:.0f} | {one.needed:.0f} | {one.needed / one.planned:.2f} | {one.resident:.0f}"
        )
        lines.append(f"| {one.name} | {figures} |")
    return "\n".join(lines)


def peak_begins() -> None:
    """Forget the peak of the resident set so far (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")


def resident(field: str) -> int:
    """Return a figure of Linux on this process, in bytes: ``VmRSS`` now, ``VmHWM`` at its peak."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+) kB", status)[1]) * 1024


def warm_up() -> None:
    """Import everything that is imported on the way, and let libraries take what they keep."""
    import timm

    import napari_vitrail.segmentation  # noqa: F401

    timm.create_model("vit_tiny_patch16_224")


def _measure_here(side: int, fields: dict[str, object]) -> int:
    from benchmarks.images import micrograph
    from napari_vitrail import extract_features
    from napari_vitrail.backbones import ViTBackbone
    from napari_vitrail.backbones._load import empty_model

    spec = FeatureSpec.from_dict(fields)
    warm_up()
    image = micrograph(side)
    before = resident("VmRSS") - image.nbytes
    info = next(info for info in list_backbones() if info.name == spec.backbone)
    backbone = ViTBackbone(empty_model(info), info)
    peak_begins()
    extract_features(image, spec, backbone=backbone)
    return resident("VmHWM") - before


def _segment_here() -> int:
    from benchmarks.images import micrograph
    from napari_vitrail import FeatureStore, fit_classifier, segment

    warm_up()
    image = micrograph(SEGMENTED)
    strokes = np.zeros(image.shape[:2], np.uint8)
    strokes[100:120, 100:400] = 1
    strokes[700:720, 100:400] = 2
    before = resident("VmRSS") - image.nbytes
    with tempfile.TemporaryDirectory() as folder:
        peak_begins()
        store = FeatureStore(folder)
        classifier = fit_classifier([image], [strokes], SEGMENTATION, store=store)
        segment(image, classifier, store=store)
        return resident("VmHWM") - before


if __name__ == "__main__":
    if sys.argv[1] == "segment":
        print(_segment_here())
    else:
        print(_measure_here(int(sys.argv[1]), json.loads(sys.argv[2])))
