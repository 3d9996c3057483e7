"""Make ``docs/images/find_objects.png``: what is in a photograph, and boxes round it.

``xvfb-run -a -s "-screen 0 1600x1000x24" python -m docs.screenshots.find_objects``
"""

from __future__ import annotations

import argparse
from pathlib import Path

from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QSlider
from skimage.data import astronaut

from docs.screenshots.window import IMAGES, open_viewer, press, save, says, wait, wait_until

DETAIL = 16
READY_MS = 15_000
"""Between the opening of the widget, which begins to import what it needs, and the press of the button."""


def main() -> None:
    """Find what is in a photograph, accept a box, and save what the window shows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, default=IMAGES / "find_objects.png")
    parser.add_argument("--theme", default="dark")
    options = parser.parse_args()
    viewer, widget = open_viewer("Find objects", options.theme)
    viewer.add_image(astronaut(), name="astronaut")
    wait(READY_MS)
    press(widget, "Find objects")
    wait_until(lambda: says(widget, "Done in") and widget._scenes.is_settled)
    widget.findChild(QSlider).setValue(DETAIL)
    wait_until(lambda: widget._scenes.is_settled)
    QTest.keyClick(widget.window().findChild(QOpenGLWidget), "K")
    viewer.reset_view()
    save(viewer, options.target)
    viewer.close()


if __name__ == "__main__":
    main()
