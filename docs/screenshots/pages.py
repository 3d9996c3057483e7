"""Make ``docs/images/results.png`` and ``batch.png``: the pages Results and Batch after they have been used.

``xvfb-run -a -s "-screen 0 1600x1000x24" python -m docs.screenshots.pages results``, the same with ``batch``
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import imageio.v3 as iio
import napari
import numpy as np
from qtpy.QtWidgets import QComboBox, QLineEdit, QTabWidget, QWidget

from docs.screenshots.window import IMAGES, open_viewer, press, save, says, wait, wait_until


def show_results(viewer: napari.Viewer, widget: QWidget) -> None:
    """Ask for all that the page Results makes of the coins; show the objects and their measurements."""
    show_page(widget, "Results")
    do(widget, "Probabilities", "probabilities of 2 classes")
    do(widget, "Most uncertain spot", "Least sure")
    do(widget, "Apply", "in the plane in view")
    do(widget, "Find objects", "objects.")
    for layer in viewer.layers:
        layer.visible = layer.name in ("coins", "coins objects")
    press(widget, "Table")
    wait(1000)
    widget.parent().raise_()


def show_batch(viewer: napari.Viewer, widget: QWidget) -> None:
    """Segment all slices of a stack of coins, and a folder of the same as files."""
    coins = viewer.layers["coins"].data
    trays = [coins, np.fliplr(coins), np.flipud(coins)]
    folder = Path(tempfile.mkdtemp())
    (folder / "trays").mkdir()
    for number, tray in enumerate(trays):
        iio.imwrite(folder / "trays" / f"tray_{number}.png", tray)
    os.chdir(folder)  # so that names are short
    viewer.add_image(np.stack(trays), name="trays")
    viewer.dims.set_point(0, 1)
    choices = [combo for combo in widget.findChildren(QComboBox) if combo.findText("trays") >= 0]
    choices[0].setCurrentText("trays")
    show_page(widget, "Batch")
    do(widget, "Segment all slices", "3 slices of trays segmented")
    files, into = widget._segment_files.findChildren(QLineEdit)
    choices[0].setCurrentText("coins")  # files are read as it is
    files.setText("trays/*.png")
    into.setText("segmented")
    do(widget, "Segment files", "3 of 3 images segmented")
    for layer in viewer.layers:
        layer.visible = layer.name.startswith("trays")


def show_page(widget: QWidget, title: str) -> None:
    """Bring a page to the front."""
    pages = widget.findChild(QTabWidget)
    pages.setCurrentIndex([pages.tabText(index) for index in range(pages.count())].index(title))


def do(widget: QWidget, action: str, done: str) -> None:
    """Press a button and wait until the line below says what came of it."""
    press(widget, action)
    wait_until(lambda: says(widget, done) and not widget._bench.job.is_busy)


PAGES = {"results": show_results, "batch": show_batch}


def main() -> None:
    """Open the coins, press Segment, use the page and save what the window shows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", choices=PAGES)
    parser.add_argument("--target", type=Path)
    parser.add_argument("--theme", default="dark")
    options = parser.parse_args()
    target = (options.target or IMAGES / f"{options.page}.png").resolve()
    viewer, widget = open_viewer("Paint to segment", options.theme)
    viewer.open_sample("napari-vitrail", "coins")
    do(widget, "Segment", "Done in")
    PAGES[options.page](viewer, widget)
    viewer.reset_view()
    wait(500)
    save(viewer, target)
    viewer.close()


if __name__ == "__main__":
    main()
