"""Make ``docs/images/paint_to_segment.png`` by driving a real viewer; run it under a display or Xvfb.

``xvfb-run -a -s "-screen 0 1600x1000x24" python -m docs.screenshots.paint_to_segment``
"""

from __future__ import annotations

import argparse
from pathlib import Path

from docs.screenshots.window import IMAGES, open_viewer, press, save, says, wait, wait_until


def main() -> None:
    """Open the sample, press Segment, wait for the result and save what the window shows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, default=IMAGES / "paint_to_segment.png")
    parser.add_argument("--theme", default="dark")
    options = parser.parse_args()
    viewer, widget = open_viewer("Paint to segment", options.theme)
    viewer.open_sample("napari-vitrail", "histology")
    press(widget, "Segment")
    wait_until(lambda: says(widget, "Done in"))
    wait(2000)  # until it is forecast anew how long it would take
    viewer.reset_view()
    save(viewer, options.target)
    viewer.close()


if __name__ == "__main__":
    main()
