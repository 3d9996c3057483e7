"""Objects of one image: how soon they are there, coarse and in full, beside one pass of the ViT."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.memory import peak_begins, resident, warm_up

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail import Backbone, FoundObjects

SIDE, LARGE = 518, 4096
REPEATS = 5


@dataclass(frozen=True)
class Stage:
    """Seconds of a piece of the work, by the clock and of all cores."""

    name: str
    seconds: float
    cpu: float


@dataclass(frozen=True)
class Measured:
    """What was measured in fresh processes.

    Attributes
    ----------
    once : tuple of Stage
        What a process does once.
    each : tuple of Stage
        What it does for each image: the median.
    one_pass : Stage
        Of the ViT over the patch grid.
    cuts : tuple of float, seconds
        Of the median, and of the slowest, cut of the merge tree with its labels and boxes.
    peak : int, bytes
        Above the imported libraries, of a large image; the weights and the image included.
    """

    once: tuple[Stage, ...]
    each: tuple[Stage, ...]
    one_pass: Stage
    cuts: tuple[float, float]
    peak: int


def measured() -> Measured:
    """Measure in fresh processes; Linux."""
    told = _told("times")
    once, each = (tuple(Stage(**stage) for stage in told[name]) for name in ("once", "each"))
    return Measured(once, each, Stage(**told["one_pass"]), tuple(told["cuts"]), _told("memory"))


def table(found: Measured) -> str:
    """Return a Markdown table, and a sentence on cuts and memory."""
    lines = ["| | by the clock | CPU time | beside one pass |", "|---|---|---|---|"]
    for stage in (*found.once, *found.each, found.one_pass):
        times = f"{stage.seconds:.2f} s | {stage.cpu:.2f} s"
        lines.append(f"| {stage.name} | {times} | {stage.cpu / found.one_pass.cpu:.1f} |")
    median, slowest = (1000 * seconds for seconds in found.cuts)
    said = (
        f"A cut of the merge tree with its labels and boxes takes {median:.0f} ms ({slowest:.0f} ms at "
        f"most); an image of {LARGE} x {LARGE} pixels {found.peak / 1e6:.0f} MB at the peak."
    )
    return "\n".join(lines) + f"\n\n{said}"


def _told(what: str) -> Any:
    """Return what a process of its own says."""
    command = [sys.executable, "-m", "benchmarks.objects", what]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


class _Watch:
    """Times pieces of work, one after the other."""

    def __init__(self) -> None:
        self._start, self._cpu = time.perf_counter(), time.process_time()

    def stop(self, name: str) -> Stage:
        """Return what has passed since the last stop."""
        seconds, cpu = time.perf_counter(), time.process_time()
        stage = Stage(name, seconds - self._start, cpu - self._cpu)
        self._start, self._cpu = seconds, cpu
        return stage


def _times_here() -> dict[str, Any]:
    watch = _Watch()
    import timm  # noqa: F401

    import napari_vitrail.objects  # noqa: F401

    once = [watch.stop("once: imports")]
    from napari_vitrail import OBJECTS, load_backbone

    backbone = load_backbone(OBJECTS.descriptor.backbone)
    once.append(watch.stop("once: loading the weights"))
    image = _photograph()
    coarse, full, found = _look(image, backbone)
    once += [replace(coarse, name="the first image, coarse"), replace(full, name="the first image, in full")]
    looks = [_look(image, backbone)[:2] for _ in range(REPEATS)]
    published = _repeated("Algorithm 2 of the same descriptors", lambda: _published(found))
    each = [
        _median("coarse objects", [coarse for coarse, _ in looks]),
        _median("objects in full, the coarse ones included", [full for _, full in looks]),
        _repeated("objects in full, without the coarse ones", lambda: _found(image, backbone)),
        published,
    ]
    return {
        "once": [asdict(stage) for stage in once],
        "each": [asdict(stage) for stage in each],
        "one_pass": asdict(_one_pass(image, backbone)),
        "cuts": _cuts(found),
    }


def _photograph() -> NDArray[np.uint8]:
    from skimage.data import astronaut
    from skimage.transform import resize

    return (resize(astronaut(), (SIDE, SIDE)) * 255).astype(np.uint8)


def _look(image: NDArray[np.uint8], backbone: Backbone) -> tuple[Stage, Stage, FoundObjects]:
    """Return what passes until coarse objects are there, with their boxes, and all in full, and those."""
    from napari_vitrail import find_objects_steps

    whole, first = _Watch(), _Watch()
    coarse, steps = None, find_objects_steps(image, backbone=backbone)
    while True:
        try:
            progress = next(steps)
        except StopIteration as stop:
            found = stop.value
            break
        if progress.so_far is not None:
            len(progress.so_far.cut().boxes)
            coarse = first.stop("coarse")
    len(found.cut().boxes)
    assert coarse is not None
    return coarse, whole.stop("full"), found


def _found(image: NDArray[np.uint8], backbone: Backbone) -> None:
    from napari_vitrail import find_objects

    len(find_objects(image, backbone=backbone).cut().boxes)


def _published(found: FoundObjects) -> None:
    from napari_vitrail import DOCHERTY_OBJECTS, find_objects_seen

    len(find_objects_seen(found.seen, DOCHERTY_OBJECTS).cut().boxes)


def _one_pass(image: NDArray[np.uint8], backbone: Backbone) -> Stage:
    """Return what the tokens of the patch grid take, at the size at which objects are looked for."""
    from napari_vitrail import OBJECTS
    from napari_vitrail.seen import shown_pixels

    own, size = OBJECTS.descriptor.on_device(backbone.device), backbone.info.patch_size
    rgb, _ = shown_pixels(image, own, OBJECTS.side)

    def tokens() -> None:
        backbone.tokens(
            rgb, layer=own.layer, facet=own.facet, stride=size, attention=False, dtype=own.dtype
        )  # fmt: skip

    return _repeated("one pass of the ViT", tokens)


def _cuts(found: FoundObjects) -> tuple[float, float]:
    taken = []
    for count in range(1, found.tree.n_pieces + 1):
        start = time.perf_counter()
        cut = found.cut(n_classes=count)
        assert cut.labels.shape == found.seen.shape  # made when they are first asked for, like boxes
        len(cut.boxes)
        taken.append(time.perf_counter() - start)
    return float(np.median(taken)), max(taken)


def _repeated(name: str, work: Callable[[], None]) -> Stage:
    stages = []
    for _ in range(REPEATS):
        watch = _Watch()
        work()
        stages.append(watch.stop(name))
    return _median(name, stages)


def _median(name: str, stages: Sequence[Stage]) -> Stage:
    seconds, cpu = (float(np.median([getattr(one, field) for one in stages])) for field in ("seconds", "cpu"))
    return Stage(name, seconds, cpu)


def _memory_here() -> int:
    """Return the peak above the imported libraries of finding objects in a large image, in bytes."""
    import napari_vitrail.objects
    from benchmarks.images import micrograph
    from napari_vitrail import load_backbone

    warm_up()
    before = resident("VmRSS")
    image = micrograph(LARGE)
    peak_begins()
    _found(image, load_backbone(napari_vitrail.objects.OBJECTS.descriptor.backbone))
    return resident("VmHWM") - before


if __name__ == "__main__":
    print(json.dumps(_times_here() if sys.argv[1] == "times" else _memory_here()))
