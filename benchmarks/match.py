"""Points that are clicked in one image and arrive in another, in a real viewer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import napari
import numpy as np
from numpy.typing import NDArray
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from skimage.data import astronaut, chelsea, coffee
from skimage.transform import SimilarityTransform, resize, warp

from benchmarks.loop import pass_time, wait_for
from docs.screenshots.window import SIZE, click
from napari_vitrail import MATCHING, SavedPairs, load_backbone
from napari_vitrail.widgets import MatchWidget

SIDE = 518
CLICKS = 20
PAIRS = 10


@dataclass(frozen=True)
class Clicking:
    """What was measured on one pair of images; all in seconds.

    Attributes
    ----------
    images : str
        What they show.
    first_coarse, first_exact : float
        From a click made as soon as Match was pressed to its first partner, and to the last.
    transfers : list of float
        `ImagePair.transfer` of one point, alone.
    clicks : list of float
        From the release of the mouse to the partner that the network has found, standing in the other layer.
    frames : list of float
        From the same to the frame that shows it.
    busy : list of float
        Of the former, the processor's time in the GUI thread.
    finding : float
        From Find pairs to the pairs.
    """

    images: str
    first_coarse: float
    first_exact: float
    transfers: list[float]
    clicks: list[float]
    frames: list[float]
    busy: list[float]
    finding: float


def pairs_of_images() -> dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Return what is matched: photographs whose longer side has `SIDE` pixels."""
    photograph = _sized(astronaut())
    turn = SimilarityTransform(scale=0.8, rotation=0.3, translation=(120, 10))
    turned = warp(photograph, turn.inverse, output_shape=(450, SIDE), preserve_range=True)
    return {
        "a photograph and a turned copy": (photograph, turned.astype(np.uint8)),
        "two photographs": (_sized(chelsea()), _sized(coffee())),
    }


def _sized(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    factor = SIDE / max(image.shape[:2])
    sides = [round(side * factor) for side in image.shape[:2]]
    return (resize(image, sides, anti_aliasing=True) * 255).astype(np.uint8)


def clicking(name: str, image0: NDArray[np.uint8], image1: NDArray[np.uint8]) -> Clicking:
    """Click into one of two images, first while nothing was seen and then when all was."""
    load_backbone(MATCHING.descriptor.backbone)
    viewer = napari.Viewer(show_welcome_screen=False)
    viewer.window.resize(*SIZE)  # else as large as napari was when it was closed last
    viewer.add_image(image0, name="fixed")
    viewer.add_image(image1, name="moving")
    widget = MatchWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Match points")
    pass_time(2)  # drawn, and whatever napari loads late is there
    first = _first_click(viewer, widget)
    seen = widget._matching.seen
    assert seen is not None
    places = np.random.default_rng(0).uniform(0.2, 0.8, (CLICKS + 1, 2)) * image0.shape[:2]
    transfers = []
    for place in places:
        start = time.perf_counter()
        seen.transfer([place])
        transfers.append(time.perf_counter() - start)
    found = [_one_click(viewer, widget, place) for place in places]
    clicks, frames, busy = map(list, zip(*found[1:], strict=True))  # one to warm up
    finding = _finding(widget)
    viewer.close()
    return Clicking(name, *first, transfers[1:], clicks, frames, busy, finding)


def _first_click(viewer: napari.Viewer, widget: MatchWidget) -> tuple[float, float]:
    """Return the seconds from a click into images that are just being looked at to either answer."""
    matching = widget._matching
    matching.start()
    pass_time(0.1)  # until a hand has come from the button to the image
    answered: list[float] = []
    assert matching.linked is not None
    matching.linked.changed.connect(lambda: _note(answered, matching.linked.pairs))
    start = time.perf_counter()
    click(viewer, _canvas(widget), _middle(viewer))
    wait_for(lambda: not matching.job.is_busy and not matching._transfers.is_busy and len(answered) > 1)
    return answered[0] - start, answered[-1] - start


def _one_click(viewer: napari.Viewer, widget: MatchWidget, place: NDArray) -> tuple[float, float, float]:
    """Return the seconds from a click to its partner and to the screen, and what the GUI thread worked."""
    pass_time(0.4)
    linked, canvas = widget._matching.linked, _canvas(widget)
    assert linked is not None
    answered: list[float] = []
    swaps: list[float] = []
    worked: list[float] = []

    def note() -> None:
        _note(answered, linked.pairs)
        if answered and not worked:
            worked.append(time.thread_time())

    def note_frame() -> None:
        swaps.append(time.perf_counter())

    linked.changed.connect(note)
    canvas.frameSwapped.connect(note_frame)
    began, start = time.thread_time(), time.perf_counter()
    click(viewer, canvas, viewer.layers["fixed"].data_to_world(place)[-2:])
    wait_for(lambda: any(swap > answered[0] for swap in swaps) if answered else False)
    linked.changed.disconnect(note)
    canvas.frameSwapped.disconnect(note_frame)
    shown = next(swap for swap in swaps if swap > answered[0])
    return answered[0] - start, shown - start, worked[0] - began


def _note(answered: list[float], pairs: SavedPairs) -> None:
    """Note the time if every point has the partner that the network has found."""
    if len(pairs.ids) and not np.isnan(pairs.correspondences.similarity).any():
        answered.append(time.perf_counter())


def _finding(widget: MatchWidget) -> float:
    """Return the seconds that automatic pairs take."""
    pass_time(1)
    start = time.perf_counter()
    widget._proposals._count.setValue(PAIRS)
    widget._proposals._find.click()
    wait_for(lambda: not widget._matching.job.is_busy)
    return time.perf_counter() - start


def _canvas(widget: MatchWidget) -> QOpenGLWidget:
    return widget.window().findChild(QOpenGLWidget)


def _middle(viewer: napari.Viewer) -> NDArray:
    image = viewer.layers["fixed"]
    return np.asarray(image.data_to_world(np.array(image.data.shape[:2]) / 2))[-2:]


def table(results: Sequence[Clicking]) -> str:
    """Return a Markdown table."""
    heads = [
        "images", "first click to a coarse partner", "to the exact one", "one transfer, median (95 %)",
        "click to partner, median (95 %)", "to the screen", "of it the GUI thread", f"{PAIRS} pairs found",
    ]  # fmt: skip
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for one in results:
        cells = [one.images, f"{one.first_coarse:.1f} s", f"{one.first_exact:.1f} s"]
        cells += [_spoken(times) for times in (one.transfers, one.clicks, one.frames)]
        cells += [f"{1000 * np.median(one.busy):.0f} ms", f"{one.finding:.1f} s"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _spoken(times: Sequence[float]) -> str:
    middle, late = 1000 * np.percentile(times, [50, 95])
    return f"{middle:.0f} ms ({late:.0f} ms)"
