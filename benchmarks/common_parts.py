"""Another number of parts, another way to find the object: how soon a viewer shows it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import napari
import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QComboBox, QPushButton, QSlider, QSpinBox
from skimage.io import imread
from skimage.transform import resize

from benchmarks.loop import Heartbeat, pass_time, wait_for
from docs.screenshots.window import SIZE
from napari_vitrail import COSEGMENTATION, load_backbone
from napari_vitrail.widgets import CommonPartsWidget

IMAGES, SIDE = 10, 320


@dataclass(frozen=True)
class Change:
    """What was measured of one change of what is looked for; all in seconds.

    Attributes
    ----------
    what : str
    gallery : float
        From the key to the small pictures of what was found.
    layers : float
        From the key to the labels of the last image.
    gap : float
        The longest between beats of the event loop meanwhile.
    """

    what: str
    gallery: float
    layers: float
    gap: float


def photographs(folder: Path) -> list[NDArray[np.uint8]]:
    """Return the first photographs of a folder, their longer side brought to `SIDE` pixels."""
    return [_sized(imread(path)) for path in sorted(folder.glob("*.jpg"))[:IMAGES]]


def _sized(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    factor = SIDE / max(image.shape[:2])
    sides = [round(side * factor) for side in image.shape[:2]]
    return (resize(image, sides, anti_aliasing=True) * 255).astype(np.uint8)


def changes(images: Sequence[NDArray[np.uint8]]) -> Iterator[Change]:
    """Let images be looked at, then ask for other parts and another object with the keyboard."""
    load_backbone(COSEGMENTATION.descriptor.backbone)
    viewer = napari.Viewer(show_welcome_screen=False)
    viewer.window.resize(*SIZE)  # else as large as napari was when it was closed last
    for number, image in enumerate(images, start=1):
        viewer.add_image(image, name=f"photograph {number}")
    widget = CommonPartsWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Find common parts")
    pass_time(2)  # drawn, and whatever napari loads late is there
    beats = Heartbeat()
    find = next(button for button in widget.findChildren(QPushButton) if button.text() == "Find")
    slider, count = widget.findChild(QSlider), widget.findChild(QSpinBox)
    method = next(combo for combo in widget.findChildren(QComboBox) if combo.findText("Consensus") >= 0)
    steps: list[tuple[str, Callable[[], None]]] = [
        ("Find, four parts", lambda: QTest.mouseClick(find, Qt.MouseButton.LeftButton)),
        ("twelve parts", lambda: QTest.keyClick(slider, Qt.Key.Key_End)),
        ("eleven parts", lambda: QTest.keyClick(slider, Qt.Key.Key_Left)),
        ("the object", lambda: QTest.keyClick(slider, Qt.Key.Key_Home)),
        ("two parts", lambda: QTest.keyClick(slider, Qt.Key.Key_Right)),
        ("votes, clusters by the elbow", lambda: QTest.keyClick(method, Qt.Key.Key_Down)),
        ("votes for 8 clusters", lambda: count.setValue(8)),
        ("votes for 9 clusters", lambda: QTest.keyClick(count, Qt.Key.Key_Up)),
        ("consensus again", lambda: QTest.keyClick(method, Qt.Key.Key_Up)),
    ]
    for what, step in steps:
        yield _changed(widget, beats, what, step)
    viewer.close()


def _changed(widget: CommonPartsWidget, beats: Heartbeat, what: str, step: Callable[[], None]) -> Change:
    sharing, shown = widget._sharing, []
    before = sharing.found

    def note() -> None:
        if sharing.found is not before:
            shown.append(time.perf_counter())

    sharing.shown.connect(note)
    pass_time(0.5)
    beats.gaps()
    start = time.perf_counter()
    step()
    wait_for(lambda: bool(shown) and sharing.is_settled)
    end = time.perf_counter()
    gap = max(beats.gaps())
    sharing.shown.disconnect(note)
    return Change(what, shown[0] - start, end - start, gap)


def table(results: Sequence[Change]) -> str:
    """Return a Markdown table."""
    heads = ["asked for", "in the gallery after", "in all layers after", "longest gap of the event loop"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for one in results:
        lines.append(f"| {one.what} | {one.gallery:.2f} s | {one.layers:.2f} s | {1000 * one.gap:.0f} ms |")
    return "\n".join(lines)
