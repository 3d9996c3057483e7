"""Make ``docs/images/paint_to_segment.png`` by driving a real viewer; run it under a display or Xvfb.

``xvfb-run -a -s "-screen 0 1600x1000x24" python docs/screenshots/paint_to_segment.py``
"""

from __future__ import annotations

import argparse
from pathlib import Path

import napari
from PIL import Image
from qtpy.QtCore import QEventLoop, QTimer
from qtpy.QtWidgets import QPushButton

TARGET = Path(__file__).resolve().parents[1] / "images" / "paint_to_segment.png"
SIZE = (1280, 800)


def main() -> None:
    """Open the sample, press Segment, wait for the result and save what the window shows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, default=TARGET)
    parser.add_argument("--theme", default="dark")
    options = parser.parse_args()
    viewer = napari.Viewer(show_welcome_screen=False)
    viewer.theme = options.theme
    viewer.open_sample("napari-vitrail", "histology")
    _, widget = viewer.window.add_plugin_dock_widget("napari-vitrail", "Paint to segment")
    viewer.window.resize(*SIZE)
    press(widget, "Segment")
    wait_until(lambda: "histology segmentation" in viewer.layers)
    viewer.reset_view()
    wait(500)
    save(viewer.screenshot(canvas_only=False, flash=False), options.target)
    viewer.close()


def press(widget, text: str) -> None:
    """Press a button by what it says."""
    next(button for button in widget.findChildren(QPushButton) if button.text() == text).click()


def wait(milliseconds: int) -> None:
    """Let the viewer draw and its threads deliver."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def wait_until(condition, seconds: int = 600) -> None:
    """Wait until a condition holds."""
    for _ in range(10 * seconds):
        if condition():
            return
        wait(100)
    raise TimeoutError(f"nothing came of it in {seconds} s")


def save(pixels, target: Path) -> None:
    """Save RGB pixels as a small PNG of 256 colours."""
    target.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels).convert("RGB")
    palette = {"method": Image.Quantize.MAXCOVERAGE, "kmeans": 2, "dither": Image.Dither.NONE}
    image.quantize(256, **palette).save(target, optimize=True)
    print(f"{target}: {image.width} x {image.height}, {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
