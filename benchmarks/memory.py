"""The peak of memory of a spec, measured in a process of its own, beside what the plan says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from napari_vitrail import SEGMENTATION, FeatureSpec, list_backbones
from napari_vitrail.features import plan_features


@dataclass(frozen=True)
class Peak:
    """Megabytes above the imported libraries, as planned and as measured."""

    name: str
    planned: float
    measured: float


VARIANTS = [
    (224, {}),
    (518, {}),
    (518, {"stride": 4}),
    (518, {"stride": 2}),
    (518, {"sampling": "strided"}),
    (518, {"sampling": "strided", "stride": 4}),
    (518, {"flips": "group"}),
    (518, {"backbone": "vit_base_patch14_dinov2.lvd142m"}),
    (1024, {}),
    (1024, {"tile": 1024}),
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
        found.append(Peak(f"{side} px {words}".strip(), planned, measured(side, spec) / 1e6))
    return found


def measured(side: int, spec: FeatureSpec) -> int:
    """Return the peak of the resident set above the imported libraries, in bytes."""
    command = [sys.executable, "-m", "benchmarks.memory", str(side), json.dumps(spec.to_dict())]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout)


def table(found: Sequence[Peak]) -> str:
    """Return a Markdown table."""
    lines = ["| image and spec | planned MB | measured MB | measured / planned |", "|---|---|---|---|"]
    for one in found:
        lines.append(
            f"| {one.name} | {one.planned:.0f} | {one.measured:.0f} | {one.measured / one.planned:.2f} |"
        )
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


if __name__ == "__main__":
    print(_measure_here(int(sys.argv[1]), json.loads(sys.argv[2])))
