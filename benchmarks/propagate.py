"""Labels through a film: time a frame and memory, patch by patch as published beside the default."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.memory import peak_begins, resident, warm_up
from evals.videos import DAVIS, VIDEOS

if TYPE_CHECKING:
    from numpy.typing import NDArray

FILM = "dog"
WAYS = {"published": "patch by patch, first frame labelled", "default": "default, first frame labelled",
        "both": "default, first and last frame labelled"}  # fmt: skip


@dataclass(frozen=True)
class Run:
    """What a run through a film takes.

    Attributes
    ----------
    seconds, cpu : float
        A frame, by the clock and of all cores.
    peak : int, bytes
        Above the imported libraries, the weights included.
    """

    seconds: float
    cpu: float
    peak: int


class Film:
    """Frames of a film that goes forth and back as often as it takes, each read when it is asked for."""

    def __init__(self, count: int) -> None:
        self._video = next(own for own in VIDEOS[DAVIS]() if own.name == FILM)
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> NDArray[Any]:
        return self._video[self._place(index)]

    def truth(self, index: int) -> NDArray[Any]:
        """Return the true labels of a frame."""
        return self._video.truth(self._place(index))

    def _place(self, index: int) -> int:
        last = len(self._video) - 1
        return last - abs(last - index % (2 * last))


def runs(count: int) -> dict[str, Run]:
    """Measure every way through so many frames, each in a process of its own; Linux."""
    return {way: _told(way, count) for way in WAYS}


def table(found: dict[str, Run]) -> str:
    """Return a Markdown table."""
    lines = ["| | a frame by the clock | CPU time a frame | peak of memory |", "|---|---|---|---|"]
    for way, run in found.items():
        figures = f"{run.seconds:.1f} s | {run.cpu:.1f} s | {run.peak / 1e6:.0f} MB"
        lines.append(f"| {WAYS[way]} | {figures} |")
    return "\n".join(lines)


def _told(way: str, count: int) -> Run:
    """Return what a process of its own says."""
    command = [sys.executable, "-m", "benchmarks.propagate", way, str(count)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Run(**json.loads(done.stdout))


def _run_here(way: str, count: int) -> Run:
    from napari_vitrail import DINO_PROPAGATION, PROPAGATION, load_backbone, propagate_labels_steps

    warm_up()
    base = resident("VmRSS")
    peak_begins()
    spec = DINO_PROPAGATION if way == "published" else PROPAGATION
    backbone = load_backbone(spec.descriptor.backbone)
    film = Film(count)
    labelled: Sequence[int] = (0, count - 1) if way == "both" else (0,)
    given = {index: film.truth(index) for index in labelled}
    start, cpu = time.perf_counter(), time.process_time()
    for _ in propagate_labels_steps(film, given, spec, backbone=backbone):
        pass  # what a caller does with frames is none of ours
    passed = count - len(labelled)
    return Run(
        (time.perf_counter() - start) / passed, (time.process_time() - cpu) / passed, resident("VmHWM") - base
    )


if __name__ == "__main__":
    print(json.dumps(asdict(_run_here(sys.argv[1], int(sys.argv[2])))))
