"""From the end of a stroke to the repainted picture, in a real viewer, and what it does to the GUI thread."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import napari
import numpy as np
from numpy.typing import NDArray
from qtpy.QtOpenGLWidgets import QOpenGLWidget

from benchmarks.images import micrograph
from benchmarks.loop import Heartbeat, pass_time, wait_for
from docs.screenshots.window import SIZE, drag
from napari_vitrail.defaults import DEFAULTS
from napari_vitrail.widgets._layers import add_strokes

if TYPE_CHECKING:  # what loads torch is imported where it is used: the first picture must wait for it
    from napari.layers import Labels

    from napari_vitrail.live import LiveSession
    from napari_vitrail.widgets import ClassifierWidget

Place = tuple[tuple[float, float], tuple[float, float]]
"""Where a stroke begins and ends."""

STROKES = 30
IDLE_SECONDS = 5


@dataclass(frozen=True)
class Painting:
    """What was measured while painting on one image.

    Attributes
    ----------
    side : int, pixels
    opening : float, seconds
        Until the panel is there, imports included.
    repaints : list of float, seconds
        From the end of a stroke to the frame that shows the first of what was learned from it.
    whole : float, seconds
        From the end of the last stroke to the whole picture by the classifier that follows the brush.
    thorough : float, seconds
        From the end of the last stroke to the whole picture by the thorough classifier.
    first : float, seconds
        From the end of the first stroke of a second class, on an image never seen, to its first picture.
    hasty, thorough_pixels : float, seconds
        To predict every pixel with the classifier that follows the brush, and with the thorough one,
        features being at hand.
    unseen_first, unseen_whole : float, seconds
        On another image that was never seen, at stride 4 with everything loaded: from the end of the first
        stroke of a third class to the first picture, and to the picture of all pixels at that stride.
    idle_gaps, busy_gaps : list of float, seconds
        Between beats of the event loop: before the panel is opened; and while features of two
        images are computed, and learned from and predicted with.
    """

    side: int
    opening: float
    first: float
    repaints: list[float]
    whole: float
    thorough: float
    hasty: float
    thorough_pixels: float
    unseen_first: float
    unseen_whole: float
    idle_gaps: list[float]
    busy_gaps: list[float]


def in_a_fresh_process(side: int, n_strokes: int = STROKES, kept: Path | str = "") -> Painting:
    """Return what `painting` measures where nothing was loaded before."""
    command = [sys.executable, "-m", "benchmarks.live", str(side), str(n_strokes), str(kept)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Painting(**json.loads(done.stdout.splitlines()[-1]))


def painting(side: int, n_strokes: int = STROKES, kept: str = "") -> Painting:
    """Paint strokes with the mouse on a micrograph and watch the screen.

    Where `kept` names an ``.npz`` file, it gets the painted labels (n_strokes + 1, H, W) after the first
    strokes and after each of the others.
    """
    with tempfile.TemporaryDirectory() as folder:
        return _painting(side, n_strokes, kept, Path(folder))


def _painting(side: int, n_strokes: int, kept: str, store: Path) -> Painting:
    viewer = napari.Viewer(show_welcome_screen=False)
    viewer.window.resize(*SIZE)  # else as large as napari was when it was closed last
    image = viewer.add_image(micrograph(side), name="micrograph")
    pass_time(2)  # drawn, and whatever napari loads late is there
    beats = Heartbeat()
    pass_time(IDLE_SECONDS)
    idle = beats.gaps()
    widget, opening = _opened(viewer)
    DEFAULTS.store_folder = store  # in the one of Preferences lie features that earlier runs have kept
    strokes = add_strokes(viewer, image)
    viewer.reset_view()
    canvas = widget.window().findChild(QOpenGLWidget)
    swaps: list[float] = []
    canvas.frameSwapped.connect(lambda: swaps.append(time.perf_counter()))
    wait_for(lambda: len(swaps) > 2)
    places = _places(side, n_strokes + 3)
    beats.gaps()
    ended = _first_strokes(viewer, canvas, strokes, places)
    first = _painted_after(viewer, widget, swaps, ended)
    painted = [strokes.data.copy()]
    wait_for(lambda: widget._live.is_settled)
    repaints = []
    for index in range(n_strokes):
        strokes.selected_label = 1 + index % 3
        drag(viewer, canvas, *next(places))
        ended = time.perf_counter()
        repaints.append(_painted_after(viewer, widget, swaps, ended))
        painted.append(strokes.data.copy())
        if index + 1 < n_strokes:
            pass_time(0.3)
    wait_for(lambda: not widget._live._job.is_busy)
    whole = time.perf_counter() - ended
    wait_for(lambda: widget._live.is_settled)
    thorough = time.perf_counter() - ended
    gaps = beats.gaps()
    pixels = _predicting(image.data, strokes.data, widget._live._live)
    beats.gaps()  # this thread has just predicted
    unseen = _unseen(viewer, widget, swaps, np.rot90(image.data).copy())
    gaps += beats.gaps()
    viewer.close()
    if kept:
        np.savez_compressed(kept, labels=painted)
    return Painting(side, opening, first, repaints, whole, thorough, *pixels, *unseen, idle, gaps)


def _first_strokes(
    viewer: napari.Viewer, canvas: QOpenGLWidget, strokes: Labels, places: Iterator[Place]
) -> float:
    """Paint a stroke of each of three classes; return when the last ended."""
    for label in (1, 2, 3):
        strokes.selected_label = label
        drag(viewer, canvas, *next(places))
    return time.perf_counter()


def _unseen(
    viewer: napari.Viewer, widget: ClassifierWidget, swaps: Sequence[float], pixels: NDArray[np.uint8]
) -> tuple[float, float]:
    """Return the seconds to the first picture of another image, and to that of all pixels at stride 4."""
    viewer.layers.clear()
    wait_for(lambda: not widget._live._job.is_busy)
    form = widget._bench.form
    form.show(replace(form.spec, stride=4), form.estimator)
    image = viewer.add_image(pixels, name="micrograph")
    strokes = add_strokes(viewer, image)
    viewer.reset_view()
    pass_time(1)
    canvas = widget.window().findChild(QOpenGLWidget)
    ended = _first_strokes(viewer, canvas, strokes, _places(len(pixels), 3))
    first = _painted_after(viewer, widget, swaps, ended)
    wait_for(lambda: not widget._live._job.is_busy)
    return first, time.perf_counter() - ended


def _predicting(
    image: NDArray[np.uint8], labels: NDArray[np.integer], session: LiveSession
) -> tuple[float, float]:
    """Return the seconds to predict every pixel, hastily and thoroughly; the middle of three runs each."""
    from napari_vitrail.progress import drain
    from napari_vitrail.segmentation import predict_steps, seen_by

    whole = (slice(0, image.shape[0]), slice(0, image.shape[1]))
    thorough = session.classifier
    drain(session.learn_steps([image], [labels], image, whole))
    features = session._kept(image, thorough.intensity, session.spec.stride).features
    found = []
    for classifier in (session.classifier, thorough):
        times = []
        for _ in range(3):
            start = time.perf_counter()
            drain(predict_steps(seen_by(classifier, features), classifier, lambda tile, probabilities: None))
            times.append(time.perf_counter() - start)
        found.append(sorted(times)[1])
    return found[0], found[1]


def _opened(viewer: napari.Viewer) -> tuple[ClassifierWidget, float]:
    """Return the docked panel, and the seconds it took to open it."""
    start = time.perf_counter()
    from napari_vitrail.widgets import ClassifierWidget

    widget = ClassifierWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Paint to segment")
    return widget, time.perf_counter() - start


def _painted_after(
    viewer: napari.Viewer, widget: ClassifierWidget, swaps: Sequence[float], ended: float
) -> float:
    """Return the seconds from `ended` to the first frame after a patch was written."""
    written: list[float] = []
    before = len(swaps)

    def note(*_: object) -> None:
        if not written:
            written.append(time.perf_counter())

    result = "micrograph segmentation"
    wait_for(lambda: result in viewer.layers)
    viewer.layers[result].events.set_data.connect(note)
    wait_for(lambda: bool(written))
    viewer.layers[result].events.set_data.disconnect(note)
    wait_for(lambda: any(swap > written[0] for swap in swaps[before:]))
    return next(swap for swap in swaps[before:] if swap > written[0]) - ended


def _places(side: int, count: int) -> Iterator[Place]:
    """Yield where strokes begin and end."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        row, column = rng.uniform(0.1, 0.8, 2) * side
        yield (row, column), (row + 0.01 * side, column + 0.08 * side)


def table(results: Sequence[Painting]) -> str:
    """Return a Markdown table."""
    lines = [
        "| image | first picture | stroke to repaint, median | 95 % | whole picture, thorough "
        "| all pixels, hasty | thorough | another image, first picture | all pixels at stride 4 "
        "| gaps of an idle viewer, 99 % | while working, 99 % |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for one in results:
        middle, late = np.percentile(one.repaints, [50, 95])
        idle, busy = (1000 * np.percentile(gaps, 99) for gaps in (one.idle_gaps, one.busy_gaps))
        lines.append(
            f"| {one.side} x {one.side} | {one.first:.1f} s | {1000 * middle:.0f} ms | {1000 * late:.0f} ms "
            f"| {one.thorough:.1f} s | {one.hasty:.2f} s | {one.thorough_pixels:.2f} s "
            f"| {one.unseen_first:.1f} s | {one.unseen_whole:.1f} s | {idle:.0f} ms | {busy:.0f} ms |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(json.dumps(asdict(painting(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))))
