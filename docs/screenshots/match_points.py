"""Make ``docs/images/match_points.png``: a photograph and a turned copy of it, and the pairs that were found.

``xvfb-run -a -s "-screen 0 1600x1000x24" python -m docs.screenshots.match_points``
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from qtpy.QtWidgets import QComboBox
from skimage.data import astronaut
from skimage.transform import SimilarityTransform, warp

from docs.screenshots.window import IMAGES, open_viewer, press, save, says, wait, wait_until


def main() -> None:
    """Match the two, let pairs be found and fitted, and save what the window shows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, default=IMAGES / "match_points.png")
    parser.add_argument("--theme", default="dark")
    options = parser.parse_args()
    viewer, widget = open_viewer("Match points", options.theme)
    photograph = astronaut()
    turn = SimilarityTransform(scale=0.8, rotation=0.3, translation=(120, 10))
    turned = warp(photograph, turn.inverse, output_shape=(450, 560))
    viewer.add_image(photograph, name="photograph")
    viewer.add_image((turned * 255).astype(np.uint8), name="turned")
    wait(1000)
    press(widget, "Match")
    wait_until(lambda: says(widget, "click in either image"))
    press(widget, "Find pairs")
    wait_until(lambda: says(widget, "pairs proposed"))
    next(box for box in widget.findChildren(QComboBox) if box.findText("Similarity") >= 0).setCurrentText(
        "Similarity"
    )
    press(widget, "Fit")
    wait_until(lambda: says(widget, "pairs agree"))
    viewer.reset_view()
    save(viewer, options.target)
    viewer.close()


if __name__ == "__main__":
    main()
