"""Make ``docs/images/live.gif``: paint on the sample with the mouse and record what the window shows.

``xvfb-run -a -s "-screen 0 1600x1000x24" python -m docs.screenshots.live``
"""

from __future__ import annotations

import argparse
from pathlib import Path

import napari
from PIL import Image
from qtpy.QtOpenGLWidgets import QOpenGLWidget

from docs.screenshots.window import IMAGES, drag, open_viewer, press, wait, wait_until

STROKES = [
    (1, (100, 60), (120, 150)),
    (2, (330, 250), (300, 200)),
    (3, (170, 340), (120, 330)),
    (1, (330, 90), (400, 110)),
    (2, (60, 480), (140, 495)),
    (3, (350, 20), (380, 40)),
]
"""Label, start and end of each, on the sample: glands, stroma, lumen."""
WIDTH, COLOURS = 520, 40
HELD_MS = 700
"""Each picture in the film."""


def main() -> None:
    """Open the sample without its strokes, paint, and save a picture after each stroke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, default=IMAGES / "live.gif")
    options = parser.parse_args()
    viewer, widget = open_viewer("Paint to segment")
    viewer.open_sample("napari-vitrail", "histology")
    viewer.layers.remove("histology strokes")
    press(widget, "New")
    strokes = viewer.layers["histology strokes"]
    strokes.brush_size = 8
    wait(500)  # until the window has its size
    viewer.reset_view()
    wait(500)
    canvas = widget.window().findChild(QOpenGLWidget)
    pictures = [_picture(viewer)]
    for label, start, end in STROKES:
        strokes.selected_label = label
        drag(viewer, canvas, start, end)
        for _ in range(2):  # first it is learned hastily, and after a rest thoroughly
            wait(1000)
            wait_until(lambda: not widget._bench.job.is_busy)
        pictures.append(_picture(viewer))
    first, *others = [picture.quantize(COLOURS, dither=Image.Dither.NONE) for picture in pictures]
    first.save(options.target, save_all=True, append_images=others, duration=HELD_MS, loop=0, optimize=True)
    print(f"{options.target}: {len(pictures)} pictures, {options.target.stat().st_size / 1000:.0f} kB")
    viewer.close()


def _picture(viewer: napari.Viewer) -> Image.Image:
    image = Image.fromarray(viewer.screenshot(canvas_only=False, flash=False)).convert("RGB")
    return image.resize((WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    main()
