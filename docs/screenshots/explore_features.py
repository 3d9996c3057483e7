"""Make the pictures of the tutorial "Explore features"; run it under a display or Xvfb.

``xvfb-run -a -s "-screen 0 1600x1000x24" python -m docs.screenshots.explore_features``

The images are two fields of the sample, side by side, each seen by the network on its own.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from qtpy.QtCore import QPoint, Qt
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QComboBox, QListWidget

from docs.screenshots.window import IMAGES, open_viewer, press, save, says, wait_until
from napari_vitrail import fit_classifier, segment
from napari_vitrail.samples import histology
from napari_vitrail.widgets._layers import class_colours

GAP = 20
UNDER_CURSOR = (330, 200)  # stroma between two glands, in the left field


def main() -> None:
    """Compute features, show colours, hold the key, make labels and draw the map; save each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=IMAGES)
    parser.add_argument("--theme", default="dark")
    options = parser.parse_args()
    viewer, widget = open_viewer("Explore features", options.theme)
    sample = histology()
    half = sample.image.shape[1] // 2
    viewer.add_image(sample.image[:, :half], name="left field")
    viewer.add_image(sample.image[:, half:], name="right field", translate=(0, half + GAP))
    tick_all(widget)
    choose(widget, "2 x 2 per patch")
    press(widget, "Compute features")
    wait_until(lambda: says(widget, "tokens of"))
    viewer.reset_view()
    landmark = {"size": 18, "face_color": "transparent", "border_color": "white", "border_width": 0.15}
    viewer.add_points([UNDER_CURSOR], name="cursor", **landmark)
    hold_over(viewer, widget, UNDER_CURSOR)
    viewer.layers.move(viewer.layers.index("cursor"), len(viewer.layers))
    save(viewer, options.folder / "explore_similarity.png")
    release(widget)
    viewer.layers.remove("cursor")

    choose(widget, "Value")
    press(widget, "Compute features")
    wait_until(lambda: says(widget, "tokens of"))
    press(widget, "Show colours")
    wait_until(lambda: "right field PCA" in viewer.layers)
    save(viewer, options.folder / "explore_colours.png")

    choose(widget, "Token, normalised")
    segmentation = segment(sample.image, fit_classifier([sample.image], [sample.labels]))
    viewer.layers.clear()
    viewer.add_image(sample.image, name="histology")
    truth = {"colormap": class_colours(), "opacity": 0.4, "name": "histology segmentation"}
    viewer.add_labels(segmentation.astype(np.uint8), **truth)
    press(widget, "Compute features")
    wait_until(lambda: says(widget, "histology,"))
    choose(widget, "histology segmentation")
    press(widget, "Map of tokens")
    wait_until(lambda: says(widget, "on the map"))
    viewer.reset_view()
    save(viewer, options.folder / "explore_map.png")
    viewer.close()


def tick_all(widget) -> None:
    """Tick every image."""
    rows = widget.findChild(QListWidget)
    for row in range(rows.count()):
        rows.item(row).setCheckState(Qt.CheckState.Checked)


def choose(widget, text: str) -> None:
    """Choose an entry in the combo box that has it."""
    next(box for box in widget.findChildren(QComboBox) if box.findText(text) >= 0).setCurrentText(text)


def hold_over(viewer, widget, position) -> None:
    """Move the mouse to a position in the world and press the key."""
    canvas = widget.window().findChild(QOpenGLWidget)
    camera = viewer.scene.camera
    middle = np.array([canvas.height(), canvas.width()]) / 2
    row, column = (np.asarray(position) - camera.center[-2:]) * camera.zoom + middle

    def arrived() -> bool:
        QTest.mouseMove(canvas, QPoint(round(column), round(row)))
        return np.allclose(viewer.cursor.position, position, atol=2 / camera.zoom)

    wait_until(arrived, seconds=10)
    QTest.keyPress(canvas, Qt.Key.Key_H)


def release(widget) -> None:
    """Release the key."""
    QTest.keyRelease(widget.window().findChild(QOpenGLWidget), Qt.Key.Key_H)


if __name__ == "__main__":
    main()
