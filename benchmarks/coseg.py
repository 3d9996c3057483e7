"""Co-segmentation of ten to thousands of images: seconds and peak of memory, and how they grow."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.memory import peak_begins, resident, warm_up

SIDE = 112
"""At which many images are seen: a sixteenth of the places, and of the time, of the default."""
MEMORY_BYTES = 16 << 20
"""For descriptors of images seen at `SIDE`: a sixteenth of the default, too few for a thousand images."""
SHAPE = (240, 320)
N_PARTS = 4
TEN = 10
OTHER_CLUSTERS = (4, 6, 8, 10, 12)
OTHER_PARTS = (2, 3, 5, 6, 8)


@dataclass(frozen=True)
class Stage:
    """Seconds of a stage of the work, by the clock and of all cores, and the peak of memory in bytes."""

    name: str
    seconds: float
    cpu: float
    peak: int


class Crops:
    """Photographs of one size: crops of four, every second of each mirrored, made when they are asked for."""

    def __init__(self, count: int) -> None:
        from skimage.data import astronaut, cat, chelsea, coffee

        self._whole = [astronaut(), cat(), chelsea(), coffee()]
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        whole = self._whole[index % len(self._whole)]
        room = [side - wanted for side, wanted in zip(whole.shape, SHAPE, strict=False)]
        top, left = np.random.default_rng(index).integers(0, [side + 1 for side in room])
        crop = whole[top : top + SHAPE[0], left : left + SHAPE[1]]
        return crop[:, :: -1 if index // len(self._whole) % 2 else 1]


def growing(counts: Sequence[int], folder: Path) -> Iterator[tuple[int, list[Stage]]]:
    """Measure sets of so many images, each in a process of its own; leave their descriptors in a folder."""
    for count in counts:
        told = _told(["many", str(count), str(folder / f"{count}.npy")])
        yield count, [Stage(**stage) for stage in told]


def ten() -> tuple[Stage, float]:
    """Return what ten images of 320 pixels take at the default spec, with Python's start and all imports.

    The other number is the longest time that another number of clusters, or of parts, takes then.
    """
    start = time.perf_counter()
    told = _told(["ten"])
    seconds = time.perf_counter() - start - sum(told["again"])
    return Stage("ten", seconds, told["cpu"], told["peak"]), max(told["again"])


def exponent(counts: Sequence[int], values: Sequence[float]) -> float:
    """Return the power of the number of images that values grow with."""
    return float(np.polyfit(np.log(counts), np.log(values), 1)[0])


def table(results: Sequence[tuple[int, Sequence[Stage]]]) -> str:
    """Return a Markdown table with a line for each stage: seconds of all cores an image, and peaks."""
    counts = [count for count, _ in results]
    heads = [f"{count} images" for count in counts]
    lines = [f"| | {' | '.join(heads)} | exponent |", "|---" * (len(heads) + 2) + "|"]
    for number, stage in enumerate(results[0][1]):
        own = [stages[number] for _, stages in results]
        cells = [
            f"{1000 * one.cpu / n:.3g} ms ({one.seconds:.3g} s)" for n, one in zip(counts, own, strict=True)
        ]
        power = exponent(counts, [one.cpu for one in own])
        lines.append(
            f"| {stage.name}, CPU time an image (all by the clock) | {' | '.join(cells)} | {power:.2f} |"
        )
    peaks = [max(stage.peak for stage in stages) for _, stages in results]
    cells = [f"{peak / 1e6:.0f} MB" for peak in peaks]
    lines.append(f"| peak of memory | {' | '.join(cells)} | {exponent(counts, peaks):.2f} |")
    return "\n".join(lines)


def _told(words: Sequence[str]) -> Any:
    """Return what a process of its own says."""
    command = [sys.executable, "-m", "benchmarks.coseg", *words]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


class _Watch:
    """Measures stages of this process, one after the other."""

    def __init__(self) -> None:
        warm_up()
        self._base = resident("VmRSS")
        self.stages: list[Stage] = []
        self._begin()

    def _begin(self) -> None:
        peak_begins()
        self._start, self._cpu = time.perf_counter(), time.process_time()

    def stop(self, name: str) -> None:
        """End a stage, and begin the next."""
        seconds, cpu = time.perf_counter() - self._start, time.process_time() - self._cpu
        self.stages.append(Stage(name, seconds, cpu, resident("VmHWM") - self._base))
        self._begin()


def _many_here(count: int, descriptors: Path) -> list[Stage]:
    from napari_vitrail import (
        COSEGMENTATION,
        FeatureStore,
        cosegment_parts_seen,
        cosegment_seen,
        load_backbone,
        see_set,
    )

    images = Crops(count)
    watch = _Watch()
    backbone = load_backbone(COSEGMENTATION.descriptor.backbone)
    watch.stop("loading")
    spec = replace(COSEGMENTATION, side=SIDE)
    with tempfile.TemporaryDirectory() as folder:
        store = FeatureStore(folder, memory_bytes=0, context_bytes=0)
        seen = see_set(images, spec, backbone=backbone, store=store, memory_bytes=MEMORY_BYTES)
    watch.stop("seeing")
    found = cosegment_seen(seen)
    watch.stop("finding the object")
    for _ in found.masks():
        pass
    watch.stop("its masks")
    parts = cosegment_parts_seen(found, N_PARTS)
    watch.stop(f"{N_PARTS} parts of it")
    for _ in parts.all_labels():
        pass
    watch.stop("their masks")
    np.save(
        descriptors, np.concatenate([own.descriptors.reshape(-1, spec.n_components) for own in seen.pictures])
    )
    return watch.stages[1:]


def _ten_here() -> dict[str, Any]:
    from napari_vitrail import (
        COSEGMENTATION,
        Consensus,
        FeatureStore,
        cosegment_parts_seen,
        cosegment_seen,
        see_set,
    )

    watch = _Watch()
    with tempfile.TemporaryDirectory() as folder:
        store = FeatureStore(folder, memory_bytes=0, context_bytes=0)
        seen = see_set(Crops(TEN), COSEGMENTATION, store=store)
    found = cosegment_seen(seen)
    list(found.masks())
    watch.stop("ten")
    cpu = time.process_time()
    for n_clusters in OTHER_CLUSTERS:
        list(cosegment_seen(seen, Consensus(counts=(n_clusters,))).masks())
        watch.stop("clusters")
    for n_parts in OTHER_PARTS:
        list(cosegment_parts_seen(found, n_parts).all_labels())
        watch.stop("parts")
    again = [stage.seconds for stage in watch.stages[1:]]
    return {"cpu": cpu, "peak": watch.stages[0].peak, "again": again}


if __name__ == "__main__":
    if sys.argv[1] == "many":
        print(json.dumps([asdict(stage) for stage in _many_here(int(sys.argv[2]), Path(sys.argv[3]))]))
    else:
        print(json.dumps(_ten_here()))
