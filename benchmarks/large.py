"""A plane far beyond memory, painted by mouse in a real viewer: the peak of memory, beside what is read."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass

import dask.array as da
import numpy as np

from benchmarks.images import micrograph
from benchmarks.memory import peak_begins, resident

CHUNK = 1000
LEVELS = (1, 8, 32)
"""Every how many pixels the levels of the pyramid have one: without one napari holds the plane itself."""

BLOCKS = 2
CASES = ((20_000, "classical"), (60_000, "classical"), (60_000, "auto"))


@dataclass(frozen=True)
class Painted:
    """What was measured while painting on one plane.

    Attributes
    ----------
    side : int, pixels
    features : str
    opened, in_view, blocks : int, bytes
        The peak above the imported libraries with the viewer open, after painting and segmenting at two
        places, and after the first blocks of all of it.
    """

    side: int
    features: str
    opened: int
    in_view: int
    blocks: int


def painted(side: int, features: str) -> Painted:
    """Measure one plane in a process of its own; Linux, with a display."""
    command = [sys.executable, "-m", "benchmarks.large", str(side), features]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Painted(**json.loads(done.stdout.splitlines()[-1]))


def table(found: list[Painted]) -> str:
    """Return a Markdown table."""
    lines = [
        f"| plane | its bytes | features | viewer open | painted in view | {BLOCKS} blocks |",
        "|---|---|---|---|---|---|",
    ]
    for one in found:
        figures = " | ".join(f"{part / 1e6:.0f} MB" for part in (one.opened, one.in_view, one.blocks))
        size = f"{one.side:,} x {one.side:,} | {one.side**2 / 1e6:,.0f} MB"
        lines.append(f"| {size} | {one.features} | {figures} |")
    return "\n".join(lines)


def plane(side: int) -> list[da.Array]:
    """Return a pyramid of a plane that is made where it is looked at: a micrograph, side by side."""
    tile = micrograph(CHUNK)
    tile = tile if tile.ndim == 2 else tile[..., 0]

    def made(step: int, block_info: dict | None = None) -> np.ndarray:
        rows, columns = (np.arange(*part) * step % CHUNK for part in block_info[None]["array-location"])
        return tile[np.ix_(rows, columns)]

    sides = [-(-side // step) for step in LEVELS]
    chunks = [tuple(len(part) for part in np.array_split(np.arange(own), -(-own // CHUNK))) for own in sides]
    return [
        da.map_blocks(made, step, chunks=(own, own), dtype=tile.dtype, meta=tile[:0, :0])
        for step, own in zip(LEVELS, chunks, strict=True)
    ]


def _measure_here(side: int, features: str) -> Painted:
    from qtpy.QtOpenGLWidgets import QOpenGLWidget
    from qtpy.QtWidgets import QComboBox

    import napari_vitrail.segmentation  # noqa: F401
    from docs.screenshots.window import drag, open_viewer, press, says, wait, wait_until
    from napari_vitrail.widgets._blocks import blocks_of
    from napari_vitrail.widgets._image_plane import Channels
    from napari_vitrail.widgets._planes import all_planes

    before = resident("VmRSS")
    peak_begins()
    viewer, widget = open_viewer("Paint to segment")
    viewer.add_image(plane(side), name="slide", multiscale=True, contrast_limits=(0, 255))
    wait(2000)
    opened = resident("VmHWM") - before
    bench, canvas = widget._bench, widget.window().findChild(QOpenGLWidget)
    bench.layers._channels._choose(Channels(level=0))
    for box in widget.findChildren(QComboBox):
        if features == "classical" and box.findText("Classical") >= 0:
            box.setCurrentText("Classical")
    camera = getattr(viewer, "scene", viewer).camera  # napari 0.9 moved it
    for place in (side // 4, side * 3 // 4):
        camera.center, camera.zoom = (0, place, place), 1
        wait(500)
        press(widget, "New")
        for label, offset in ((1, -60), (2, 60)):
            bench.layers.strokes.selected_label = label
            drag(viewer, canvas, (place - 60, place + offset), (place + 60, place + offset))
        wait_until(lambda: widget._live.is_settled, 900)
    in_view = resident("VmHWM") - before
    image = bench.layers.image
    planes = all_planes(image, viewer.dims, bench.layers.channels)
    last = blocks_of(viewer, planes, image, bench.classifier.spec)[BLOCKS - 1]
    press(widget, "Segment all slices")
    wait_until(lambda: np.asarray(bench.result().data[0][last.index]).all(), 3600)
    press(widget, "Cancel")
    wait_until(lambda: says(widget, "Cancelled"))
    blocks = resident("VmHWM") - before
    viewer.close()
    return Painted(side, features, opened, in_view, blocks)


if __name__ == "__main__":
    print(json.dumps(asdict(_measure_here(int(sys.argv[1]), sys.argv[2]))))
