"""Make ``docs/images/common_parts.png``: views of a cat, and the parts that they share.

``xvfb-run -a -s "-screen 0 1600x1000x24" python -m docs.screenshots.common_parts``
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from skimage.data import chelsea
from skimage.transform import rotate

from docs.screenshots.window import IMAGES, open_viewer, press, save, says, wait, wait_until


def views() -> list[np.ndarray]:
    """Return a photograph (300, 451, 3) as it is, mirrored, turned and darkened."""
    cat = chelsea()
    turned = rotate(cat, 12, mode="reflect", preserve_range=True).astype(np.uint8)
    dark = (255 * (cat / 255) ** 1.6).astype(np.uint8)
    return [cat, cat[:, ::-1], turned, dark]


def main() -> None:
    """Find what they share and save what the window shows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, default=IMAGES / "common_parts.png")
    parser.add_argument("--theme", default="dark")
    options = parser.parse_args()
    viewer, widget = open_viewer("Find common parts", options.theme)
    for number, view in enumerate(views(), start=1):
        viewer.add_image(view, name=f"cat {number}")
    wait(1000)
    press(widget, "Find")
    wait_until(lambda: says(widget, "found in") and widget._sharing.is_settled)
    grid = getattr(viewer, "canvas", viewer).grid  # napari 0.9 moved it
    grid.stride = 2
    grid.enabled = True
    viewer.reset_view()
    save(viewer, options.target)
    viewer.close()


if __name__ == "__main__":
    main()
